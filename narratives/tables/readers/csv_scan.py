"""Finds the records of a CSV in its bytes, with code that Numba compiles.

The scan accepts only records that a strict reader would accept as well. At anything else it stops, and ``csv_records``
decides. All that is compiled here is defined here: Numba caches machine code by source file and does not see a change
in another.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

MOST_RECORDS = 16_384  # of one block
MOST_LINES = 1000  # of one record; the limits of ``csv_records``, repeated because they are compiled in
MOST_BYTES = 10_000_000

# Unsigned bytes, as the data is: Numba takes a plain 34 for an int64 and widens every byte that it is compared with.
_QUOTE, _LINE_FEED, _RETURN = np.uint8(34), np.uint8(10), np.uint8(13)

# Without the global lock, other threads score one block while this one scans the next.
_compiled = nb.njit(nogil=True, cache=True, error_model="numpy")


class Spans(NamedTuple):
    """Where the records of a block are, as arrays of byte offsets with an item per record.

    - ``starts``, ``ends``: the record without the end of its line.
    - ``text_starts``, ``text_ends``: the cell with the text, without the quotes around it.
    - ``doubled``: the number of doubled quotes in that cell.
    - ``lines``: the physical line on which the record starts.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    text_starts: NDArray[np.int64]
    text_ends: NDArray[np.int64]
    doubled: NDArray[np.int64]
    lines: NDArray[np.int64]


class Scan(NamedTuple):
    """How far a scan came: the number of records, its offset and line, and whether the next record is in doubt."""

    records: int
    offset: int
    line: int
    doubtful: bool


def find_records(data: NDArray[np.uint8], layout: tuple[int, int, int], line: int, whole: bool) -> tuple[Spans, Scan]:
    """Find the records of a block of UTF-8 bytes.

    - ``data``: the block; it begins with a record.
    - ``layout``: the byte of the delimiter, the number of cells, the index of the cell with the text.
    - ``line``: the physical line of the first byte.
    - ``whole``: the block is all that is left of the file, so no record in it is cut off.
    """
    spans = Spans(*(np.empty(MOST_RECORDS, np.int64) for _ in range(6)))
    scan = Scan(*_scan(data, layout, line, whole, spans))
    return Spans(*(column[: scan.records] for column in spans)), scan


@_compiled
def _scan(data, layout, line, whole, spans):
    # One pass finds records, text and doubled quotes together: a block is read from memory once.
    at, record, size = 0, 0, len(data)
    while at < size and record < MOST_RECORDS:
        # Blank lines are not rows. A lone \r is left to the strict reader, like every old Mac line end.
        if data[at] == _LINE_FEED:
            at, line = at + 1, line + 1
            continue
        if data[at] == _RETURN and at + 1 < size and data[at + 1] == _LINE_FEED:
            at, line = at + 2, line + 1
            continue
        after, lines, sound = _record(data, at, layout, whole, spans, record)
        if not sound:
            return record, at, line, True
        if after < 0:
            return record, at, line, whole
        spans.starts[record], spans.lines[record] = at, line
        at, line, record = after, line + lines, record + 1
    return record, at, line, False


@_compiled
def _record(data, at, layout, whole, spans, record):
    """Scan one record. Return the offset of the next (-1: cut off), its number of lines, and whether it is sound."""
    size, cell, lines = len(data), 0, 1
    delimiter, width, text = layout
    while True:
        quoted = at < size and data[at] == _QUOTE
        start, doubled = at + quoted, 0
        if quoted:
            end, doubled, more = _closing_quote(data, start)
            if end < 0:
                # More bytes may close the quote, unless there are none or the cell is too long already.
                return -1, lines, not whole and size - start < MOST_BYTES
            lines += more
            at = end + 1
        else:
            # Three plain comparisons: of ``in (…)`` Numba makes a search.
            while at < size and data[at] != delimiter and data[at] != _LINE_FEED and data[at] != _RETURN:
                at += 1
            end = at
        if cell == text:
            spans.text_starts[record], spans.text_ends[record], spans.doubled[record] = start, end, doubled
        cell += 1
        if at >= size:
            spans.ends[record] = size
            return size if whole else -1, lines, not whole or cell == width
        if data[at] == delimiter:
            at += 1
            continue
        if data[at] == _RETURN and at + 1 == size and not whole:
            return -1, lines, True  # the \n of a \r\n may be in the next block
        # A byte after a closing quote, a lone \r, a wrong number of cells or too many lines: the strict reader decides.
        two = data[at] == _RETURN and at + 1 < size and data[at + 1] == _LINE_FEED
        sound = (two or data[at] == _LINE_FEED) and cell == width and lines <= MOST_LINES
        spans.ends[record] = at
        return at + 1 + two, lines, sound


@_compiled
def _closing_quote(data, at):
    """Return the offset of the quote that closes a cell (-1: none), the doubled quotes before it, and the line ends."""
    doubled = lines = 0
    size = len(data)
    while at < size:
        byte = data[at]
        if byte == _QUOTE:
            if at + 1 < size and data[at + 1] == _QUOTE:
                doubled += 1
                at += 2
                continue
            return at, doubled, lines
        # \r\n is one line end, counted at its \n.
        lines += byte == _LINE_FEED or (byte == _RETURN and (at + 1 == size or data[at + 1] != _LINE_FEED))
        at += 1
    return -1, doubled, lines


@_compiled
def copy_undoubled(data, starts, ends, target):
    """Copy texts into ``target``, one after the other, with single quotes for doubled ones. Return where each ends."""
    to, copied = 0, np.empty(len(starts), np.int64)
    for text in range(len(starts)):
        at = starts[text]
        while at < ends[text]:
            target[to] = data[at]
            to += 1
            at += 2 if data[at] == _QUOTE else 1  # inside a sound cell every quote is doubled
        copied[text] = to
    return copied
