"""Reads a CSV in UTF-8 quickly: sound records with ``csv_scan``, stretches in doubt with ``csv_records``.

Both give the records as they stand in the file, so the output does not depend on which of them read a record.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from narratives.errors import UserError
from narratives.tables.guard.limits import RECORD, too_long
from narratives.tables.lines import decode_line
from narratives.tables.readers.csv_records import MAX_RECORD_LINES, Record, read_records
from narratives.tables.readers.csv_scan import Spans, copy_undoubled, find_records
from narratives.tables.rows import NO_DELIMITER, Batch, CsvRows, Refusal
from narratives.tables.sources import Source
from narratives.text.spans import TextSpans, spans_of

BLOCK = 1 << 21
_STRETCH = 2000  # records that the strict reader takes before the scan is tried again
_STRETCH_BYTES = 1 << 23  # that it takes at most, if a record can end there
_UNSETTLED_BYTES = 1 << 26  # that it takes even if the last row was refused
_LONGEST_CHARACTER = 4  # bytes of UTF-8


@dataclass(frozen=True)
class CsvLayout:
    """The delimiter of a CSV (empty: one column), its columns, and the index of the column with the text."""

    delimiter: str
    columns: tuple[str, ...]
    text: int

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The byte of the delimiter, the number of cells, the index of the cell with the text."""
        return ord(self.delimiter or NO_DELIMITER), len(self.columns), self.text


class BlockReader:
    """Turns the bytes of a CSV into batches. A batch depends only on the bytes from its first record on.

    - ``blocks``: the bytes, in pieces.
    - ``start``: the offset in the first piece and the physical line at which the first row begins.
    - ``source``: counts the lines that are in another encoding.

    ``position`` and ``line`` say where the next batch begins.
    """

    def __init__(
        self, blocks: Iterator[bytes], layout: CsvLayout, start: tuple[int, int], source: Source | None = None
    ) -> None:
        self._blocks, self._layout, self.source = blocks, layout, source
        self.position, self.line = start
        self._held = next(blocks, b"")[self.position :]
        self._ended = False

    def batches(self) -> Iterator[Batch]:
        """Yield batches to the end; the last may be empty, so there is always one. Their ``bytes_read`` is 0."""
        size, most = BLOCK, max(BLOCK, RECORD.bytes)
        while True:
            self._fill(size)
            before = self.position
            batch = self._next_batch(size)
            # A record longer than a block needs more bytes; after it, blocks have their usual size again. Batches are
            # cut at fixed sizes, not at what was held: a resumed run relies on the same cuts.
            size = BLOCK if batch or self.position > before else min(2 * size, most)
            if batch:
                yield batch
            elif self._ended and not self._held:
                yield _batch(self._layout, [])
                return

    def _fill(self, size: int) -> None:
        parts, total = [self._held], len(self._held)
        while total < size and not self._ended:
            block = next(self._blocks, b"")
            self._ended = not block
            parts.append(block)
            total += len(block)
        self._held = b"".join(parts) if len(parts) > 1 else self._held

    def _next_batch(self, size: int) -> Batch | None:
        """Return the next batch from ``size`` bytes; None if its first record needs more, or nothing is left."""
        data = self._held[:size]
        valid, cut = _valid(data)
        whole = self._ended and len(data) == len(self._held) and not cut
        spans, scan = find_records(np.frombuffer(valid, np.uint8), self._layout.numbers, self.line, whole)
        if scan.records:
            return self._take(valid, spans, scan.offset, scan.line)
        # A character that the block cuts is not a bad byte, unless no more bytes will come to complete it.
        bad = cut and (self._ended or len(data) - len(valid) > _LONGEST_CHARACTER)
        if scan.doubtful or bad or (not whole and not scan.offset and len(data) >= RECORD.bytes):
            return self._read_strictly()
        # Blank lines are let go at once, since a file may have nothing else.
        skipped = len(self._held) if whole else scan.offset
        self._held, self.line = self._held[skipped:], scan.line
        self.position += 0 if whole else skipped
        return None

    def _take(self, data: bytes, spans: Spans, offset: int, line: int) -> Batch:
        self._held, self.line = self._held[offset:], line
        self.position += offset
        array = np.frombuffer(data, np.uint8)
        records = TextSpans(array, spans.starts, spans.ends)
        csv_rows = CsvRows(self._layout.columns, self._layout.delimiter, records)
        return Batch(csv_rows, _texts(array, spans), spans.lines, [], 0)

    def _read_strictly(self) -> Batch:
        """Read some records with the strict reader, up to a sound one after which it holds no line back."""
        lines = _HeldLines(self)
        records: list[Record] = []
        before = self.line - 1
        for record in read_records(lines, self._layout.delimiter, width=len(self._layout.columns)):
            records.append(record._replace(line=record.line + before))
            # After a refused line the strict reader may hold lines that it has taken and will read again.
            settled = not record.fault and record.line + record.lines - 1 == lines.number
            enough = len(records) >= _STRETCH or lines.offset >= _STRETCH_BYTES
            if (settled and enough) or lines.offset >= _UNSETTLED_BYTES:
                lines.back_to(record.line + record.lines)
                break
        self._held, self.line = self._held[lines.offset :], before + lines.number + 1
        self.position += lines.offset
        return _batch(self._layout, records)

    def more(self) -> bool:
        """Read one more block. Return whether there was one."""
        before = len(self._held)
        self._fill(before + 1)
        return len(self._held) > before


