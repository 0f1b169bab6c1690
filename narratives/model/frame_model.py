"""Owns the frame model: one linear score a frame over a TF-IDF row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class FrameModel:
    """``weights`` (columns of the row × frames) and ``bias`` (frames): score = row · weights + bias."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def scores(self, rows: csr_matrix) -> NDArray[np.float64]:
        """Return the n × k scores before calibration."""
        return np.asarray(rows @ self.weights) + self.bias
