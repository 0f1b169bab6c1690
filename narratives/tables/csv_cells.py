"""Writes the cells of predictions behind the records of a CSV, with code that Numba compiles.

All that is compiled here is defined here: Numba caches machine code by source file and does not see a change in
another.
"""

from typing import NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

# Unsigned bytes, as the data is: Numba takes a plain 34 for an int64.
_QUOTE, _LINE_FEED, _SEMICOLON = np.uint8(34), np.uint8(10), np.uint8(59)
_ZERO, _POINT = np.uint8(48), np.uint8(46)
_SCALE = 10_000  # a probability has four decimals, so its cell is a delimiter and six bytes

_compiled = nb.njit(nogil=True, cache=True, error_model="numpy")


class Names(NamedTuple):
    """Names as bytes: all of them joined, and where each ends."""

    letters: NDArray[np.uint8]
    ends: NDArray[np.int64]


def names_of(names: tuple[str, ...]) -> Names:
    """Lay out names for ``write_rows``."""
    encoded = [name.encode() for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    return Names(np.frombuffer(b"".join(encoded), np.uint8), ends)


def write_rows(
    data: NDArray[np.uint8],
    records: tuple[NDArray[np.int64], NDArray[np.int64]],
    predictions: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int8], NDArray[np.int64]],
    names: tuple[Names, Names, Names, Names],
    layout: tuple[int, bool],
) -> bytes:
    """Return the records as they stand, each followed by our cells: frames, voices, human, scope, probabilities, model.

    - ``data``, ``records``: the bytes of a CSV, and where its records start and end.
    - ``predictions``: probabilities, predicted, human and voices, each of shape (records, frames), and the number of
      the scope (records), -1 for none.
    - ``names``: of the frames, the voices, the model and the scopes; none of them needs quotes.
    - ``layout``: the byte of the delimiter, and whether probabilities are written.
    """
    target = np.empty(_room(records, predictions, names, layout[1]), np.uint8)
    size: int = _write(data, records, predictions, names, layout, target)
    return target[:size].tobytes()


def _room(records, predictions, names, with_probabilities) -> int:
    """Return a number of bytes that is always enough: compiled code does not check the bounds of ``target``."""
    probabilities, predicted, human, *_ = predictions
    longest = max((len(part.letters) for part in names[1:]), default=0)
    longest_frame = int(np.diff(names[0].ends, prepend=0).max(initial=0)) + 1
    each = (
        17 + longest + len(names[2].letters) + len(names[3].letters) + with_probabilities * 8 * probabilities.shape[1]
    )
    labels = (int(predicted.sum()) + int(human.sum())) * (longest_frame + longest + 1)
    room: int = int((records[1] - records[0]).sum()) + each * len(records[0]) + labels
    return room


@_compiled
def _write(data, records, predictions, names, layout, target):
    (starts, ends), (delimiter, with_probabilities) = records, layout
    (probabilities, predicted, human, voices, scopes), (frame_names, voice_names, model, scope_names) = (
        predictions,
        names,
    )
    to, frames = 0, probabilities.shape[1]
    order, heard = np.empty(frames, np.int64), np.empty(frames, np.int64)
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        target[to : to + size] = data[starts[row] : ends[row]]
        to += size
        count = _order(probabilities[row], predicted[row], order)
        for rank in range(count):
            heard[rank] = voices[row, order[rank]]
        to = _put_list(frame_names, order[:count], delimiter, target, to)
        to = _put_list(voice_names, heard[:count], delimiter, target, to)
        count = _order(probabilities[row], human[row], order)
        to = _put_list(frame_names, order[:count], delimiter, target, to)
        target[to] = delimiter
        to = _put_name(scope_names, scopes[row], target, to + 1)
        for frame in range(frames * with_probabilities):
            target[to] = delimiter
            to = _put_probability(probabilities[row, frame], target, to + 1)
        target[to] = delimiter
        to = _put_name(model, 0, target, to + 1)
        target[to] = _LINE_FEED
        to += 1
    return to


@_compiled
def _order(probabilities, marked, order):
    """Write the marked frames into ``order``, the most probable first. Return their number.

    An insertion sort: the frames are few, it allocates nothing, and equal ones stay in the order of the codebook.
    """
    count = 0
    for frame in range(len(marked)):
        if marked[frame]:
            rank = count
            while rank and probabilities[order[rank - 1]] < probabilities[frame]:
                order[rank] = order[rank - 1]
                rank -= 1
            order[rank] = frame
            count += 1
    return count


@_compiled
def _put_list(names, numbers, delimiter, target, to):
    """Write a delimiter and the names joined by semicolons. Return the offset after them."""
    quoted = delimiter == _SEMICOLON and len(numbers) > 1  # else the cell would be read as several
    target[to] = delimiter
    to = _put_quote(target, to + 1, quoted)
    for rank in range(len(numbers)):
        if rank:
            target[to] = _SEMICOLON
            to += 1
        to = _put_name(names, numbers[rank], target, to)
    return _put_quote(target, to, quoted)


@_compiled
def _put_quote(target, to, quoted):
    if quoted:
        target[to] = _QUOTE
    return to + quoted


@_compiled
def _put_name(names, number, target, to):
    if number < 0:  # no voice
        return to
    start = names.ends[number - 1] if number else 0
    for at in range(start, names.ends[number]):
        target[to] = names.letters[at]
        to += 1
    return to


@_compiled
def _put_probability(probability, target, to):
    """Write a probability with four decimals, rounded as Python's ``round`` does: half to even."""
    rest = np.int64(np.rint(probability * _SCALE))
    target[to], target[to + 1] = _ZERO + rest // _SCALE, _POINT
    for digit in range(4):
        target[to + 5 - digit] = _ZERO + rest % 10
        rest //= 10
    return to + 6
