"""Owns the quick reading of a CSV in UTF-8: blocks of sound records by ``csvscan``, stretches in doubt by ``csvrows``.

Both give the records as they stand, so what is written does not tell which one read them. Floor 3.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from narratives.tables.lines import decode_line
from narratives.tables.readers.csv_records import Record, read_records
from narratives.tables.readers.csv_scan import Spans, copy_undoubled, find_records
from narratives.tables.rows import NO_DELIMITER, Batch, CsvRows, Refusal
from narratives.text.spans import TextSpans, spans_of

BLOCK = 1 << 21
_STRETCH = 2000  # records that csvrows reads before csvscan is asked again


@dataclass(frozen=True)
class Form:
    """The delimiter of a CSV (empty: one column), the names of its columns, and the number of the one with the text."""

    delimiter: str
    columns: tuple[str, ...]
    text: int

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The byte of the delimiter, the number of cells, the number of the cell with the text."""
        return ord(self.delimiter or NO_DELIMITER), len(self.columns), self.text


class BlockReader:
    """The bytes of a CSV on their way into batches. A batch depends only on the bytes from its first record on.

    ``position`` and ``line`` say where the next one begins, ``header`` whether the first record is none of the rows.
    """

    def __init__(self, blocks: Iterator[bytes], skip: int, form: Form) -> None:
        self._blocks, self._form = blocks, form
        self._held = next(blocks, b"")[skip:]
        self._ended = False
        self.position, self.line, self.header = skip, 1, True

    def batches(self) -> Iterator[Batch]:
        """Yield batches to the end; the last may be empty, so there is always one. ``bytes_read`` is not known here."""
        wanted = BLOCK
        while True:
            self._fill(wanted)
            found = self._find(wanted)
            wanted = BLOCK if found else 2 * wanted
            if found:
                yield found
            elif self._ended and not self._held:
                yield _batch(self._form, [])
                return

    def _fill(self, size: int) -> None:
        parts, total = [self._held], len(self._held)
        while total < size and not self._ended:
            block = next(self._blocks, b"")
            self._ended = not block
            parts.append(block)
            total += len(block)
        self._held = b"".join(parts) if len(parts) > 1 else self._held

    def _find(self, size: int) -> Batch | None:
        """Return the next batch out of ``size`` bytes, None where its first record needs more or nothing is left."""
        data = self._held[:size]
        sound, cut = _valid(data)
        whole = self._ended and len(data) == len(self._held) and not cut
        spans, scan = find_records(np.frombuffer(sound, np.uint8), self._form.numbers, self.line, whole)
        if scan.records:
            return self._taken(sound, spans, scan.position, scan.line)
        if scan.doubtful or (cut and (self._ended or len(data) - len(sound) > 4)):
            return self._stretch()
        if whole or not self._held:
            self._held = b""
        return None

    def _taken(self, data: bytes, spans: Spans, position: int, line: int) -> Batch:
        self._held, self.line = self._held[position:], line
        self.position += position
        first, self.header = int(self.header), False
        kept = Spans(*(part[first:] for part in spans))
        array = np.frombuffer(data, np.uint8)
        rows = CsvRows(self._form.columns, self._form.delimiter, TextSpans(array, kept.starts, kept.ends))
        return Batch(rows, _texts(array, kept), kept.lines, [], 0)

    def _stretch(self) -> Batch:
        """Let ``csvrows`` read some records, until one is sound and no line of those before it is left."""
        lines = _Lines(self)
        records: list[Record] = []
        before = self.line - 1
        width = 0 if self.header else len(self._form.columns)
        for record in read_records(lines, self._form.delimiter, width=width):
            records.append(record._replace(line=record.line + before))
            settled = not record.fault and record.line + record.lines - 1 == lines.number
            if settled and len(records) >= _STRETCH:
                break
        self._held, self.line = self._held[lines.position :], before + lines.number + 1
        self.position += lines.position
        kept = records[int(self.header) :]
        self.header = False
        return _batch(self._form, kept)

    def more(self) -> bool:
        """Take in one more block. Return whether there was one."""
        before = len(self._held)
        self._fill(before + 1)
        return len(self._held) > before


class _Lines:
    """The physical lines of what a reader holds, from its beginning on; counts what was taken."""

    def __init__(self, reader: BlockReader) -> None:
        self._reader = reader
        self.position = self.number = 0

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self

    def __next__(self) -> tuple[str, str]:
        end = self._end()
        line = self._reader._held[self.position : end]
        if not line:
            raise StopIteration
        self.position, self.number = end, self.number + 1
        return decode_line(line, "utf-8")

    def _end(self) -> int:
        while True:
            held = self._reader._held
            feed, carriage = held.find(b"\n", self.position), held.find(b"\r", self.position)
            if 0 <= carriage < (feed if feed >= 0 else len(held)) and carriage + 1 < len(held):
                return carriage + 1 + (held[carriage + 1 : carriage + 2] == b"\n")
            if feed >= 0:
                return feed + 1
            if not self._reader.more():
                return len(held)


def _valid(data: bytes) -> tuple[bytes, bool]:
    """Return the bytes before the first that is no UTF-8, and whether there is such a one."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return data[: error.start], True
    return data, False


def _texts(data: "np.ndarray[tuple[int], np.dtype[np.uint8]]", spans: Spans) -> TextSpans:
    """Return the texts of records; those with doubled quotes are copied behind the others, with single ones."""
    doubled = np.flatnonzero(spans.doubled)
    if not len(doubled):
        return TextSpans(data, spans.text_starts, spans.text_ends)
    starts, ends = spans.text_starts[doubled], spans.text_ends[doubled]
    copied = np.empty(int((ends - starts).sum()), np.uint8)
    last = copy_undoubled(data, starts, ends, copied) + len(data)
    new_starts, new_ends = spans.text_starts.copy(), spans.text_ends.copy()
    new_starts[doubled], new_ends[doubled] = np.concatenate([[len(data)], last[:-1]]), last
    return TextSpans(np.concatenate([data, copied]), new_starts, new_ends)


def _batch(form: Form, records: list[Record]) -> Batch:
    good = [record for record in records if not record.fault]
    refused = [Refusal(record.line, record.fault, record.raw) for record in records if record.fault]
    rows = CsvRows(form.columns, form.delimiter, spans_of([record.raw for record in good]))
    texts = spans_of([record.cells[form.text] for record in good])
    return Batch(rows, texts, [record.line for record in good], refused, 0)
