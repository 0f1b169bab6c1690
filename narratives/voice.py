"""Owns the voice model: a small linear model over a TF-IDF row and the signs of voice. Knows no frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from narratives.codebook import VOICES

ROUNDS = 20  # of the EM over a document; it settles in fewer
STREAM = 0.5  # how many pairs of the document the stream's shares are worth


@dataclass(frozen=True)
class VoiceModel:
    """Weights of the voice: TF-IDF columns × voices, signs × voices, and a bias and a ``prior`` for each voice."""

    row_weights: NDArray[np.float64]
    sign_weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    prior: NDArray[np.float64]

    def probabilities(self, rows: csr_matrix, signs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return n × 3 probabilities (promotes, reports, rebuts), each row summing to 1 (softmax)."""
        scores = rows @ self.row_weights + signs @ self.sign_weights + self.bias
        powers: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True)
class VoiceSettings:
    """What the search over choices froze. ``strength`` is LR's C; ``prior`` the shares expected in a stream."""

    strength: float = 8.0
    prior: tuple[float, float, float] = (0.8, 0.11, 0.09)


def fit_voice(
    rows: csr_matrix,
    signs: NDArray[np.float64],
    voices: Sequence[int] | NDArray[np.int8],
    settings: VoiceSettings,
    folds: NDArray[np.int64] | None = None,
) -> tuple[VoiceModel, NDArray[np.int8]] | None:
    """Fit one logistic regression a voice on one row a (paragraph, frame) pair; the bias is moved to the prior.

    The written set holds more reports and rebuttals than a stream does; shifting the bias by the log of the ratio
    of the priors corrects for it (Saerens, Latinne and Decaestecker 2002, with a known prior). Also returns the voice
    that a model without the pair's fold gives each pair (the model's own where ``folds`` is None). Returns None where
    the labels hold fewer than two voices: there is nothing to tell apart.
    """
    from narratives.solver import (
        fit_regressions,
    )  # scikit-learn takes half a second to load, and only training needs it

    target = np.asarray(voices)
    if len(set(target.tolist())) < 2:
        return None
    said = target[:, None] == np.arange(len(VOICES))
    parts = [np.ones(len(target), bool), *([] if folds is None else [folds != fold for fold in np.unique(folds)])]
    costs = np.repeat(np.stack(parts, axis=1), len(VOICES), axis=1).astype(np.float32) * np.float32(settings.strength)
    X = hstack([rows, csr_matrix(signs)], format="csr")
    fitted = fit_regressions(X, np.tile(said, len(parts)), costs, len(VOICES))
    shift = _shift_to_prior(said, settings)
    size, bias = rows.shape[1], fitted.bias[: len(VOICES)] + shift
    scores = fitted.scores.reshape(len(target), len(parts), len(VOICES)) + shift
    held_out = scores[:, 0].argmax(axis=1)
    for number, part in enumerate(parts[1:], 1):
        held_out[~part] = scores[~part, number].argmax(axis=1)
    return VoiceModel(fitted.weights[:size], fitted.weights[size:], bias, _prior(said, settings)), held_out.astype(
        np.int8
    )


def in_document(
    probabilities: NDArray[np.float64], paragraphs: NDArray[np.int64], model: VoiceModel
) -> NDArray[np.float64]:
    """Return the m × 3 voices of one document's (paragraph, frame) pairs, each read with the other paragraphs in view.

    Who rebuts a claim in one paragraph hardly spreads it in the next. The shares expected of a paragraph's voices are
    those of the other paragraphs' pairs and, with the weight of half a pair, the stream's; estimated and applied in
    turn until they settle (the EM of Saerens, Latinne and Decaestecker 2002, here leaving the paragraph itself out, so
    that one that stands alone is read as it is). ``paragraphs`` has the number of each pair's paragraph.
    """
    _, place, counts = np.unique(paragraphs, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return probabilities
    said, others = probabilities, (len(place) - counts)[:, None]
    for _ in range(ROUNDS):
        sums = np.stack([np.bincount(place, share, len(counts)) for share in said.T], axis=1)
        priors = (sums.sum(axis=0) - sums + STREAM * model.prior) / (others + STREAM)
        weighed: NDArray[np.float64] = probabilities * priors[place] / model.prior
        said = weighed / weighed.sum(axis=1, keepdims=True)
    return said


def _prior(said: NDArray[np.bool_], settings: VoiceSettings) -> NDArray[np.float64]:
    """Return the shares expected in a stream, of a voice that the labels lack next to nothing."""
    prior: NDArray[np.float64] = np.where(said.any(axis=0), np.array(settings.prior), 1e-9)
    return np.asarray(prior / prior.sum())


def _shift_to_prior(said: NDArray[np.bool_], settings: VoiceSettings) -> NDArray[np.float64]:
    """Return what to add to each voice's bias; a voice that the labels lack is never predicted."""
    shares = said.mean(axis=0)
    return np.where(shares > 0, np.log(np.array(settings.prior) / np.maximum(shares, 1e-9)), -30.0)
