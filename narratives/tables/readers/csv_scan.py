"""Finds the records of a CSV in its bytes, with code that Numba compiles.

``find_records`` knows only what a strict reader takes without a doubt; anything else stops it, and ``csvrows`` decides.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

MOST_RECORDS = 16_384  # of one block
MOST_LINES = 1000  # of one record; as ``csvrows`` has it
_QUOTE, _LINE_END, _RETURN = np.uint8(34), np.uint8(10), np.uint8(13)

_compiled = nb.njit(nogil=True, cache=True, error_model="numpy")


class Spans(NamedTuple):
    """Where the records of a block are: bytes of the record, of the cell with the text, its doubled quotes, its line.

    ``starts`` to ``ends`` leaves out the end of the line, ``text_starts`` to ``text_ends`` the quotes around a cell.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    text_starts: NDArray[np.int64]
    text_ends: NDArray[np.int64]
    doubled: NDArray[np.int64]
    lines: NDArray[np.int64]


class Scan(NamedTuple):
    """How far a scan came: records found, the byte and the line it stands at, whether what follows is in doubt."""

    records: int
    position: int
    line: int
    doubtful: bool


def find_records(data: NDArray[np.uint8], form: tuple[int, int, int], line: int, whole: bool) -> tuple[Spans, Scan]:
    """Find the records of a block that begins with one; ``form`` is (byte of the delimiter, cells, cell with the text).

    A record that the block cuts off is left, unless the block is the ``whole`` rest.
    """
    spans = Spans(*(np.empty(MOST_RECORDS, np.int64) for _ in range(6)))
    scan = Scan(*_scan(data, form, line, whole, spans))
    return Spans(*(part[: scan.records] for part in spans)), scan


@_compiled
def _scan(data, form, line, whole, spans):
    place, number, size = 0, 0, len(data)
    while place < size and number < MOST_RECORDS:
        if data[place] == _LINE_END:
            place, line = place + 1, line + 1
            continue
        if data[place] == _RETURN and place + 1 < size and data[place + 1] == _LINE_END:
            place, line = place + 2, line + 1
            continue
        after, lines, sound = _record(data, place, form, whole, spans, number)
        if not sound:
            return number, place, line, True
        if after < 0:
            return number, place, line, whole
        spans.starts[number], spans.lines[number] = place, line
        place, line, number = after, line + lines, number + 1
    return number, place, line, False


@_compiled
def _record(data, place, form, whole, spans, number):
    """Read one record. Return where the next begins (-1: it is cut off), its lines, and whether it is sound."""
    size, cell, lines = len(data), 0, 1
    delimiter, width, column = form
    while True:
        quoted = place < size and data[place] == _QUOTE
        start, doubled = place + quoted, 0
        if quoted:
            end, doubled, more = _quoted_end(data, start)
            if end < 0:
                return -1, lines, not whole and size - start < 10_000_000
            lines += more
            place = end + 1
        else:
            while place < size and data[place] != delimiter and data[place] != _LINE_END and data[place] != _RETURN:
                place += 1
            end = place
        if cell == column:
            spans.text_starts[number], spans.text_ends[number], spans.doubled[number] = start, end, doubled
        cell += 1
        if place >= size:
            spans.ends[number] = size
            return size if whole else -1, lines, not whole or cell == width
        if data[place] == delimiter:
            place += 1
            continue
        if data[place] == _RETURN and place + 1 == size and not whole:
            return -1, lines, True
        wide = data[place] == _RETURN and place + 1 < size and data[place + 1] == _LINE_END
        sound = (wide or data[place] == _LINE_END) and cell == width and lines <= MOST_LINES
        spans.ends[number] = place
        return place + 1 + wide, lines, sound


@_compiled
def _quoted_end(data, place):
    """Return where the quote is that closes a cell (-1: none does), the doubled ones before it, and the line ends."""
    doubled = lines = 0
    size = len(data)
    while place < size:
        byte = data[place]
        if byte == _QUOTE:
            if place + 1 < size and data[place + 1] == _QUOTE:
                doubled += 1
                place += 2
                continue
            return place, doubled, lines
        lines += byte == _LINE_END or (byte == _RETURN and (place + 1 == size or data[place + 1] != _LINE_END))
        place += 1
    return -1, doubled, lines


@_compiled
def copy_undoubled(data, starts, ends, target):
    """Copy texts into ``target``, one after the other, with their doubled quotes made single. Return their ends."""
    to, copied = 0, np.empty(len(starts), np.int64)
    for number in range(len(starts)):
        place = starts[number]
        while place < ends[number]:
            target[to] = data[place]
            to += 1
            place += 2 if data[place] == _QUOTE else 1
        copied[number] = to
    return copied
