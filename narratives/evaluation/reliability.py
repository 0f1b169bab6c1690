"""Owns reliability: how far probabilities are from what happens. Arrays only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.evaluation.metrics import ratio, weighted_sum

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The cells whose probability lies in one tenth: their mean probability, and the share in which the frame is there.

    Both are NaN where there is no cell.
    """

    low: float
    high: float
    cells: int
    probability: float
    share: float


def bins_of(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the number of the bin, 0 to 9, of each probability; all ten are of equal width, and 1 is in the last."""
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)


def reliability(probabilities: NDArray[np.float64], values: NDArray[np.int8]) -> tuple[Bin, ...]:
    """Return the reliability curve: what was said against what happened, in ten bins (Naeini et al. 2015).

    Takes arrays of one shape, all frames or one; cells whose value is below 0 are left out.
    """
    known = values >= 0
    p, y = probabilities[known], values[known]
    place = bins_of(p)
    cells = np.bincount(place, minlength=BINS)
    with np.errstate(invalid="ignore"):
        said, happened = np.bincount(place, p, BINS) / cells, np.bincount(place, y, BINS) / cells
    return tuple(
        Bin(number / BINS, (number + 1) / BINS, int(cells[number]), float(said[number]), float(happened[number]))
        for number in range(BINS)
    )


def calibration_error(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the expected calibration error, 0 to 1 (Naeini et al. 2015): the mean gap of the reliability curve.

    Takes what ``reliability`` takes, and row weights as the metrics do. NaN if no cell is left.
    """
    known, bins, frames = values >= 0, bins_of(probabilities), tuple(range(1, values.ndim))
    gaps = np.where(known, probabilities - values, 0.0)
    by_bin = np.column_stack([np.where(bins == number, gaps, 0.0).sum(axis=frames) for number in range(BINS)])
    return ratio(np.abs(weighted_sum(by_bin, weights)).sum(axis=-1), weighted_sum(known.sum(axis=frames), weights))
