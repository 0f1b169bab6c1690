"""Writes our cells behind the records of a CSV, with code that Numba compiles."""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

# Not imported from ``csv_scan``: Numba caches machine code by source file and does not see a change in another.
_QUOTE, _LINE_END = np.uint8(34), np.uint8(10)

_compiled = nb.njit(nogil=True, cache=True, error_model="numpy")


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
