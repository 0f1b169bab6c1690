"""Computes metrics of predictions against gold: F1 in its variants, average precision, false alarms.

Every metric takes arrays of rows × k frames and optional row weights:

- no weights: each row counts once, which is the point estimate
- ``rows``: one value, with each row counted as often as its weight says
- resamples × ``rows``: one value for each resample

``values`` is 1 where gold has the frame, 0 where it does not, and below 0 where gold is unsettled. Unsettled cells are
not counted.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES

Floats = NDArray[np.float64]


class Counts(NamedTuple):
    """Weighted counts of cells: true positives, predicted, and support (positive in gold). Arrays of one shape."""

    tp: Floats
    predicted: Floats
    support: Floats

    def total(self) -> "Counts":
        """Return the counts summed over the last axis, all columns together."""
        return Counts(*(count.sum(axis=-1) for count in self))


def weighted_sum(by_row: NDArray[Any], weights: Floats | None = None) -> Floats:
    """Return the sum over the first axis of ``by_row``; with resamples × rows weights, one sum for each resample."""
    weights = np.ones(len(by_row)) if weights is None else weights
    return np.tensordot(weights, by_row.astype(np.float64), axes=1)


def ratio(part: Any, whole: Any) -> Floats:
    """Divide element by element; NaN where the divisor is not above 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    quotient: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return quotient[()]  # a 0-d array would not serialise to JSON; [()] makes it a number


def mean_of_known(scores: Floats) -> Floats:
    """Return the mean over the last axis, leaving NaN out; NaN where nothing is left."""
    return ratio(np.nansum(scores, axis=-1), np.isfinite(scores).sum(axis=-1))


def counts(values: NDArray[np.int8], predicted: NDArray[np.bool_], weights: Floats | None = None) -> Counts:
    """Return the counts of each column."""
    positive, predicted = values == 1, predicted & (values >= 0)
    return Counts(*(weighted_sum(cells, weights) for cells in (positive & predicted, predicted, positive)))


def f1(counted: Counts) -> Floats:
    """Return F1 from counts; NaN without support."""
    return np.where(counted.support > 0, ratio(2 * counted.tp, counted.predicted + counted.support), np.nan)


def f1_by_frame(values: NDArray[np.int8], predicted: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Return the F1 of each column; NaN for one without support."""
    return f1(counts(values, predicted, weights))


def macro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Return the mean F1 of the frames with support; NaN if no frame has any."""
    return mean_of_known(f1_by_frame(values, predicted, weights))


def micro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Return the F1 over all cells together; NaN if there is neither support nor a prediction."""
    tp, predictions, support = counts(values, predicted, weights).total()
    return ratio(2 * tp, predictions + support)


def samples_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Return the mean F1 over rows as in SemEval-2025 Task 10; a row without a frame has the class ``other``."""
    return ratio(weighted_sum(f1_by_row(values, predicted), weights), weighted_sum(np.ones(len(values)), weights))


def f1_by_row(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> Floats:
    """Return the F1 of each row over its frames, or over the class ``other`` where it has none."""
    gold, guess = values == 1, predicted & (values >= 0)
    gold = np.column_stack([gold, ~gold.any(axis=1)])
    guess = np.column_stack([guess, ~guess.any(axis=1)])
    return ratio(2 * (gold & guess).sum(axis=1), gold.sum(axis=1) + guess.sum(axis=1))


def false_alarm_rate(values: NDArray[np.int8], predicted: NDArray[np.bool_], weights: Floats | None = None) -> Floats:
    """Return the share of rows without a gold frame for which one is predicted; NaN if every row has a frame.

    A prediction where nobody knows whether the row has the frame is no false alarm.
    """
    empty, wrong = ~(values == 1).any(axis=1), predicted & (values == 0)
    return ratio(weighted_sum(empty & wrong.any(axis=1), weights), weighted_sum(empty, weights))


def mean_average_precision(values: NDArray[np.int8], probabilities: Floats, weights: Floats | None = None) -> Floats:
    """Return the mean average precision of the frames with support; NaN if no frame has any."""
    columns = zip(values.T, probabilities.T, strict=True)
    scores = np.array([average_precision(*column, weights) for column in columns])
    return mean_of_known(np.moveaxis(scores, 0, -1))


def average_precision(values: NDArray[np.int8], probabilities: Floats, weights: Floats | None = None) -> Floats:
    """Return the average precision of one frame (one column), as scikit-learn defines it; NaN without support."""
    weights = np.ones(len(values)) if weights is None else weights
    known = np.flatnonzero(values >= 0)
    order = known[np.argsort(-probabilities[known], kind="stable")]
    ranked, positive = probabilities[order], values[order] == 1
    if not positive.any():
        return np.full(weights.shape[:-1], np.nan)
    # Recall rises only at a positive row, so precision is needed only there: sums run from one such rank to the next.
    # Rows of equal probability share a rank, whose end is after the last of them.
    ends = np.unique(np.searchsorted(-ranked, -ranked[positive], side="right"))
    starts = np.append(0, ends[:-1])
    taken = weights[..., order[: ends[-1]]]
    predicted = np.cumsum(np.add.reduceat(taken, starts, axis=-1), axis=-1)
    tp = np.add.reduceat(taken * positive[: ends[-1]], starts, axis=-1)
    # A resample may leave out all rows up to a rank; such a rank has no true positives and adds nothing.
    precision = np.divide(np.cumsum(tp, axis=-1), predicted, out=np.zeros(tp.shape), where=predicted > 0)
    return ratio((tp * precision).sum(axis=-1), tp.sum(axis=-1))


def voice_macro_f1(
    values: NDArray[np.int8], gold_voices: NDArray[np.int8], voices: NDArray[np.int8], weights: Floats | None = None
) -> Floats:
    """Return the mean F1 of the voices with support, over the gold pairs whose voice is settled."""
    pairs = (gold_voices >= 0) & (values == 1)
    gold, guess = (
        np.stack([pairs & (each == voice) for voice in range(len(VOICES))], axis=-1) for each in (gold_voices, voices)
    )
    cells = (gold & guess, guess, gold)
    return mean_of_known(f1(Counts(*(weighted_sum(part.sum(axis=1), weights) for part in cells))))
