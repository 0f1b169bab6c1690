"""Fits what labels change about a model that is known already.

Score = row · known weights + row · change. Only the change is fitted and penalised, so a few hundred labels move the
model and do not throw away what it knows.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit, logit

from narratives.codebook.frames import VOICES, Codebook
from narratives.errors import UserError
from narratives.evaluation.evaluation import Evaluation, EvaluationSet, evaluate
from narratives.labels.gold import Gold
from narratives.model.calibration import flattened
from narratives.model.classifier import Classifier
from narratives.model.frame_model import FrameModel
from narratives.training.decision_rule import choose_thresholds
from narratives.training.fitting import ENOUGH_RANDOM, Progress, decision_rule, of_sample
from narratives.training.folds import fold_numbers
from narratives.training.frames import ModelSettings, codebook_rows, fit_frames, prior_texts
from narratives.training.prior.known import unknown_rows
from narratives.training.prior.vocabulary import Extended, extend
from narratives.training.solver import fit_regressions, held_out_scores, training_parts

_EDGE = 1e-6  # probabilities are moved this far from 0 and 1, where log-odds are finite


@dataclass(frozen=True)
class Prior:
    """A model that is known already.

    - ``trained_on``: the fingerprints of the labelled texts that it was trained on.
    - ``figures``: its held-out figures, as its manifest has them.
    """

    classifier: Classifier
    trained_on: NDArray[np.uint64]
    figures: dict[str, Any]

    def knows(self, codebook: Codebook) -> bool:
        """Return whether the model knows most frames of the codebook, retired ones included.

        Those of its frames that the codebook lacks are left out.
        """
        return len(codebook.ever & set(self.classifier.frames)) * 2 > len(codebook.ever)


@dataclass(frozen=True)
class ChangeSettings:
    """``strength`` is C of the regressions that fit the change, ``voice_strength`` that of the voices'.

    With C = 1, a hundred labels of a stream in which frames are rare made the model worse on it (benchmarks/adapt.py).
    """

    strength: float = 0.1
    voice_strength: float = 0.1


def fit_change(
    prior: Prior,
    labelled: Gold,
    seed: int = 0,
    progress: Progress = lambda step, share: None,
    settings: ModelSettings | None = None,
    change: ChangeSettings | None = None,
) -> tuple[Classifier, Evaluation | None]:
    """Fit the change that the labels which the prior does not know make to it; nothing is written.

    Returns the classifier, and the figures on the new labels from models that have not seen them; None if there are no
    new labels. Frames that the prior lacks are learned from all labels, as without a prior.
    Raises UserError for labels that cannot train.
    """
    settings, change = settings or ModelSettings(), change or ChangeSettings()
    new_rows = unknown_rows(labelled, prior.trained_on, prior.classifier.frames)
    added = [k for k, frame in enumerate(labelled.frames) if frame not in prior.classifier.frames]
    if not len(new_rows) and not added:
        return _ordered(prior.classifier, labelled.codebook), None
    new = labelled.take(new_rows)
    extra = [prior_texts(labelled.codebook)[k] for k in added]
    extended = extend(prior.classifier.features, new.texts, extra, settings.min_df)
    base = _widen(_ordered(prior.classifier, labelled.codebook), extended)
    progress("fitting", 0.4)
    base, held_added = _learn_added(base, labelled, added, seed, settings)
    sample = sample_rows(new, settings)
    sample = sample if len(sample) >= ENOUGH_RANDOM else sample[:0]
    task = _Task(new, extended.features.transform(new.texts), _folds(new, seed), sample, change)
    adapted, odds = _change_frames(base, task, added)
    odds[:, added] = held_added[new_rows]
    progress("voices", 0.8)
    adapted, voices = _change_voices(adapted, task)
    adapted = _decide(adapted, odds, task, settings, added).rounded()
    return adapted, _evaluate(adapted, odds, voices, task, seed) if len(new) else None


@dataclass(frozen=True)
class _Task:
    """The new labels, their TF-IDF rows, their folds (None if too few), and which of them are a random sample."""

    new: Gold
    rows: csr_matrix
    folds: NDArray[np.int64] | None
    sample: NDArray[np.int64]
    change: ChangeSettings


def sample_rows(new: Gold, settings: ModelSettings) -> NDArray[np.int64]:
    """Return the rows that are a sample of a stream; from ENOUGH_RANDOM on they move thresholds.

    They are those drawn at random, or all rows of a table that does not say how they were chosen.
    """
    is_whole = settings.topical_none is None and not any(new.how)
    return np.arange(len(new)) if is_whole else new.random_rows


def _folds(new: Gold, seed: int) -> NDArray[np.int64] | None:
    try:
        return fold_numbers(new.texts, new.held_out_together, new.values, seed)
    except UserError:  # too few independent texts
        return None


def _ordered(classifier: Classifier, codebook: Codebook) -> Classifier:
    """Return the classifier with a codebook's frames; those that it lacks weigh nothing and are never predicted."""
    size, number = classifier.features.size, len(codebook.ids)
    was = [classifier.frames.index(frame) if frame in classifier.frames else -1 for frame in codebook.ids]
    here, there = [k for k, column in enumerate(was) if column >= 0], [column for column in was if column >= 0]

    def spread(values: NDArray[np.float64], missing: NDArray[np.float64]) -> NDArray[np.float64]:
        result = np.repeat(missing[None], number, axis=0)
        result[here] = values[there]
        return result

    weights = np.zeros((size, number))
    weights[:, here] = classifier.frame_model.weights[:, there]
    return replace(
        classifier,
        codebook=codebook,
        frame_model=FrameModel(weights, spread(classifier.frame_model.bias, np.zeros(()))),
        sigmoids=spread(classifier.sigmoids, np.array([1.0, 0.0, 1.0])),
        thresholds=spread(classifier.thresholds, np.ones(())),
        band=spread(classifier.band, np.ones(2)),
    )


