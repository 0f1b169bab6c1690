"""Scores the frames of a text: one linear score per frame over its TF-IDF row. Rounds weights to bytes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class FrameModel:
    """A linear model: score = row · weights + bias.

    ``weights`` has one row per column of a TF-IDF row and one column per frame, ``bias`` one value per frame.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def scores(self, rows: csr_matrix) -> NDArray[np.float64]:
        """Return the n × k scores (log-odds before calibration) of n TF-IDF rows."""
        return np.asarray(rows @ self.weights) + self.bias


_LARGEST = 127  # of a signed byte, leaving out -128, so that a weight and its negative round alike
_EXPONENTS = range(-126, 121)  # within these a byte times the power of two is exact in float32


def as_bytes(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Round weights (n × k) to bytes with one power of two a row; return the bytes and the n exponents.

    A row is ``bytes · 2^exponent``, the smallest power that its largest weight fits. The product is exact in float32
    and float64, so whatever reads the bytes computes with the same numbers; rounding it again changes nothing.
    """
    largest = np.abs(weights).max(axis=1, initial=0.0)
    exponents = np.ceil(np.log2(np.maximum(largest, 2.0**-119) / _LARGEST))
    exponents = exponents.clip(_EXPONENTS[0], _EXPONENTS[-1]).astype(np.int8)
    scaled = np.ldexp(weights, -exponents.astype(np.int64)[:, None])
    return np.rint(scaled).clip(-_LARGEST, _LARGEST).astype(np.int8), exponents


def from_bytes(rounded: NDArray[np.int8], exponents: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return the weights of ``as_bytes``."""
    return np.asarray(np.ldexp(rounded.astype(np.float64), exponents.astype(np.int64)[:, None]))


def rounded_to_bytes(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights (n × k) as a model folder keeps them."""
    return from_bytes(*as_bytes(weights))
