"""Turns scores into probabilities, and probabilities into words."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

KNEE = float(np.log(0.2 / 0.8))  # log-odds of .2; probabilities above it are what a user is shown


def calibrate(scores: NDArray[np.float64], sigmoids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the n × k probabilities of n × k scores, by Platt scaling (Platt 1999) with a knee.

    ``sigmoids`` is k × 3: the slope and the shift of each frame's sigmoid, and the slope of its log-odds above KNEE.
    Those of version 0.1, which a joblib export may hold, are k × 2 and without a knee.
    """
    log_odds = scores * sigmoids[:, 0] + sigmoids[:, 1]
    return np.asarray(expit(flattened(log_odds, sigmoids[:, 2]) if sigmoids.shape[1] > 2 else log_odds))


def flattened(log_odds: NDArray[np.float64], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return n × k log-odds with those above KNEE drawn towards it, where a frame's slope is below 1."""
    return np.where(log_odds > KNEE, KNEE + slopes * (log_odds - KNEE), log_odds)


_LIMITS = (0.05, 0.20, 0.45, 0.55, 0.80, 0.95)
TERMS = (
    *("almost no chance", "very unlikely", "unlikely", "roughly even chance", "likely", "very likely"),
    "almost certain",
)


def term_numbers(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the index in TERMS of the term of estimative probability (ICD 203); a limit belongs to the term above."""
    return np.searchsorted(_LIMITS, probabilities, side="right")


def words_of_probability(probability: float) -> str:
    """Return the term of estimative probability (ICD 203); a limit belongs to the term above it."""
    return TERMS[int(term_numbers(np.array(probability)))]
