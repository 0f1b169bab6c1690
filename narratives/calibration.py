"""Owns calibration: from a score to a probability, and how far probabilities are from what happens. Arrays only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

BINS = 10
_PULL = 8.0  # how many labels the pooled curve is worth against a frame's own


def stream_weights(values: NDArray[np.int8], none_share: float | None) -> NDArray[np.float64]:
    """Return a weight for each row (mean 1) under which ``none_share`` of the rows carry no frame.

    A written set holds more rows with a frame than a stream does; probabilities and thresholds are chosen under the
    stream's share (importance weighting by class, Shimodaira 2000). All ones where ``none_share`` is None (the set is a
    sample of its stream) or the set holds one kind only.
    """
    empty = np.asarray((values <= 0).all(axis=1))
    here = float(empty.mean()) if len(empty) else 0.0
    if none_share is None or here in (0.0, 1.0):
        return np.ones(len(values))
    return np.where(empty, none_share / here, (1 - none_share) / (1 - here))


def fit_sigmoids(
    scores: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit probability = sigmoid(slope · score + shift) for each column; cells whose value is below 0 are left out.

    Platt (1999), rows weighted; each frame's curve is pulled towards the curve of all frames together, so that a
    frame with few labels is not overfitted. Returns k × 2 (slope, shift); slopes are positive.
    """
    cells = np.repeat(weights[:, None], scores.shape[1], axis=1)
    known = values >= 0
    pooled = _fit_one(scores[known], values[known], cells[known], np.array([1.0, 0.0]), 1e-3)
    curves = []
    for column in range(scores.shape[1]):
        rows = known[:, column]
        curves.append(_fit_one(scores[rows, column], values[rows, column], weights[rows], pooled, _PULL))
    return np.array(curves).reshape(-1, 2)


def _fit_one(
    scores: NDArray[np.float64],
    values: NDArray[np.int8],
    weights: NDArray[np.float64],
    start: NDArray[np.float64],
    pull: float,
) -> NDArray[np.float64]:
    from scipy.optimize import minimize  # slow to load, and only training needs it

    targets = (values == 1).astype(np.float64)
    anchor = np.array([np.log(start[0]), start[1]])

    def loss(curve: NDArray[np.float64]) -> float:
        logits = np.exp(curve[0]) * scores + curve[1]
        fit = -(weights * (targets * log_expit(logits) + (1 - targets) * log_expit(-logits))).sum()
        return float(fit + pull * ((curve - anchor) ** 2).sum())

    slope, shift = minimize(loss, anchor, method="L-BFGS-B").x
    return np.array([np.exp(slope), shift])


def calibrate(scores: NDArray[np.float64], sigmoids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn n × k scores into probabilities by the k × 2 (slope, shift) of ``fit_sigmoids``."""
    return np.asarray(expit(scores * sigmoids[:, 0] + sigmoids[:, 1]))


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


def calibration_error(probabilities: NDArray[np.float64], values: NDArray[np.int8]) -> float:
    """Return the expected calibration error (Naeini et al. 2015): the mean gap of the reliability curve, 0 to 1.

    Takes what ``reliability`` takes. NaN if no cell is left.
    """
    curve = [part for part in reliability(probabilities, values) if part.cells]
    total = sum(part.cells for part in curve)
    return sum(part.cells * abs(part.probability - part.share) for part in curve) / total if total else float("nan")


_WORDS = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
)


def words_of_probability(probability: float) -> str:
    """Return the word of estimative probability (ICD 203); an edge belongs to the word above it."""
    return next((word for edge, word in _WORDS if probability < edge), "almost certain")
