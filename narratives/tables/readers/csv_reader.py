"""Reads CSV and TSV: strictly in any encoding, and in UTF-8 also by compiled code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from narratives.errors import UserError
from narratives.tables.lines import Line, TextLines
from narratives.tables.readers.csv_records import choose_delimiter, read_records
from narratives.tables.rows import Batch, CsvRows, KeyFault, Row, gather
from narratives.tables.sources import read_span
from narratives.text.spans import spans_of

if TYPE_CHECKING:
    from narratives.tables.readers.csv_blocks import BlockReader

_HEAD_ROWS = 1000
_LONGEST_NAME = 80  # characters of a column name; a longer one is probably prose


@dataclass(frozen=True)
class CsvReader:
    """A CSV; an empty delimiter means one column."""

    lines: TextLines
    delimiter: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    schema: None = None

    @property
    def format(self) -> str:
        """TSV if the delimiter is a tab, else CSV."""
        return "TSV" if self.delimiter == "\t" else "CSV"

    @property
    def encoding(self) -> str:
        """The name of the encoding."""
        return self.lines.encoding_name

    def head(self) -> dict[str, list[str]]:
        """Return the first cells of all columns, without the rows that will be refused."""
        records = islice(read_records(self.lines.head(), self.delimiter), 1, 1 + _HEAD_ROWS)
        rows = [record.cells for record in records if not record.fault]
        return {column: [cells[index] for cells in rows] for index, column in enumerate(self.columns)}

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield batches of records as they stand in the file."""
        records = self._rows(self._text_index(text_column))
        return gather(records, rows, lambda raw: CsvRows(columns, self.delimiter, spans_of(raw)), self.lines.source)

    def _rows(self, text: int) -> Iterator[Row]:
        for record in islice(read_records(self.lines, self.delimiter), 1, None):
            yield Row(record.line, record.raw, "" if record.fault else record.cells[text], record.fault)

    def block_reader(self, text_column: str, span: tuple[int, int] | None = None) -> "BlockReader | None":
        """Return the compiled reader of the whole file or of a ``span`` of its bytes; None unless it is UTF-8."""
        if self.lines.encoding != "utf-8":
            return None
        from narratives.tables.readers.csv_blocks import BlockReader, CsvLayout

        layout = CsvLayout(self.delimiter, self.columns, self._text_index(text_column))
        source = self.lines.source
        if span is None:
            return BlockReader(source.blocks(), self.lines.mark, layout, source)
        return BlockReader(iter([read_span(source.path, *span)]), 0, layout, source)

    def _text_index(self, text_column: str) -> int:
        return self.columns.index(text_column) if text_column else 0


def open_csv(lines: TextLines, head: Sequence[Line], preferred: str) -> CsvReader:
    """Find out the delimiter and the columns; ``preferred`` wins between delimiters that fit equally well.

    Raises UserError if there is no header or it cannot be read.
    """
    name = lines.source.name
    delimiter = choose_delimiter(head, preferred)
    record = next(read_records(head, delimiter), None)
    if record is None:
        raise UserError(f"{name} is empty; a table needs at least a line with the names of its columns")
    if record.fault:
        raise UserError(f"{name}:{record.line}: the names of the columns are not readable: {record.fault}")
    prose = any(len(column) > _LONGEST_NAME for column in record.cells)
    notes = ("the first line was taken as the names of the columns",) if prose else ()
    return CsvReader(lines, delimiter, tuple(record.cells), notes)
