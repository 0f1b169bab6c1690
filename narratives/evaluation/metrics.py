"""Owns the metrics: F1 in its forms, false alarms. Takes arrays, knows no model."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def f1_by_frame(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the F1 of each column; NaN for one without support."""
    return f1_of_counts(*counts(values, predicted))


def f1_of_counts(right: NDArray[Any], found: NDArray[Any], there: NDArray[Any]) -> NDArray[np.float64]:
    """Return F1 from how many are right, found and there, arrays of one shape; NaN where nothing is there."""
    return np.where(there > 0, 2 * right / np.maximum(1, found + there), np.nan)


def macro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the mean F1 of the frames with support; NaN if none has."""
    return float(mean_of_known(f1_by_frame(values, predicted)))


def mean_of_known(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the last axis, leaving NaN out; NaN where nothing is left."""
    known = np.isfinite(scores).sum(axis=-1)
    return np.asarray(np.where(known > 0, np.nansum(scores, axis=-1) / np.maximum(1, known), np.nan))


def micro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the F1 of all cells together; NaN if nothing is gold and nothing predicted."""
    right, found, there = (int(count.sum()) for count in counts(values, predicted))
    return 2 * right / (found + there) if found + there else float("nan")


def samples_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the mean F1 over rows, as SemEval-2025 Task 10: a row without frame has the class ``other``."""
    return float(f1_by_row(values, predicted).mean()) if len(values) else float("nan")


def f1_by_row(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the F1 of each row, whose frames, or the class ``other`` where it has none, are what is to be found."""
    truth, guess = values == 1, predicted & (values >= 0)
    truth = np.column_stack([truth, ~truth.any(axis=1)])
    guess = np.column_stack([guess, ~guess.any(axis=1)])
    return np.asarray(2 * (truth & guess).sum(axis=1) / (truth.sum(axis=1) + guess.sum(axis=1)))


def false_alarm_rate(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the share of rows without a gold frame that get one; NaN if every row has a frame."""
    empty = (values <= 0).all(axis=1)
    return float(predicted[empty].any(axis=1).mean()) if empty.any() else float("nan")


def counts(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Return for each column how many cells are true positives, predicted, and positive in gold."""
    there, found = values == 1, predicted & (values >= 0)
    return [(there & found).sum(axis=0), found.sum(axis=0), there.sum(axis=0)]
