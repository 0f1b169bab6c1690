"""Owns the table: CSV, TSV, JSONL, Parquet, Arrow or XLSX, found out from its head and read in batches.

A row is scored or refused, never dropped: a batch holds the rows that can be read and, with line and reason, those that
cannot. Blank lines are not rows. Line numbers are physical, the header is line 1; Parquet and Arrow files
count their rows from 1. Over columns, csvblocks, csvrows, formats, lines, rows, sheets and sources.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narratives.errors import UserError
from narratives.tables.columns import check_names, choose_text_column
from narratives.tables.formats import ARROW_FORMATS, binary_format, check_binary, named_format, text_format
from narratives.tables.lines import ENCODING_NAMES, Line, decode_lines, detect_encoding, head_lines
from narratives.tables.readers.arrow import arrow_batches, arrow_head, arrow_rows, arrow_schema
from narratives.tables.readers.csv_records import choose_delimiter, read_records
from narratives.tables.readers.jsonl import head_objects, parse_object, text_cells, text_of
from narratives.tables.readers.workbook import sheet_names, sheet_rows
from narratives.tables.rows import ArrowRows, Batch, CellRows, CsvRows, JsonRows, Refusal, Row, gather
from narratives.tables.sources import Source, open_source, read_span, shown
from narratives.text.spans import spans_of

if TYPE_CHECKING:
    from narratives.tables.readers.csv_blocks import BlockReader

BATCH_ROWS = 2000
HEAD_ROWS = 1000
KeyFault = Callable[[str], str]  # why a JSON object may not have this key, "" if it may


def _any_key(key: str) -> str:
    return ""


@dataclass(frozen=True)
class Table:
    """A table whose head was read. ``text_column`` is empty if nobody asked for one; ``size`` in bytes, None in a pipe.

    ``schema`` is that of a Parquet or Arrow file, else None.
    """

    path: str
    format: str
    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    text_column: str
    size: int | None
    notes: tuple[str, ...]
    schema: Any
    source: Source = field(repr=False)

    @property
    def name(self) -> str:
        """What messages call it."""
        return shown(self.path)

    def findings(self) -> str:
        """Say in one sentence what the table was taken for."""
        marked = {"": "", "\t": "delimiter tab"}.get(self.delimiter, f"delimiter '{self.delimiter}'")
        count = f"{len(self.columns)} column{'s' * (len(self.columns) != 1)}"
        text = f"text in '{self.text_column}'" if self.text_column else ""
        facts = (self.format, self.source.packing, self.encoding, marked, count, text, *self.notes)
        return f"{self.name}: {', '.join(fact for fact in facts if fact)}"

    def batches(self, rows: int = BATCH_ROWS, key_fault: KeyFault = _any_key) -> Iterator[Batch]:
        """Yield batches of up to ``rows`` rows; the last may be empty, so there is always one.

        ``key_fault`` says why a JSON object with this key is refused. Raises UserError where the file is damaged.
        """
        if self.format in ARROW_FORMATS:
            return _arrow_batches(self, rows)
        lines = decode_lines(self.source.blocks(), *detect_encoding(self.source.head), self.name)
        items = _READERS[self.format](self, lines, key_fault)
        return (
            Batch(self._shaped(values), texts, places, refused, self.source.bytes_read)
            for values, texts, places, refused in gather(items, rows)
        )

    def _shaped(self, values: list[Any]) -> CsvRows | CellRows | JsonRows:
        if self.format == "JSONL":
            return JsonRows(self.columns, values)
        if self.format == "XLSX":
            return CellRows(self.columns, values)
        return CsvRows(self.columns, self.delimiter, spans_of(values))

    def quick_batches(self, key_fault: KeyFault = _any_key) -> Iterator[Batch]:
        """Yield what ``batches`` does, a CSV in UTF-8 in larger ones that are found by compiled code."""
        reader = self.block_reader()
        if reader is None:
            return self.batches(key_fault=key_fault)
        return (replace(batch, bytes_read=self.source.bytes_read) for batch in reader.batches())

    def block_reader(self, span: tuple[int, int] | None = None) -> "BlockReader | None":
        """Return what reads a CSV in UTF-8 quickly, all of it or a ``span`` of its bytes; None for others.

        None, too, where Numba is missing.
        """
        encoding, skip = detect_encoding(self.source.head)
        if self.format not in ("CSV", "TSV") or encoding != "utf-8":
            return None
        try:
            from narratives.tables.readers.csv_blocks import BlockReader, Form
        except ImportError:
            return None
        place = self.columns.index(self.text_column) if self.text_column else 0
        form = Form(self.delimiter, self.columns, place)
        if span is None:
            return BlockReader(self.source.blocks(), skip, form)
        return BlockReader(iter([read_span(self.path, *span)]), 0, form)


def open_table(path: str | Path, text_column: str | None = None) -> Table:
    """Read the head of a table (``-``: standard input) and find out its format, columns and the column of the text.

    Raises UserError, saying the way out, for what is missing, empty or damaged, and where it cannot choose.
    """
    table = read_head(str(path))
    column = choose_text_column(table.name, table.columns, _head_cells(table), text_column)
    return replace(table, text_column=column)


def read_all(path: str | Path) -> dict[str, list[str]]:
    """Read a small table whole, as columns of strings. Raises UserError for the first row that cannot be read."""
    table = read_head(str(path))
    columns: dict[str, list[str]] = {column: [] for column in table.columns}
    for batch in table.batches():
        for refusal in batch.refused:
            raise UserError(f"{table.name}:{refusal.line}: {refusal.reason}; correct this row")
        for row in batch.rows.cells():
            for column, cell in zip(table.columns, row, strict=True):
                columns[column].append(cell)
    return columns


def count_rows(table: Table) -> tuple[int, int]:
    """Read the whole table and return how many rows can be scored and how many will be refused."""
    sizes = [(len(batch.texts), len(batch.refused)) for batch in table.batches()]
    return sum(good for good, _ in sizes), sum(refused for _, refused in sizes)


def decode(data: bytes) -> str:
    """Return the bytes of a text (no table) as a string, by the same rules. Raises UserError for bad bytes."""
    encoding, skip = detect_encoding(data)
    found = list(decode_lines([data], encoding, skip))
    for number, (_, fault) in enumerate(found, 1):
        if fault:
            raise UserError(f"line {number} of the text: {fault}; save it as UTF-8")
    return "".join(text for text, _ in found)


def read_head(path: str) -> Table:
    """Read the head of a table and find out its format and columns; nobody has asked for a text column yet."""
    source = open_source(path)
    named = named_format(path)
    kind = binary_format(source.name, source.head)
    if kind:
        check_binary(source.name, kind, path, bool(source.packing), source.size is not None)
        table = _open_workbook(source) if kind == "XLSX" else _open_arrow(source, kind)
    else:
        table = _open_text(source, named)
    check_names(table.name, table.columns)
    told = table.format if {named, table.format} != {"CSV", "TSV"} else named
    return table if named in ("", told) else _noted(table, f"although its name says {named}")


def _noted(table: Table, note: str) -> Table:
    return replace(table, notes=(*table.notes, note))


def _open_text(source: Source, named: str) -> Table:
    encoding = ENCODING_NAMES[detect_encoding(source.head)[0]]
    head = _head(source)
    first = next((text for text, _ in head if text.strip()), "")
    broken = any(fault or "\0" in text for text, fault in head)
    if text_format(source.name, first, named, broken) == "JSONL":
        return _table(source, "JSONL", _keys(source, head), encoding=encoding)
    delimiter = choose_delimiter(head, "\t" if named == "TSV" else ",")
    kind = "TSV" if delimiter == "\t" else "CSV"
    columns, notes = _header(source, head, delimiter)
    return _table(source, kind, columns, notes, encoding=encoding, delimiter=delimiter)


def _head(source: Source) -> list[Line]:
    return head_lines(source.head, *detect_encoding(source.head), source.whole)


def _keys(source: Source, head: Sequence[Line]) -> list[str]:
    objects = head_objects(head)
    if not objects:
        raise UserError(f"{source.name}: no line of it is a JSON object; write one object a line")
    return list(dict.fromkeys(key for row in objects for key in row))


def _table(source: Source, kind: str, columns: Sequence[str], notes: Sequence[str] = (), **facts: Any) -> Table:
    empty = {"encoding": "", "delimiter": "", "schema": None, "text_column": ""}
    values: dict[str, Any] = empty | facts
    return Table(
        path=source.path,
        format=kind,
        columns=tuple(columns),
        size=source.size,
        notes=tuple(notes),
        source=source,
        **values,
    )


def _header(source: Source, head: Sequence[Line], delimiter: str) -> tuple[list[str], list[str]]:
    record = next(read_records(head, delimiter), None)
    if record is None:
        raise UserError(f"{source.name} is empty; a table needs at least a line with the names of its columns")
    if record.fault:
        raise UserError(f"{source.name}:{record.line}: the names of the columns are not readable: {record.fault}")
    prose = any(len(column) > 80 for column in record.cells)
    return record.cells, ["its first line taken for the names of the columns"] if prose else []


def _head_cells(table: Table) -> Mapping[str, Sequence[str]]:
    """Return the first cells of the columns that can hold text."""
    if table.format in ARROW_FORMATS:
        return arrow_head(table.path)
    head = _head(table.source)
    if table.format == "JSONL":
        return text_cells(head_objects(head), table.columns)
    rows = [row.value for row in islice(_READERS[table.format](table, head, _any_key), HEAD_ROWS) if not row.fault]
    return {
        column: [cells[place] for cells in table._shaped(rows).cells()] for place, column in enumerate(table.columns)
    }


def _csv_rows(table: Table, lines: Iterable[Line], key_fault: KeyFault) -> Iterator[Row]:
    place = table.columns.index(table.text_column) if table.text_column else 0
    for record in islice(read_records(lines, table.delimiter), 1, None):
        if record.fault:
            yield Row(record.line, record.raw, fault=record.fault)
        else:
            yield Row(record.line, record.raw, record.cells[place])


def _json_rows(table: Table, lines: Iterable[Line], key_fault: KeyFault) -> Iterator[Row]:
    for number, (line, fault) in enumerate(lines, 1):
        if line.strip():
            value = line.rstrip("\r\n")
            try:
                yield Row(number, value, _json_text(table, line, fault, key_fault))
            except ValueError as error:
                yield Row(number, value, fault=str(error))


def _json_text(table: Table, line: str, fault: str, key_fault: KeyFault) -> str:
    if fault:
        raise ValueError(fault)
    value = parse_object(line)
    for key in value:
        if fault := key_fault(key):
            raise ValueError(fault)
    return text_of(value, table.text_column) if table.text_column else ""


def _sheet_items(table: Table, lines: Iterable[Line], key_fault: KeyFault) -> Iterator[Row]:
    width = len(table.columns)
    place = table.columns.index(table.text_column) if table.text_column else 0
    for number, found, position in islice(sheet_rows(table.path), 1, None):
        table.source.bytes_read = position
        cells = found + [""] * (width - len(found))
        if len(cells) > width:
            fault = f"{len(cells)} cells where the header has {width}"
            yield Row(number, "\t".join(cells), fault=fault)
        else:
            yield Row(number, cells, cells[place])


_READERS = {"CSV": _csv_rows, "TSV": _csv_rows, "JSONL": _json_rows, "XLSX": _sheet_items}


def _open_arrow(source: Source, kind: str) -> Table:
    schema = arrow_schema(source.path)
    return _table(source, kind, schema.names, schema=schema)


def _arrow_batches(table: Table, most: int) -> Iterator[Batch]:
    first, rows = 1, max(1, arrow_rows(table.path))
    for values, texts in arrow_batches(table.path, most, table.text_column):
        good = [place for place, (_, fault) in enumerate(texts) if not fault]
        yield Batch(
            ArrowRows(values if len(good) == len(texts) else values.take(good)),
            [texts[place][0] for place in good],
            [first + place for place in good],
            [Refusal(first + place, fault, text) for place, (text, fault) in enumerate(texts) if fault],
            (first - 1 + len(texts)) * (table.size or 0) // rows,
        )
        first += len(texts)


def _open_workbook(source: Source) -> Table:
    names = sheet_names(source.path)
    _, columns, _ = next(sheet_rows(source.path), (0, [], 0))
    if not columns:
        raise UserError(f"{source.name}: the sheet '{names[0]}' is empty; put the table on the first sheet")
    others = f" (the first of {len(names)})" if len(names) > 1 else ""
    return _table(source, "XLSX", columns, [f"sheet '{names[0]}'{others}"])
