"""Owns the quick passes over the bytes of a CSV, compiled by Numba: finding its records, and writing ours beside them.

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


class Names(NamedTuple):
    """Bytes of the names that are written into cells: all joined, and where each ends."""

    letters: NDArray[np.uint8]
    ends: NDArray[np.int64]


def names_of(names: tuple[str, ...]) -> Names:
    """Lay out names for ``write_rows``."""
    encoded = [name.encode() for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    return Names(np.frombuffer(b"".join(encoded), np.uint8), ends)


def write_rows(
    data: NDArray[np.uint8],
    spans: tuple[NDArray[np.int64], NDArray[np.int64]],
    found: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int8]],
    names: tuple[Names, Names, Names],
    form: tuple[int, bool],
) -> bytes:
    """Return the records as they stand, each followed by our cells: frames, voices, human, probabilities, model.

    ``found``: probabilities, predicted, human and voices; ``names``: of the frames, the voices and the model; ``form``:
    the byte of the delimiter, and whether probabilities are written.
    """
    target = np.empty(_room(spans, found, names, form[1]), np.uint8)
    size: int = _write(data, spans, found, names, form, target)
    return target[:size].tobytes()


def _room(spans, found, names, with_probabilities) -> int:
    probabilities, predicted, human, _ = found
    longest = max((len(part.letters) for part in names[1:]), default=0)
    frame = int(np.diff(names[0].ends, prepend=0).max(initial=0)) + 1
    each = 16 + longest + len(names[2].letters) + with_probabilities * 8 * probabilities.shape[1]
    said = (int(predicted.sum()) + int(human.sum())) * (frame + longest + 1)
    room: int = int((spans[1] - spans[0]).sum()) + each * len(spans[0]) + said
    return room


@_compiled
def _write(data, spans, found, names, form, target):
    (starts, ends), (delimiter, every) = spans, form
    (probabilities, predicted, human, voices), (frames, said, model) = found, names
    to, k = 0, probabilities.shape[1]
    order, quoting = np.empty(k, np.int64), delimiter == 59
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        target[to : to + size] = data[starts[row] : ends[row]]
        to += size
        count = _order(probabilities[row], predicted[row], order)
        for part in range(2):
            target[to] = delimiter
            to = _quote(target, to + 1, quoting and count > 1)
            for place in range(count):
                if place:
                    target[to] = 59
                    to += 1
                frame = order[place]
                to = _put(frames, frame, target, to) if part == 0 else _put(said, voices[row, frame], target, to)
            to = _quote(target, to, quoting and count > 1)
        target[to] = delimiter
        count = _order(probabilities[row], human[row], order)
        to = _quote(target, to + 1, quoting and count > 1)
        for place in range(count):
            if place:
                target[to] = 59
                to += 1
            to = _put(frames, order[place], target, to)
        to = _quote(target, to, quoting and count > 1)
        for frame in range(k * every):
            target[to] = delimiter
            to = _put_probability(probabilities[row, frame], target, to + 1)
        target[to] = delimiter
        to = _put(model, 0, target, to + 1)
        target[to] = _LINE_END
        to += 1
    return to


@_compiled
def _order(probabilities, marked, order):
    """Write the marked frames, the most probable first. Return how many there are."""
    count = 0
    for frame in range(len(marked)):
        if marked[frame]:
            place = count
            while place and probabilities[order[place - 1]] < probabilities[frame]:
                order[place] = order[place - 1]
                place -= 1
            order[place] = frame
            count += 1
    return count


@_compiled
def _quote(target, to, wanted):
    if wanted:
        target[to] = _QUOTE
    return to + wanted


@_compiled
def _put(names, number, target, to):
    if number < 0:
        return to
    start = names.ends[number - 1] if number else 0
    for place in range(start, names.ends[number]):
        target[to] = names.letters[place]
        to += 1
    return to


@_compiled
def _put_probability(probability, target, to):
    """Write a probability with four decimals, rounded as ``round`` does: the half of the last one to the even."""
    rest = np.int64(np.rint(probability * 10_000))
    target[to], target[to + 1] = 48 + rest // 10_000, 46
    for place in range(4):
        target[to + 5 - place] = 48 + rest % 10
        rest //= 10
    return to + 6
