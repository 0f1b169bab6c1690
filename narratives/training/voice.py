"""Fits the voice model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from narratives.codebook.frames import VOICES
from narratives.model.voice_model import VoiceModel

_NEVER = -30.0  # added to the bias of a voice that the labels lack, so that it is never predicted
_NEARLY_NONE = 1e-9


@dataclass(frozen=True)
class VoiceSettings:
    """Settings frozen by a search: ``strength`` is C of the logistic regression, ``prior`` a stream's voice shares."""

    strength: float = 8.0
    prior: tuple[float, float, float] = (0.8, 0.11, 0.09)


def fit_voice(
    rows: csr_matrix,
    signs: NDArray[np.float64],
    voices: Sequence[int] | NDArray[np.int8],
    settings: VoiceSettings,
    folds: NDArray[np.int64] | None = None,
) -> tuple[VoiceModel, NDArray[np.int8]] | None:
    """Fit one logistic regression for each voice on m pairs of paragraph and frame.

    - ``rows``, ``signs``: the m × size TF-IDF rows and the m markers of voice.
    - ``voices``: the index into VOICES of each pair.
    - ``folds``: the fold of each pair.

    Returns the model and the voice of each pair predicted by a model that has not seen its fold (without folds, by the
    model itself); None if the labels hold fewer than two voices, for then there is nothing to tell apart.

    Labels written to balance hold more reports and rebuttals than a stream does. Shifting the bias by the log of the
    ratio of the priors corrects for it (Saerens, Latinne and Decaestecker 2002, with a known prior).
    """
    from narratives.training.solver import fit_regressions, held_out_scores, training_parts

    target = np.asarray(voices)
    if len(set(target.tolist())) < 2:
        return None
    one_hot = target[:, None] == np.arange(len(VOICES))
    parts = training_parts(len(target), folds)
    costs = np.repeat(np.stack(parts, axis=1), len(VOICES), axis=1).astype(np.float32) * np.float32(settings.strength)
    X = hstack([rows, csr_matrix(signs)], format="csr")
    fitted = fit_regressions(X, np.tile(one_hot, len(parts)), costs, len(VOICES))
    shift = _shift_to_prior(one_hot, settings)
    size, bias = rows.shape[1], fitted.bias[: len(VOICES)] + shift
    model = VoiceModel(fitted.weights[:size], fitted.weights[size:], bias, _prior(one_hot, settings))
    return model, (held_out_scores(fitted.scores, parts) + shift).argmax(axis=1).astype(np.int8)


def _prior(one_hot: NDArray[np.bool_], settings: VoiceSettings) -> NDArray[np.float64]:
    """Return the shares expected in a stream; a voice that the labels lack gets next to nothing."""
    prior: NDArray[np.float64] = np.where(one_hot.any(axis=0), np.array(settings.prior), _NEARLY_NONE)
    return np.asarray(prior / prior.sum())


def _shift_to_prior(one_hot: NDArray[np.bool_], settings: VoiceSettings) -> NDArray[np.float64]:
    """Return what to add to each voice's bias. A voice that the labels lack is never predicted."""
    shares = one_hot.mean(axis=0)
    return np.where(shares > 0, np.log(np.array(settings.prior) / np.maximum(shares, _NEARLY_NONE)), _NEVER)
