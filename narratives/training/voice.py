"""Owns fitting the voice model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from narratives.codebook.frames import VOICES
from narratives.model.voice_model import VoiceModel


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
    from narratives.training.solver import fit_regressions

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


def _prior(said: NDArray[np.bool_], settings: VoiceSettings) -> NDArray[np.float64]:
    """Return the shares expected in a stream, of a voice that the labels lack next to nothing."""
    prior: NDArray[np.float64] = np.where(said.any(axis=0), np.array(settings.prior), 1e-9)
    return np.asarray(prior / prior.sum())


def _shift_to_prior(said: NDArray[np.bool_], settings: VoiceSettings) -> NDArray[np.float64]:
    """Return what to add to each voice's bias; a voice that the labels lack is never predicted."""
    shares = said.mean(axis=0)
    return np.where(shares > 0, np.log(np.array(settings.prior) / np.maximum(shares, 1e-9)), -30.0)
