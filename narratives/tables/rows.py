"""Holds the rows of a batch, good and refused, in the form they were read in: CSV, cells, JSON or Arrow.

Rows that are written in the form they were read in do not change: CSV bytes, cell strings, JSON text, Arrow values.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from narratives.tables.sources import Source
from narratives.text.spans import TextSpans, spans_of

NO_DELIMITER = "\x1f"  # for a CSV of one column: the csv module needs a delimiter, and no text contains this one
_BLANK_BYTES = 16  # a longer cell of nothing but white space is not looked for
BATCH_CHARACTERS = 8_000_000  # ends a batch of long texts early, so that memory stays flat


@dataclass(frozen=True)
class CsvRows:
    """Records of a CSV as spans of its bytes, without their line ends; an empty delimiter means one column."""

    columns: tuple[str, ...]
    delimiter: str
    records: TextSpans

    def cells(self) -> list[list[str]]:
        """Return the rows as lists of strings."""
        text = io.StringIO("\n".join(self.records), newline="")
        return list(csv.reader(text, delimiter=self.delimiter or NO_DELIMITER, strict=True))

    def objects(self) -> list[str]:
        """Return the rows as the text of JSON objects."""
        return CellRows(self.columns, self.cells()).objects()

    def arrow(self) -> Any:
        """Return the rows as an Arrow record batch of strings."""
        return CellRows(self.columns, self.cells()).arrow()


@dataclass(frozen=True)
class CellRows:
    """Rows of a workbook: lists of strings."""

    columns: tuple[str, ...]
    values: Sequence[list[str]]

    def cells(self) -> Sequence[list[str]]:
        """Return the rows as lists of strings."""
        return self.values

    def objects(self) -> list[str]:
        """Return the rows as the text of JSON objects."""
        return [_json(dict(zip(self.columns, cells, strict=True))) for cells in self.values]

    def arrow(self) -> Any:
        """Return the rows as an Arrow record batch of strings."""
        return _strings(self.columns, self.values)


@dataclass(frozen=True)
class JsonRows:
    """Rows of a JSONL file: the text of objects. ``columns`` are the keys that become cells or Arrow columns."""

    columns: tuple[str, ...]
    values: Sequence[str]

    def cells(self) -> list[list[str]]:
        """Return the rows as lists of strings: null and missing are empty, numbers and the like are JSON."""
        return [["" if cell is None else cell for cell in row] for row in self._rows()]

    def objects(self) -> Sequence[str]:
        """Return the text of the objects as it was read."""
        return self.values

    def arrow(self) -> Any:
        """Return the rows as an Arrow record batch of strings; null and missing are null."""
        return _strings(self.columns, self._rows())

    def _rows(self) -> list[list[str | None]]:
        return [[_cell(row.get(column)) for column in self.columns] for row in map(json.loads, self.values)]


@dataclass(frozen=True)
class ArrowRows:
    """Rows of a Parquet or Arrow file: a record batch."""

    values: Any

    def cells(self) -> list[list[str]]:
        """Return the rows as lists of strings: null is empty, nested and binary values are JSON."""
        columns = [_arrow_cells(column) for column in self.values.columns]
        return [list(row) for row in zip(*columns, strict=True)]

    def objects(self) -> list[str]:
        """Return the rows as the text of JSON objects; values that JSON lacks (dates, decimals) become strings."""
        columns = [_arrow_plain(column) for column in self.values.columns]
        names = self.values.schema.names
        return [_json(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]

    def arrow(self) -> Any:
        """Return the record batch as it was read."""
        return self.values


Rows = CsvRows | CellRows | JsonRows | ArrowRows


def columns_of(rows: Rows, names: Sequence[str], indices: Sequence[int]) -> list[list[str]]:
    """Return the cells of the rows at ``indices`` in the columns ``names``; one that an object lacks is empty."""
    if isinstance(rows, JsonRows):
        objects = (json.loads(rows.values[index]) for index in indices)
        return [[_cell(dig(value, name)[1]) or "" for name in names] for value in objects]
    if isinstance(rows, ArrowRows):
        return ArrowRows(rows.values.select(list(names)).take(list(indices))).cells()
    places = [rows.columns.index(name) for name in names]
    return [[row[place] for place in places] for row in rows_at(rows, indices).cells()]


def rows_at(rows: CsvRows | CellRows, indices: Sequence[int]) -> CsvRows | CellRows:
    """Return the rows at ``indices``."""
    if isinstance(rows, CellRows):
        return CellRows(rows.columns, [rows.values[index] for index in indices])
    return CsvRows(rows.columns, rows.delimiter, spans_of([rows.records[index] for index in indices]))


@dataclass(frozen=True)
class Refusal:
    """A row that cannot be scored: its physical line, the reason, and the text of the row."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a table.

    - ``rows``: the good rows, in a form that can be written again.
    - ``texts``, ``lines``: their texts and physical lines.
    - ``refused``: the refused rows among them.
    - ``bytes_read``: how many bytes of the table were read so far.
    - ``headers``: how many rows repeated the names of the columns; they were left out.
    """

    rows: Rows
    texts: Sequence[str]
    lines: Sequence[int] | NDArray[np.int64]
    refused: list[Refusal]
    bytes_read: int
    headers: int = 0


def without_text(texts: Sequence[str]) -> list[int]:
    """Return the indices of the texts that are empty or white space."""
    if not isinstance(texts, TextSpans):
        return [index for index, text in enumerate(texts) if not text.strip()]
    # Decoding all texts of a large batch takes longer than reading it did.
    short = np.flatnonzero(texts.ends - texts.starts <= _BLANK_BYTES).tolist()
    return [index for index in short if not texts[index].strip()]


KeyFault = Callable[[str], str]  # the reason why a JSON object may not have a key, "" if it may


class Row(NamedTuple):
    """A row before it is put into a batch. With a ``fault`` it will be refused; its value is then the raw text."""

    line: int
    value: Any
    text: str = ""
    fault: str = ""


def gather(rows: Iterator[Row], most: int, make: Callable[[list[Any]], Rows], source: Source) -> Iterator[Batch]:
    """Yield batches of up to ``most`` rows; the last may be empty, so there is always one.

    ``make`` turns the values of good rows into ``Rows``; ``source`` counts the bytes read.
    """
    full = True
    while full:
        some, full = _next_rows(rows, most)
        good = [row for row in some if not row.fault]
        refused = [Refusal(row.line, row.fault, row.value) for row in some if row.fault]
        texts, lines = [row.text for row in good], [row.line for row in good]
        yield Batch(make([row.value for row in good]), texts, lines, refused, source.bytes_read)


def _next_rows(rows: Iterator[Row], most: int) -> tuple[list[Row], bool]:
    """Return the next rows and whether more may follow."""
    some: list[Row] = []
    characters = 0
    for row in rows:
        some.append(row)
        characters += _weight(row)
        if len(some) == most or characters > BATCH_CHARACTERS:
            return some, True
    return some, False


def _weight(row: Row) -> int:
    """Return the characters of a row: all of them, since other cells than the text may be long."""
    return sum(map(len, row.value)) if isinstance(row.value, list) else len(row.value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def dig(value: Any, path: str) -> tuple[bool, Any]:
    """Return whether an object has a key, or a path of keys joined by points, and what is there."""
    if path in value:
        return True, value[path]
    key, _, rest = path.partition(".")
    return dig(value[key], rest) if rest and isinstance(value.get(key), dict) else (False, None)


def joined(value: Any) -> Any:
    """Return a text that is in pieces, as Telegram writes a text with a link, as a string; another value unchanged."""
    if not isinstance(value, list) or not any(isinstance(piece, dict) and "type" in piece for piece in value):
        return value
    pieces = [piece.get("text") if isinstance(piece, dict) and "type" in piece else piece for piece in value]
    return "".join(map(str, pieces)) if all(isinstance(piece, str) for piece in pieces) else value


def _cell(value: Any) -> str | None:
    value = joined(value)
    return value if value is None or isinstance(value, str) else _json(value)


def _strings(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Any:
    import pyarrow as pa

    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in values], names=list(columns))


def _arrow_cells(column: Any) -> list[str]:
    import pyarrow as pa

    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return ["" if value is None else _json(_plain(value)) for value in column.to_pylist()]
    return ["" if value is None else value for value in column.cast(pa.string()).to_pylist()]


def _arrow_plain(column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    return [_plain(value) for value in column.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # JSON has no NaN and no infinity
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if value is None or isinstance(value, str | int) else str(value)
