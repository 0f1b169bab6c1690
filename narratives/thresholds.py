"""Owns thresholds: from which probability on a frame counts as predicted. Takes arrays, knows no model."""

import numpy as np
from numpy.typing import NDArray

_PULL = 300.0  # how many positive labels the common threshold is worth against a frame's own
LOWEST, HIGHEST = 0.05, 0.95


def best_f1_threshold(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> float:
    """Return the threshold with the highest weighted F1, halfway between the two probabilities it parts.

    Takes three arrays of one length. Cells whose value is below 0 are left out; 0.5 where there is no positive.
    """
    known = values >= 0
    p, y, w = probabilities[known], values[known] == 1, weights[known]
    if not y.any():
        return 0.5
    order = np.argsort(-p, kind="stable")
    hits = np.cumsum((y * w)[order])
    f1 = 2 * hits / (np.cumsum(w[order]) + hits[-1])
    f1[:-1][p[order][:-1] == p[order][1:]] = -1  # a threshold cannot part equal probabilities
    cut = int(np.argmax(f1))
    below = p[order][cut + 1] if cut + 1 < len(p) else 0.0
    return float((p[order][cut] + below) / 2)


def choose_thresholds(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Choose a threshold for each frame for the best F1 on these (out-of-fold) probabilities, n × k, rows weighted.

    A frame's own best threshold is drawn towards the one that is best for all frames together, the more so the
    fewer positives it has: own optima of rare frames are mostly noise.
    """
    cells = np.repeat(weights[:, None], probabilities.shape[1], axis=1)
    common = best_f1_threshold(probabilities.ravel(), values.ravel(), cells.ravel())
    chosen = []
    for column in range(probabilities.shape[1]):
        support = int((values[:, column] == 1).sum())
        own = best_f1_threshold(probabilities[:, column], values[:, column], weights)
        chosen.append((support * own + _PULL * common) / (support + _PULL))
    return np.array(chosen, dtype=np.float64).clip(LOWEST, HIGHEST)