class _HeldLines:
    """The physical lines of the bytes that a reader holds; ``offset`` and ``number`` say how many were taken."""

    def __init__(self, reader: BlockReader) -> None:
        self._reader = reader
        self.offset = self.number = 0
        self._starts: deque[int] = deque(maxlen=MAX_RECORD_LINES + 2)  # of the last lines, one of which may be next

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self

    def __next__(self) -> tuple[str, str]:
        end = self._end()
        line = self._reader._held[self.offset : end]
        if not line:
            raise StopIteration
        if len(line) > RECORD.bytes:
            raise self._too_long()
        self._starts.append(self.offset)
        self.offset, self.number = end, self.number + 1
        return decode_line(line, "utf-8", self._reader.source)

    def _end(self) -> int:
        while True:
            held = self._reader._held
            feed = held.find(b"\n", self.offset)
            carriage = held.find(b"\r", self.offset, feed if feed >= 0 else len(held))
            # A \r at the very end may be half of a \r\n, so more bytes are read first.
            if carriage >= 0 and carriage + 1 < len(held):
                return carriage + 1 + (held[carriage + 1 : carriage + 2] == b"\n")
            if feed >= 0:
                return feed + 1
            if len(held) - self.offset > RECORD.bytes:
                raise self._too_long()
            if not self._reader.more():
                return len(held)

    def _too_long(self) -> UserError:
        source = self._reader.source
        return too_long(f"{source.name if source else 'the table'}:{self._reader.line + self.number}")

    def back_to(self, line: int) -> None:
        """Give back the lines from this one on, counted from 1; they were read again and again will be."""
        if line <= self.number:
            self.offset = self._starts[line - 1 - self.number]
            self.number = line - 1


def _valid(data: bytes) -> tuple[bytes, bool]:
    """Return the bytes before the first that is not UTF-8, and whether there is such a byte."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return data[: error.start], True
    return data, False


def _texts(data: "np.ndarray[tuple[int], np.dtype[np.uint8]]", spans: Spans) -> TextSpans:
    """Return the texts of records. Those with doubled quotes are copied behind the data, with single ones."""
    doubled = np.flatnonzero(spans.doubled)
    if not len(doubled):
        return TextSpans(data, spans.text_starts, spans.text_ends)
    starts, ends = spans.text_starts[doubled], spans.text_ends[doubled]
    copied = np.empty(int((ends - starts).sum()), np.uint8)
    last = copy_undoubled(data, starts, ends, copied) + len(data)
    new_starts, new_ends = spans.text_starts.copy(), spans.text_ends.copy()
    new_starts[doubled], new_ends[doubled] = np.concatenate([[len(data)], last[:-1]]), last
    joined = np.concatenate([data, copied])
    joined.flags.writeable = False  # like ``data``; for a writable array Numba would compile the kernel once more
    return TextSpans(joined, new_starts, new_ends)


def _batch(layout: CsvLayout, records: list[Record]) -> Batch:
    good = [record for record in records if not record.fault]
    refused = [Refusal(record.line, record.fault, record.raw) for record in records if record.fault]
    rows = CsvRows(layout.columns, layout.delimiter, spans_of([record.raw for record in good]))
    texts = spans_of([record.cells[layout.text] for record in good])
    return Batch(rows, texts, [record.line for record in good], refused, 0)
