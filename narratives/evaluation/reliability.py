"""Measures calibration: how predicted probabilities compare with observed frequencies. Arrays only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.evaluation.metrics import ratio, weighted_sum
from narratives.model.calibration import TERMS, term_numbers

BINS = 10
SHOWN = 0.2  # the calibration error is that of cells above it: most are true negatives, which nobody sees


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


@dataclass(frozen=True)
class Word:
    """A term of estimative probability: how often it was said, the mean probability, and the share that was right.

    Both are NaN for one that was never said.
    """

    term: str
    cells: int
    probability: float
    share: float


def by_word(probabilities: NDArray[np.float64], values: NDArray[np.int8]) -> tuple[Word, ...]:
    """Return what each of TERMS was worth. Takes the arrays of ``reliability``."""
    known = values >= 0
    p, y = probabilities[known], values[known]
    numbers = term_numbers(p)
    cells = np.bincount(numbers, minlength=len(TERMS))
    with np.errstate(invalid="ignore"):  # 0 / 0 for a term that was never said is NaN, as documented
        means, shares = np.bincount(numbers, p, len(TERMS)) / cells, np.bincount(numbers, y, len(TERMS)) / cells
    parts = zip(TERMS, cells.tolist(), means.tolist(), shares.tolist(), strict=True)
    return tuple(Word(*part) for part in parts)


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
    """Return the expected calibration error of cells above SHOWN (Naeini et al. 2015); NaN if there is none.

    This is the mean gap of the reliability curve there, 0 to 1, weighted by cells. Takes the arrays of ``reliability``,
    and row weights as the metrics do.
    """
    known, bins = (values >= 0) & (probabilities > SHOWN), bins_of(probabilities)
    frames = tuple(range(1, values.ndim))
    # In a bin of n cells, n × |mean probability - share| is |sum of gaps|: one sum over rows for each bin will do.
    gaps = np.where(known, probabilities - values, 0.0)
    by_bin = np.column_stack([np.where(bins == index, gaps, 0.0).sum(axis=frames) for index in range(BINS)])
    return ratio(np.abs(weighted_sum(by_bin, weights)).sum(axis=-1), weighted_sum(known.sum(axis=frames), weights))
