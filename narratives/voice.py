"""Owns the voice model: a small linear model over a TF-IDF row and the signs of voice. Knows no frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from narratives.codebook import VOICES


@dataclass(frozen=True)
class VoiceModel:
    """Weights of the voice: TF-IDF columns × voices, signs × voices, and a bias for each voice."""

    row_weights: NDArray[np.float64]
    sign_weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, rows: csr_matrix, signs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return n × 3 probabilities (promotes, reports, rebuts), each row summing to 1 (softmax)."""
        scores = rows @ self.row_weights + signs @ self.sign_weights + self.bias
        powers: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True)
class VoiceSettings:
    """What the search over choices froze. ``strength`` is LR's C; ``prior`` the shares expected in a stream."""

    strength: float = 1.0
    sign_scale: float = 1.0
    prior: tuple[float, float, float] = (0.7, 0.17, 0.13)


def fit_voice(
    rows: csr_matrix, signs: NDArray[np.float64], voices: Sequence[int] | NDArray[np.int8], settings: VoiceSettings
) -> VoiceModel | None:
    """Fit a multinomial logistic regression on one row a (paragraph, frame) pair; the bias is moved to the prior.

    The written set holds more reports and rebuttals than a stream does; shifting the bias by the log of the ratio
    of the priors corrects for it (Saerens, Latinne and Decaestecker 2002, with a known prior). Returns None where
    the labels hold fewer than two voices: there is nothing to tell apart.
    """
    target = np.asarray(voices)
    if len(set(target.tolist())) < 2:
        return None
    X = hstack([rows, csr_matrix(signs * settings.sign_scale)], format="csr")
    with threadpool_limits(1):
        clf = LogisticRegression(C=settings.strength, max_iter=500).fit(X, target)
    weights, bias = _all_voices(clf)
    shares = np.bincount(target, minlength=len(VOICES)) / len(target)
    shift = np.where(shares > 0, np.log(np.array(settings.prior) / np.maximum(shares, 1e-9)), 0.0)
    return VoiceModel(weights[: rows.shape[1]], weights[rows.shape[1] :] * settings.sign_scale, bias + shift)


def _all_voices(clf: LogisticRegression) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and bias with a column for each voice, also for one that the labels lack (never predicted)."""
    weights = np.zeros((clf.n_features_in_, len(VOICES)))
    bias = np.full(len(VOICES), -30.0)
    coefficients, intercepts = clf.coef_, clf.intercept_
    if len(clf.classes_) == 2:
        coefficients, intercepts = np.vstack([-coefficients, coefficients]) / 2, np.array([-0.5, 0.5]) * intercepts[0]
    weights[:, clf.classes_] = coefficients.T
    bias[clf.classes_] = intercepts
    return weights, bias