def _widen(classifier: Classifier, extended: Extended) -> Classifier:
    voices = classifier.voice_model
    if voices is not None:
        voices = replace(voices, row_weights=extended.widen(voices.row_weights))
    weights = extended.widen(classifier.frame_model.weights)
    frames = FrameModel(weights, classifier.frame_model.bias)
    return replace(classifier, features=extended.features, frame_model=frames, voice_model=voices)


def _learn_added(
    base: Classifier, labelled: Gold, added: list[int], seed: int, settings: ModelSettings
) -> tuple[Classifier, NDArray[np.float64]]:
    """Learn the frames that the prior lacks from all labels; return their held-out log-odds, n × added, too."""
    if not added:
        return base, np.zeros((len(labelled), 0))
    rows, priors = base.features.transform(labelled.texts), codebook_rows(base.features, labelled.codebook)
    values = labelled.values[:, added]
    folds = fold_numbers(labelled.texts, labelled.held_out_together, values, seed)
    model, scores = fit_frames(rows, values, priors[added], settings, folds)
    sigmoids, thresholds, band = decision_rule(scores, values, settings)
    parts = [base.frame_model.weights.copy(), base.frame_model.bias.copy()]
    parts += [array.copy() for array in (base.sigmoids, base.thresholds, base.band)]
    parts[0][:, added] = model.weights
    for part, own in zip(parts[1:], (model.bias, sigmoids, thresholds, band), strict=True):
        part[added] = own
    learned = replace(
        base, frame_model=FrameModel(parts[0], parts[1]), sigmoids=parts[2], thresholds=parts[3], band=parts[4]
    )
    return learned, sigmoids[:, 0] * scores + sigmoids[:, 1]


def _change_frames(base: Classifier, task: _Task, added: list[int]) -> tuple[Classifier, NDArray[np.float64]]:
    """Fit the change of the known frames; return the held-out log-odds (n × k) of the new rows, too."""
    slopes, shifts, _ = base.sigmoids.T
    odds = slopes * base.frame_model.scores(task.rows) + shifts
    known = np.setdiff1d(np.arange(odds.shape[1]), added)
    values = task.new.values[:, known]
    if not len(task.new) or not len(known):
        return base, odds
    parts = training_parts(len(task.new), task.folds)
    strength = np.float32(task.change.strength)
    costs = np.concatenate([(values >= 0) & part[:, None] for part in parts], axis=1) * strength
    fitted = fit_regressions(
        *(task.rows, np.tile(values == 1, len(parts)), costs, len(known), odds[:, known].astype(np.float32)),
        free_bias=False,  # a frame that few new texts carry would be put out of reach
    )
    weights, bias = base.frame_model.weights.copy(), base.frame_model.bias.copy()
    weights[:, known] += fitted.weights / slopes[known]
    bias[known] += fitted.bias[: len(known)] / slopes[known]
    if task.folds is not None:  # with too few texts for folds, what the prior says of them is the held-out score
        odds[:, known] += held_out_scores(fitted.scores, parts)
    return replace(base, frame_model=FrameModel(weights, bias)), odds


