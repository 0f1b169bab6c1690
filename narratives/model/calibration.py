"""Owns turning a score into a probability, and a probability into words."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit


def calibrate(scores: NDArray[np.float64], sigmoids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn n × k scores into probabilities by the k × 2 (slope, shift) of ``fit_sigmoids``."""
    return np.asarray(expit(scores * sigmoids[:, 0] + sigmoids[:, 1]))


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
