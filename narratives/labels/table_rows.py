"""Reads the rows of a labelled table as cells by column, as often as needed, so that memory stays small."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.tables.exports.roles import NO_ROLES, Roles
from narratives.tables.headers import repeating
from narratives.tables.reading import AS_RECOGNISED, Reading
from narratives.tables.rows import Refusal, columns_of
from narratives.tables.table import open_table

Row = tuple[int, Mapping[str, str], str]  # line, cells by column, text


@dataclass(frozen=True)
class Rows:
    """The rows of a table, which can be read again.

    - ``kind``: the format of the file.
    - ``read``: yields line, cells and text of each row, and adds those that cannot be read to ``refused``, and what a
      user should know about how the table was read to ``notes``.
    - ``findings``: how the table was understood, in one sentence; empty for objects.
    - ``roles``: what its columns are.
    - ``classes``: names of the classes that a column holds as numbers, by column.
    """

    where: str
    kind: str
    columns: tuple[str, ...]
    text_column: str
    read: Callable[[], Iterator[Row]]
    refused: list[Refusal]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    findings: str = ""
    roles: Roles = NO_ROLES


def rows_of_table(path: Path, text_column: str | None = None, reading: Reading = AS_RECOGNISED) -> Rows:
    """Open a table of any format; its text is where ``narratives score`` finds it, unless the user says otherwise.

    Raises UserError as ``open_table`` does, and if two columns have one name: it is not said which has the labels.
    """
    table = open_table(path, text_column, reading)
    for column in table.repeated:
        raise UserError(f"{table.name}: the column '{column}' occurs more than once; rename one of them")
    refused: list[Refusal] = []
    notes: list[str] = []
    inner = [column for column in table.roles.others().values() if column not in table.columns]  # inside objects

    def read() -> Iterator[Row]:
        refused.clear()
        headers = 0
        for batch in table.batches():
            refused.extend(batch.refused)
            headers += batch.headers
            indices = range(len(batch.texts))
            others = columns_of(batch.rows, inner, indices) if inner else [[] for _ in indices]
            for cells, more, text, line in zip(batch.rows.cells(), others, batch.texts, batch.lines, strict=True):
                yield int(line), dict(zip((*table.columns, *inner), (*cells, *more), strict=True)), text
        notes[:] = [f"left out: {repeating(headers)}"] if headers else []

    name = Path(table.path).name
    findings = table.findings().removeprefix(f"{table.name}: ")
    shape = name, table.format, table.columns, table.text_column
    return Rows(*shape, read, refused, _classes(table.schema), notes, findings, table.roles)


def rows_of_objects(objects: Sequence[tuple[int, Mapping[str, Any]]], where: str, text_column: str) -> Rows:
    """Take objects, given with their places, as the rows of a table, with a column for each key."""
    columns = tuple(dict.fromkeys(key for _, item in objects for key in item))

    def read() -> Iterator[Row]:
        for place, item in objects:
            cells = {column: _cell(item.get(column)) for column in columns}
            yield place, cells, cells.get(text_column, "")

    return Rows(where, "JSON", columns, text_column, read, [])


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _classes(schema: Any) -> dict[str, Sequence[str]]:
    """Return the names of the classes that Hugging Face keeps in the schema of a Parquet file, by column."""
    kept = (schema.metadata or {}).get(b"huggingface") if schema is not None else None
    features = json.loads(kept).get("info", {}).get("features", {}) if kept else {}
    inner = {name: kind.get("feature", kind) if isinstance(kind, dict) else {} for name, kind in features.items()}
    return {name: kind["names"] for name, kind in inner.items() if isinstance(kind, dict) and kind.get("names")}