def _change_voices(adapted: Classifier, task: _Task) -> tuple[Classifier, NDArray[np.int8]]:
    """Fit the change of the voices; return the held-out voice of each new label (n × k, -1: none), too."""
    pairs = (task.new.voices >= 0) & (task.new.values == 1)
    texts, columns = np.nonzero(pairs)
    predicted = np.full(pairs.shape, -1, dtype=np.int8)
    base = adapted.voice_model
    if base is None or not len(texts):
        return adapted, predicted
    markers, rows = adapted.voice_markers_of(task.new.texts, task.rows, pairs), task.rows[texts]
    chances = base.probabilities(rows, markers).clip(_EDGE, 1 - _EDGE)
    folds = None if task.folds is None else task.folds[texts]
    parts = training_parts(len(texts), folds)
    costs = np.repeat(np.stack(parts, axis=1), len(VOICES), axis=1) * np.float32(task.change.voice_strength)
    one_hot = task.new.voices[texts, columns][:, None] == np.arange(len(VOICES))
    X = hstack([rows, csr_matrix(markers)], format="csr")
    fitted = fit_regressions(
        *(X, np.tile(one_hot, len(parts)), costs, len(VOICES), logit(chances).astype(np.float32)),
        free_bias=False,
    )
    size, bias = rows.shape[1], fitted.bias[: len(VOICES)]
    model = replace(
        base,
        row_weights=base.row_weights + fitted.weights[:size],
        sign_weights=base.sign_weights + fitted.weights[size:],
        bias=base.bias + bias,
    )
    changes = held_out_scores(fitted.scores, parts) if folds is not None else 0.0
    predicted[texts, columns] = (np.log(chances) + changes).argmax(axis=1)
    return replace(adapted, voice_model=model), predicted


def _decide(
    adapted: Classifier, odds: NDArray[np.float64], task: _Task, settings: ModelSettings, added: list[int]
) -> Classifier:
    """Pull the thresholds of the known frames towards those of the new rows if these are a sample; else keep them."""
    if not len(task.sample):
        return adapted
    rule, values = of_sample(settings), task.new.values[task.sample]
    chances, weights = _chances(adapted, odds[task.sample]), np.ones(len(task.sample))
    own = choose_thresholds(chances, values, weights, replace(rule, shrinkage=1.0).threshold_rule)
    support = (values == 1).sum(axis=0)
    support[added] = 0  # their thresholds were chosen on all labels
    before = adapted.thresholds
    thresholds = (support * own + rule.shrinkage * before) / (support + rule.shrinkage)
    # The band keeps its distances from the threshold: a few hundred labels do not tell how sure is sure.
    moved = logit(thresholds.clip(_EDGE, 1 - _EDGE)) - logit(before.clip(_EDGE, 1 - _EDGE))
    band = expit(logit(adapted.band.clip(_EDGE, 1 - _EDGE)) + moved[:, None])
    return replace(adapted, thresholds=thresholds, band=band)


def _chances(adapted: Classifier, odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(expit(flattened(odds, adapted.sigmoids[:, 2])))


def _evaluate(
    adapted: Classifier, odds: NDArray[np.float64], voices: NDArray[np.int8], task: _Task, seed: int
) -> Evaluation:
    """Measure the new rows by scores held out; only thresholds chosen on a sample have seen it."""
    rows = task.sample if len(task.sample) else np.arange(len(task.new))
    shown, chances = task.new.take(rows), _chances(adapted, odds[rows])
    measured = EvaluationSet(
        shown.frames,
        shown.values,
        chances,
        chances >= adapted.thresholds,
        (chances >= adapted.band[:, 0]) & (chances < adapted.band[:, 1]),
        shown.voices,
        voices[rows],
        shown.languages,
        adapted.thresholds,
        shown.registers,
        shown.streams,
    )
    return evaluate(measured, codebook=shown.codebook.version, seed=seed)
