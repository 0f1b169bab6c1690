"""Measures calibration: how predicted probabilities compare with observed frequencies. Arrays only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.evaluation.metrics import ratio, weighted_sum

BINS = 10


@dataclass(frozen=True)
class Bin:
    """One bin of the reliability curve, from ``low`` to ``high``: mean predicted probability and observed share.

    Both are NaN in a bin without cells.
    """

    low: float
    high: float
    cells: int
    probability: float
    share: float


def bins_of(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each probability, 0 to BINS - 1. Bins are of equal width; the last one includes 1."""
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)


def reliability(probabilities: NDArray[np.float64], values: NDArray[np.int8]) -> tuple[Bin, ...]:
    """Return the reliability curve: predicted probabilities against observed frequencies (Naeini et al. 2015).

    Takes two arrays of the same shape, for all frames or for one. Cells whose value is below 0 are not counted.
    """
    known = values >= 0
    p, y = probabilities[known], values[known]
    bins = bins_of(p)
    cells = np.bincount(bins, minlength=BINS)
    with np.errstate(invalid="ignore"):  # 0 / 0 in an empty bin is NaN, as documented
        predicted, observed = np.bincount(bins, p, BINS) / cells, np.bincount(bins, y, BINS) / cells
    return tuple(
        Bin(index / BINS, (index + 1) / BINS, int(cells[index]), float(predicted[index]), float(observed[index]))
        for index in range(BINS)
    )


def calibration_error(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the expected calibration error, 0 to 1 (Naeini et al. 2015); NaN if no cell is counted.

    This is the mean gap of the reliability curve, weighted by cells. Takes the arrays of ``reliability``, and row
    weights as the metrics do.
    """
    known, bins, frames = values >= 0, bins_of(probabilities), tuple(range(1, values.ndim))
    # In a bin of n cells, n × |mean probability - share| is |sum of gaps|: one sum over rows for each bin will do.
    gaps = np.where(known, probabilities - values, 0.0)
    by_bin = np.column_stack([np.where(bins == index, gaps, 0.0).sum(axis=frames) for index in range(BINS)])
    return ratio(np.abs(weighted_sum(by_bin, weights)).sum(axis=-1), weighted_sum(known.sum(axis=frames), weights))
