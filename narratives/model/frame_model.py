"""Scores the frames of a text: one linear score per frame over its TF-IDF row."""

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
