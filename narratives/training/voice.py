"""Fits the voice model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.special import softmax

from narratives.codebook.frames import VOICES
from narratives.model.voice_model import VoiceModel

_FEWEST = 20  # held-out pairs that tell how often a voice is right
_NEVER = -30.0  # added to the bias of a voice that the labels lack, so that it is never predicted
_NEARLY_NONE = 1e-9


@dataclass(frozen=True)
class VoiceSettings:
    """Settings frozen by a search.

    - ``strength``: C of the logistic regression.
    - ``prior``: the shares of the voices in a stream.
    - ``tempered``: the power that these shares count with. With their full weight (1) the model called nearly every
      opposite *promotes*, because denials are rare in a stream.
    - ``precision``: how often each voice must be right on held-out pairs to be stated, not left to a person. It is
      highest for *promotes*, which says something about somebody.
    """

    strength: float = 30.0
    prior: tuple[float, float, float] = (0.8, 0.11, 0.09)
    tempered: float = 0.5
    precision: tuple[float, float, float] = (0.85, 0.75, 0.75)


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
    prior = _prior(one_hot, settings)
    shift = _shift_to_prior(one_hot, prior)
    size, bias = rows.shape[1], fitted.bias[: len(VOICES)] + shift
    held_out = softmax(held_out_scores(fitted.scores, parts) + shift, axis=1)
    settled = settled_shares(held_out, target, settings.precision)
    model = VoiceModel(fitted.weights[:size], fitted.weights[size:], bias, prior, settled)
    return model, held_out.argmax(axis=1).astype(np.int8)


def settled_shares(
    probabilities: NDArray[np.float64], voices: NDArray[np.int8], precision: Sequence[float]
) -> NDArray[np.float64]:
    """Return for each voice the lowest share from which on, where it is the likeliest, it is right often enough.

    Where no share reaches the voice's ``precision``, that of the highest precision counts; 0 where too few pairs tell.
    """
    said, share = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return np.array(
        [_settled_share(share[said == k], voices[said == k] == k, least) for k, least in enumerate(precision)]
    )


def _settled_share(shares: NDArray[np.float64], right: NDArray[np.bool_], precision: float) -> float:
    if len(shares) < _FEWEST:
        return 0.0
    order = np.argsort(-shares, kind="stable")
    number, shares = np.arange(1, len(order) + 1), shares[order]
    right_above = np.cumsum(right[order]) / number
    # A share can be told from the next lower one only.
    cuts = (number >= _FEWEST) & np.append(np.diff(shares) < 0, True)
    right_above, shares = right_above[cuts], shares[cuts]
    enough = np.flatnonzero(right_above >= precision)
    return float(shares[enough[-1] if len(enough) else right_above.argmax()])


def _prior(one_hot: NDArray[np.bool_], settings: VoiceSettings) -> NDArray[np.float64]:
    """Return the tempered shares expected in a stream; a voice that the labels lack gets next to nothing."""
    shares = np.array(settings.prior) ** settings.tempered
    prior: NDArray[np.float64] = np.where(one_hot.any(axis=0), shares, _NEARLY_NONE)
    return np.asarray(prior / prior.sum())


def _shift_to_prior(one_hot: NDArray[np.bool_], prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what to add to each voice's bias. A voice that the labels lack is never predicted."""
    shares = one_hot.mean(axis=0)
    return np.where(shares > 0, np.log(prior / np.maximum(shares, _NEARLY_NONE)), _NEVER)
