"""Turns scores into probabilities, and probabilities into words."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit


def calibrate(scores: NDArray[np.float64], sigmoids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the n × k probabilities of n × k scores, by Platt scaling (Platt 1999).

    ``sigmoids`` is k × 2: the slope and the shift of each frame's sigmoid.
    """
    return np.asarray(expit(scores * sigmoids[:, 0] + sigmoids[:, 1]))


_TERMS = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
)


def words_of_probability(probability: float) -> str:
    """Return the term of estimative probability (ICD 203); a limit belongs to the term above it."""
    return next((term for limit, term in _TERMS if probability < limit), "almost certain")
