"""Reads JSONL, one object per line, and the rows of a JSON document, which come as such lines.

A line is refused with a ValueError whose message is the reason.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from narratives.errors import UserError
from narratives.tables.exports.export import Export
from narratives.tables.lines import Line, TextLines
from narratives.tables.readers.json_document import BY_COLUMNS, JsonDocument, is_by_columns
from narratives.tables.rows import Batch, JsonRows, KeyFault, Row, dig, gather, joined

_HEAD_LINES = 1000
_DEEPEST = 3  # objects inside objects that are searched for a text


@dataclass(frozen=True)
class JsonlReader:
    """A JSONL file or a JSON document."""

    lines: TextLines | JsonDocument
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    format: str = "JSONL"
    delimiter: str = ""
    header: tuple[str, ...] = ()
    schema: None = None

    @property
    def encoding(self) -> str:
        """The name of the encoding."""
        return self.lines.encoding_name

    @property
    def export(self) -> Export | None:
        """The program that wrote a document, if its structure says it."""
        return self.lines.export if isinstance(self.lines, JsonDocument) else None

    def head(self) -> dict[str, list[str]]:
        """Return the first strings of each column that has any."""
        return text_cells(head_objects(self.lines.head()), self.columns)

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield batches of the text of objects; ``columns`` are those of their cells."""
        items = _rows(self.lines, text_column, key_fault)
        return gather(items, rows, lambda values: JsonRows(columns, values), self.lines.source)


def open_jsonl(lines: TextLines | JsonDocument, head: Sequence[Line]) -> JsonlReader:
    """Take the keys of the head as columns. Raises UserError if no line of it is a JSON object."""
    objects = head_objects(head)
    if not objects:
        raise UserError(f"{lines.source.name}: no line of it is a JSON object; write one object per line")
    if len(objects) == 1 and is_by_columns(objects[0]):
        raise UserError(f"{lines.source.name}: {BY_COLUMNS}")
    columns = tuple(dict.fromkeys(key for row in objects for key in row))
    if not columns:
        raise UserError(f"{lines.source.name}: its objects are empty; export it again")
    if isinstance(lines, TextLines):
        return JsonlReader(lines, columns)
    skipped = lines.export.skip.items() if lines.export else ()
    notes = tuple(f"without the rows whose '{column}' is {value}" for column, value in skipped)
    return JsonlReader(lines, columns, notes, format="JSON")


def _rows(lines: Iterable[Line], text_column: str, key_fault: KeyFault) -> Iterator[Row]:
    for number, (line, fault) in enumerate(lines, 1):
        if line.strip():
            row = line.rstrip("\r\n").lstrip("\ufeff")  # files that were joined have marks inside
            try:
                yield _row(number, row, fault, text_column, key_fault)
            except ValueError as error:
                yield Row(number, row, fault=str(error))


def _row(number: int, line: str, fault: str, text_column: str, key_fault: KeyFault) -> Row:
    if fault:
        raise ValueError(fault)
    value = parse_object(line)
    for key in value:
        if fault := key_fault(key):
            raise ValueError(fault)
    # NaN is not JSON, so a line with it is written anew, with null.
    odd = any(name in line for name in ("NaN", "Infinity")) and not _is_strict(line)
    row = json.dumps(value, ensure_ascii=False) if odd else line
    return Row(number, row, text_of(value, text_column) if text_column else "")


def _is_strict(line: str) -> bool:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(line, parse_constant=refuse)
    except ValueError:
        return False
    return True


def parse_object(line: str) -> dict[str, Any]:
    """Return the object on a line, NaN and infinity as None. Raises ValueError if the line is not a JSON object."""
    try:
        value = json.loads(line.lstrip("\ufeff"), parse_constant=lambda name: None)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, character {error.pos + 1})") from None
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    # Half a pair cannot be encoded as UTF-8. Only lines with such an escape can have one, and few have.
    if "\\ud" in line.lower() and _has_half_pairs(value):
        raise ValueError("half of a surrogate pair (\\uD8xx), which is not a character")
    return value


def _has_half_pairs(value: dict[str, Any]) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def text_of(value: dict[str, Any], column: str) -> str:
    """Return the text of an object, null as empty and pieces joined.

    ``column`` is a key or a path of keys, such as ``post.text``. Raises ValueError if the text is missing or not a
    string.
    """
    found, text = dig(value, column)
    if not found:
        raise ValueError(f"there is no '{column}'")
    text = joined(text)
    if text is not None and not isinstance(text, str):
        raise ValueError(f"'{column}' is not a string")
    return text or ""


def head_objects(lines: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the objects of the first lines, without those that will be refused."""
    objects = []
    for line, fault in islice(lines, _HEAD_LINES):
        if line.strip() and not fault:
            try:
                objects.append(parse_object(line))
            except ValueError:
                continue
    return objects


def text_cells(objects: Iterable[dict[str, Any]], columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the strings of each column that has at least one; a column may be a path of keys."""
    cells: dict[str, list[str]] = {column: [] for column in columns}
    for row in objects:
        for path, text in _strings(row, "", 0):
            cells.setdefault(path, []).append(text)
    return {column: values for column, values in cells.items() if values}


def _strings(value: dict[str, Any], above: str, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the strings of an object and of those inside it, with the paths of their keys."""
    for key, item in value.items():
        text = joined(item)
        if isinstance(text, str):
            yield above + key, text
        elif isinstance(item, dict) and depth < _DEEPEST:
            yield from _strings(item, f"{above}{key}.", depth + 1)
