"""Fits the frame model, with the codebook as prior.

The similarity of a row x to a frame's codebook row d is linear in x: a coefficient a on x·d is the same as adding a·d
to the weights. So codebook and labels fold into one weight matrix.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from narratives.codebook.frames import Codebook, Frame
from narratives.model.features import Features
from narratives.model.frame_model import FrameModel
from narratives.training.decision_rule import ThresholdRule


@dataclass(frozen=True)
class ModelSettings:
    """Settings of the frame model and its decision rule, frozen by a search (benchmarks/choices.py).

    The defaults are for labels written to balance; ``AS_IT_IS`` is for labels that are a sample of a stream.

    - ``strength``: C of the logistic regression.
    - ``balanced``: positives and negatives of a frame weigh the same in total.
    - ``prior_scale``: how much louder the similarity to the codebook is than the row.
    - ``min_df``: the number of texts that a term must occur in.
    - ``topical_none``: share of paragraphs without a frame in a stream on the war, for which probabilities are
      calibrated; None for the share of the labels.
    - ``broad_none``: the same share in a broad stream, for which thresholds are chosen, because false alarms cost most
      there; None for the share of the labels.
    - ``shrinkage``: how many positives the threshold common to all frames is worth.
    - ``precision``: what thresholds aim at; None for F1.
    - ``plateau``: the share of the best F1 at which its flat top ends. A threshold is set in the middle of the top,
      which is steadier; 1 takes the best one, right for labels that are a sample.
    - ``cautious``: a threshold is the highest of the flat top, not its middle.
    - ``flattened``: probabilities are what they are worth on sources that the model has not seen.
    - ``sure``: the precision expected of *yes* where a person decides the doubtful cases.
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
    cautious: bool = False
    flattened: bool = False
    sure: float = 0.975

    @property
    def threshold_rule(self) -> ThresholdRule:
        """How thresholds are chosen."""
        return ThresholdRule(self.shrinkage, self.precision, self.plateau, self.cautious)


YOUNG = 30  # a frame with fewer positives leans on the codebook, the more so the fewer it has
_LEAN = 8.0  # how much louder the codebook is for a frame without positives: benchmarks/cold.py

AS_IT_IS = ModelSettings(topical_none=None, broad_none=None, shrinkage=30.0, plateau=1.0, sure=0.8)
# For texts drawn at random within many sources, in most of which a frame is rarer than in labels that a user brings.
# ``sure`` is of sources that the model has not seen; with .8 a person would decide half of what is found, everywhere.
RANDOM = replace(AS_IT_IS, shrinkage=300.0, plateau=0.97, cautious=True, flattened=True, sure=0.74)


def prior_texts(codebook: Codebook) -> list[str]:
    """Return for each frame the text of its prior: name, claim, what counts, and the cues of all languages.

    It is empty for a frame that is a bare id: a name alone as prior cost .05 of mean average precision.
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
    """Fit one logistic regression for each frame; return the model and n × k held-out scores.

    - ``rows``: n × size TF-IDF rows.
    - ``values``: n × k, 1 or 0; a cell below 0 is left out.
    - ``priors``: the k × size rows of the codebook.
    - ``folds``: the fold of each row. A row's held-out scores come from a model that has not seen its fold; without
      folds, from the model itself.

    A frame whose known values are all alike is scored by its prior alone; one with few positives leans on its prior.
    """
    # Loads scikit-learn, which the queue does not need for the settings and priors of this module.
    from narratives.training.solver import fit_regressions, held_out_scores, training_parts

    similarity = rows @ priors.T
    X = hstack([rows, similarity * settings.prior_scale], format="csr")
    parts = training_parts(len(values), folds)
    costs = np.concatenate([_costs(values, part, settings) for part in parts], axis=1)
    frames, size = values.shape[1], rows.shape[1]
    fitted = fit_regressions(X, np.tile(values == 1, len(parts)), costs, frames)
    # The last rows of the weights are the coefficients on the similarities, one for each frame of the codebook.
    coefficients, bias = fitted.weights[size:] * settings.prior_scale, fitted.bias[:frames].copy()
    held_out = held_out_scores(fitted.scores, parts)
    lone = ~((values == 1).any(axis=0) & (values == 0).any(axis=0))
    coefficients[:, lone], bias[lone], held_out[:, lone] = 0.0, 0.0, 0.0
    lean = np.where(lone, 1.0, _lean(values))
    coefficients += np.diag(lean * settings.prior_scale)
    model = FrameModel(fitted.weights[:size] * ~lone + priors.T @ coefficients, bias)
    return model, held_out + similarity.toarray() * settings.prior_scale * lean


def _lean(values: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return how much louder than fitted each frame's prior is; it falls to 0 at ``YOUNG`` positives."""
    positives = (values == 1).sum(axis=0)
    return np.asarray(_LEAN * np.maximum(0, 1 - positives / YOUNG))


def _costs(values: NDArray[np.int8], part: NDArray[np.bool_], settings: ModelSettings) -> NDArray[np.float32]:
    """Return the n × k costs of an error on each cell, 0 outside of ``part``.

    Where ``balanced``, positives and negatives cost the same in total. A frame with only one of them in this part costs
    nothing and is not learned.
    """
    known = (values >= 0) & part[:, None]
    yes, no = known & (values == 1), known & (values == 0)
    counts = [side.sum(axis=0) for side in (yes, no)]
    number = np.where(counts[0] * counts[1] > 0, counts[0] + counts[1], 0)
    shares = [number / (2 * np.maximum(1, count)) if settings.balanced else (number > 0) * 1.0 for count in counts]
    return np.asarray(settings.strength * (yes * shares[0] + no * shares[1]), dtype=np.float32)
