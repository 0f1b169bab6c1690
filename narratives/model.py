"""Owns the frame model: one linear score a frame over a TF-IDF row, fitted with the codebook as prior.

The similarity of a row x to a frame's codebook row d is itself linear in x: a coefficient a on x·d is the same as
adding a·d to the weights. So codebook and labels fold into one weight matrix.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from narratives.codebook import Codebook, Frame
from narratives.features import Features


@dataclass(frozen=True)
class ModelSettings:
    """What the search over choices froze.

    ``strength``: C of the logistic regression. ``prior_scale``: how much louder the similarity to the codebook is
    than the row. ``least``: texts that a term must occur in. ``topical_none``: share of paragraphs without a frame in
    a stream on the war, for which probabilities are calibrated. ``broad_none``: the share in a broad stream, for
    which thresholds are chosen, because there false alarms cost most.
    """

    strength: float = 5.0
    prior_scale: float = 5.0
    least: int = 2
    topical_none: float = 0.8
    broad_none: float = 0.95


@dataclass(frozen=True)
class FrameModel:
    """``weights`` (columns of the row × frames) and ``bias`` (frames): score = row · weights + bias."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def scores(self, rows: csr_matrix) -> NDArray[np.float64]:
        """Return the n × k scores before calibration."""
        return np.asarray(rows @ self.weights) + self.bias


def prior_texts(codebook: Codebook) -> list[str]:
    """Return for each frame the text its prior is made of: claim, what counts, and the cues of all languages."""
    return [_prior_text(frame) for frame in codebook.frames]


def _prior_text(frame: Frame) -> str:
    cues = [cue for language in frame.cues.values() for cue in language]
    return "\n".join([frame.name, frame.claim, *frame.include, *cues])


def codebook_rows(features: Features, codebook: Codebook) -> csr_matrix:
    """Return the k × size TF-IDF rows of the codebook's frames, each scaled to length 1."""
    return features.transform(prior_texts(codebook))


def fit_frames(
    rows: csr_matrix, values: NDArray[np.int8], priors: csr_matrix, settings: ModelSettings, jobs: int = 1
) -> FrameModel:
    """Fit one logistic regression a frame on ``rows`` (n × size) and ``values`` (n × k; below 0 = left out).

    Solver: newton-cg, which leaves the intercept unpenalised; frames are fitted side by side, each on one thread. A
    frame with one kind of value only is scored by its prior alone.
    """
    similarity = rows @ priors.T
    X = hstack([rows, similarity * settings.prior_scale], format="csr")
    columns = range(values.shape[1])
    fits = Parallel(n_jobs=jobs)(delayed(_fit_frame)(X, values[:, k], k, rows.shape[1], settings) for k in columns)
    own = np.array([weights[: rows.shape[1]] for weights, _ in fits]).T
    shares = np.array([weights[rows.shape[1] :] for weights, _ in fits]).T * settings.prior_scale
    return FrameModel(own + priors.T @ shares, np.array([bias for _, bias in fits]))


def _fit_frame(
    X: csr_matrix, values: NDArray[np.int8], column: int, size: int, settings: ModelSettings
) -> tuple[NDArray[np.float64], float]:
    known = np.flatnonzero(values >= 0)
    if len(np.unique(values[known])) < 2:
        prior_only = np.zeros(X.shape[1])
        prior_only[size + column] = 1.0
        return prior_only, 0.0
    clf = LogisticRegression(C=settings.strength, solver="newton-cg", class_weight="balanced")
    with threadpool_limits(1):  # threads of the linear algebra library would only wait for each other
        clf.fit(X[known], values[known])
    return clf.coef_[0], float(clf.intercept_[0])


def out_of_fold_scores(
    rows: csr_matrix,
    values: NDArray[np.int8],
    priors: csr_matrix,
    folds: Sequence[int],
    settings: ModelSettings,
    jobs: int,
) -> NDArray[np.float64]:
    """Return n × k scores, those of each row from a model that has not seen the row's fold."""
    place = np.asarray(folds)
    scores = np.zeros(values.shape)
    for fold in np.unique(place):
        held = place == fold
        scores[held] = fit_frames(rows[~held], values[~held], priors, settings, jobs).scores(rows[held])
    return scores
