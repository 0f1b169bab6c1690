"""Owns fitting the frame model, with the codebook as prior.

The similarity of a row x to a frame's codebook row d is itself linear in x: a coefficient a on x·d is the same as
adding a·d to the weights. So codebook and labels fold into one weight matrix.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from narratives.codebook.frames import Codebook, Frame
from narratives.model.features import Features
from narratives.model.frame_model import FrameModel


@dataclass(frozen=True)
class ModelSettings:
    """What the search over choices froze, for labels written to balance; ``AS_IT_IS`` is for a sample of a stream.

    ``strength``: C of the logistic regression. ``balanced``: errors on both kinds of value weigh the same in a frame.
    ``prior_scale``: how much louder the similarity to the codebook is than the row. ``min_df``: texts that a term must
    occur in. ``topical_none``: share of paragraphs without a frame in a stream on the war, for which probabilities are
    calibrated. ``broad_none``: the share in a broad stream, for which thresholds are chosen, because there false alarms
    cost most (None: the share is that of the labels). ``shrinkage``: how many positives the common threshold is worth.
    ``precision``: what thresholds aim at, None for F1. ``plateau``: the share of the best F1 at which its top is left:
    thresholds stand in the middle of it, which is steadier; 1 where the labels are a sample, whose best is to be had.
    ``sure``: the precision expected of *yes* where a person decides the doubtful cases.
    """

    strength: float = 10.0
    balanced: bool = True
    prior_scale: float = 4.0
    min_df: int = 2
    topical_none: float | None = 0.8
    broad_none: float | None = 0.95
    shrinkage: float = 300.0
    precision: float | None = None
    plateau: float = 0.97
    sure: float = 0.975


YOUNG = 30  # a frame with fewer paragraphs that carry it leans on the codebook, the more the fewer
_LEAN = 8.0  # how much louder the codebook is for a frame without any: benchmarks/cold.py

AS_IT_IS = ModelSettings(topical_none=None, broad_none=None, shrinkage=30.0, plateau=1.0, sure=0.8)


def prior_texts(codebook: Codebook) -> list[str]:
    """Return for each frame the text its prior is made of: claim, what counts, and the cues of all languages.

    A frame that is a bare id has none: its name alone is no prior (it cost .05 of mean average precision).
    """
    return [_prior_text(frame) for frame in codebook.frames]


def _prior_text(frame: Frame) -> str:
    cues = [cue for language in frame.cues.values() for cue in language]
    if not (frame.claim or frame.include or cues):
        return ""
    return "\n".join([frame.name, frame.claim, *frame.include, *cues])


def codebook_rows(features: Features, codebook: Codebook) -> csr_matrix:
    """Return the k × size TF-IDF rows of the codebook's frames, each scaled to length 1."""
    return features.transform(prior_texts(codebook))


def fit_frames(
    rows: csr_matrix,
    values: NDArray[np.int8],
    priors: csr_matrix,
    settings: ModelSettings,
    folds: NDArray[np.int64] | None = None,
) -> tuple[FrameModel, NDArray[np.float64]]:
    """Fit one logistic regression a frame on ``rows`` (n × size) and ``values`` (n × k; below 0 = left out).

    Also returns n × k held-out scores: those of each row from a model that has not seen the row's fold (its own
    scores where ``folds`` is None). A frame with one kind of value only is scored by its prior alone; one with few
    positives leans on its prior.
    """
    from narratives.training.solver import fit_regressions

    similarity = rows @ priors.T
    X = hstack([rows, similarity * settings.prior_scale], format="csr")
    parts = [np.ones(len(values), bool), *([] if folds is None else [folds != fold for fold in np.unique(folds)])]
    costs = np.concatenate([_costs(values, part, settings) for part in parts], axis=1)
    frames, size = values.shape[1], rows.shape[1]
    fitted = fit_regressions(X, np.tile(values == 1, len(parts)), costs, frames)
    shares, bias = fitted.weights[size:] * settings.prior_scale, fitted.bias[:frames].copy()
    lone = ~((values == 1).any(axis=0) & (values == 0).any(axis=0))
    shares[:, lone], bias[lone] = 0.0, 0.0
    lean = np.where(lone, 1.0, _lean(values))
    held_out = fitted.scores[:, :frames].copy()
    for number, part in enumerate(parts[1:], 1):
        held_out[~part] = fitted.scores[~part, number * frames : (number + 1) * frames]
    held_out[:, lone] = 0.0
    shares += np.diag(lean * settings.prior_scale)
    codebook = similarity.toarray() * settings.prior_scale
    return FrameModel(fitted.weights[:size] * ~lone + priors.T @ shares, bias), held_out + codebook * lean


def _lean(values: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return how much louder than fitted the prior of each frame is: less and less up to ``YOUNG`` positives."""
    positives = (values == 1).sum(axis=0)
    return np.asarray(_LEAN * np.maximum(0, 1 - positives / YOUNG))


def _costs(values: NDArray[np.int8], part: NDArray[np.bool_], settings: ModelSettings) -> NDArray[np.float32]:
    """Return what an error on each cell costs: where ``balanced``, both kinds of value weigh the same in each frame.

    A frame that has one kind of value only in this part of the rows costs nothing and is not learned.
    """
    known = (values >= 0) & part[:, None]
    yes, no = known & (values == 1), known & (values == 0)
    counts = [side.sum(axis=0) for side in (yes, no)]
    number = np.where(counts[0] * counts[1] > 0, counts[0] + counts[1], 0)
    shares = [number / (2 * np.maximum(1, count)) if settings.balanced else (number > 0) * 1.0 for count in counts]
    return np.asarray(settings.strength * (yes * shares[0] + no * shares[1]), dtype=np.float32)
