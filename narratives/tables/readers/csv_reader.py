"""Reads CSV and TSV: strictly in any encoding, and in UTF-8 also by compiled code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from narratives.tables.lines import Line, TextLines
from narratives.tables.readers.csv_records import Record, read_records
from narratives.tables.readers.csv_shape import CsvShape, find_shape
from narratives.tables.reading import Reading
from narratives.tables.rows import Batch, CellRows, CsvRows, KeyFault, Row, Rows, gather
from narratives.tables.sources import read_span
from narratives.text.spans import spans_of

if TYPE_CHECKING:
    from narratives.tables.readers.csv_blocks import BlockReader

_HEAD_ROWS = 1000


@dataclass(frozen=True)
class CsvReader:
    """A CSV."""

    lines: TextLines
    shape: CsvShape
    schema: None = None

    @property
    def format(self) -> str:
        """TSV if the delimiter is a tab, else CSV."""
        return "TSV" if self.delimiter == "\t" else "CSV"

    @property
    def encoding(self) -> str:
        """The name of the encoding."""
        return self.lines.encoding_name

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.shape.columns

    @property
    def header(self) -> tuple[str, ...]:
        """The cells of the line with the names."""
        return self.shape.header

    @property
    def delimiter(self) -> str:
        """The delimiter; empty for one column."""
        return self.shape.delimiter

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the shape."""
        return self.shape.notes

    def head(self) -> dict[str, list[str]]:
        """Return the first cells of all columns, without the rows that will be refused."""
        records = islice(self._records(self.lines.head()), _HEAD_ROWS)
        rows = [record.cells for record in records if not record.fault]
        return {column: [cells[index] for cells in rows] for index, column in enumerate(self.columns)}

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield batches of records as they stand in the file."""
        return gather(self._rows(self._text_index(text_column)), rows, self._make, self.lines.source)

    def _make(self, values: list[Any]) -> Rows:
        if self.shape.quoting != "minimal":
            return CellRows(self.columns, values)  # as they stand, other programs would not read them
        return CsvRows(self.columns, self.delimiter, spans_of(values))

    def _rows(self, text: int) -> Iterator[Row]:
        as_cells = self.shape.quoting != "minimal"
        for record in self._records(self.lines):
            line = record.line + self.shape.skip
            if record.fault:
                yield Row(line, record.raw, fault=record.fault)
            else:
                yield Row(line, record.cells if as_cells else record.raw, record.cells[text])

    def _records(self, lines: Any) -> Iterator[Record]:
        below = islice(lines, self.shape.skip, None)
        return read_records(below, self.delimiter, width=len(self.columns), quoting=self.shape.quoting)

    def block_reader(self, text_column: str, span: tuple[int, int, int] | None = None) -> "BlockReader | None":
        """Return the compiled reader of all rows, or of a ``span`` of the bytes: start, end, line of the start.

        None unless the file is UTF-8 and quotes as usual.
        """
        if self.lines.encoding != "utf-8" or self.shape.quoting != "minimal":
            return None
        from narratives.tables.readers.csv_blocks import BlockReader, CsvLayout

        layout = CsvLayout(self.delimiter, self.columns, self._text_index(text_column))
        source = self.lines.source
        if span is None:
            return BlockReader(source.blocks(), layout, (self._skipped_bytes(), self.shape.skip + 1), source)
        return BlockReader(iter([read_span(source.path, *span[:2])]), layout, (0, span[2]), source)

    def _skipped_bytes(self) -> int:
        mark, head = self.lines.mark, self.lines.source.head
        end = mark
        for line in islice(head[mark:].splitlines(keepends=True), self.shape.skip):
            end += len(line)
        return end

    def _text_index(self, text_column: str) -> int:
        return self.columns.index(text_column) if text_column else 0


def open_csv(lines: TextLines, head: Sequence[Line], preferred: str, reading: Reading) -> CsvReader:
    """Find out the shape; ``preferred`` wins between delimiters that fit equally well.

    Raises UserError if there is no row, or if the names of the columns cannot be read.
    """
    return CsvReader(lines, find_shape(lines.source.name, head, preferred, reading))
