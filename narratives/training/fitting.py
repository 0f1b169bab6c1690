"""Fits a classifier on gold labels, and finds labels that held-out predictions contradict."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives.codebook.frames import VOICES
from narratives.errors import UserError
from narratives.evaluation.evaluation import Evaluation, EvaluationSet, evaluate
from narratives.labels.gold import Gold
from narratives.model.calibration import calibrate
from narratives.model.classifier import Classifier
from narratives.model.features import Features
from narratives.model.voice_model import VoiceModel
from narratives.training.data import with_examples
from narratives.training.decision_rule import (
    choose_band,
    choose_thresholds,
    fit_flattened_sigmoids,
    fit_sigmoids,
    stream_weights,
)
from narratives.training.features import fit_features
from narratives.training.folds import fold_numbers
from narratives.training.frames import RANDOM, YOUNG, ModelSettings, codebook_rows, fit_frames, prior_texts
from narratives.training.voice import VoiceSettings, fit_voice

Progress = Callable[[str, float], None]
_ENOUGH_CELLS = 50  # held-out cells from which the share of right ones says something
_COMMON = 50  # one text in so many must be in a language for a model to know it


def fit(
    labelled: Gold,
    seed: int = 0,
    progress: Progress = lambda step, share: None,
    settings: ModelSettings | None = None,
    background: Sequence[str] = (),
) -> tuple[Classifier, Evaluation]:
    """Fit a classifier on gold and evaluate it by five-fold cross-validation; nothing is written.

    ``background`` is unlabelled text of the stream that the model is for. A frame with few positives learns from the
    codebook's examples too; the evaluation leaves them out. Raises UserError for labels that cannot train.
    """
    settings = settings or ModelSettings()
    own, labelled = len(labelled), with_examples(labelled, YOUNG)
    _refuse_too_little(labelled)
    features, rows, priors = _learn_rows(labelled, settings, background)
    folds = fold_numbers(labelled.texts, labelled.held_out_together, labelled.values, seed)
    progress("fitting", 0.4)
    frame_model, scores = fit_frames(rows, labelled.values, priors, settings, folds)
    random = random_sample(labelled)
    # Only they tell how common frames are in a stream. Without them it is all rows, reweighted as the settings say.
    sample, deciding = (random, of_sample(settings)) if len(random) else (np.arange(own), settings)
    rule = decision_rule(scores[sample], labelled.values[sample], deciding, folds[sample])
    voiceless = Classifier(labelled.codebook, features, frame_model, *rule, languages=_languages(labelled))
    progress("voices", 0.85)
    voice_model, voices = _fit_voices(voiceless, labelled, rows, folds, _voice_settings(labelled, random))
    classifier = replace(voiceless, voice_model=voice_model).rounded()
    held_out = _HeldOut(scores[sample], folds[sample], voices[sample])
    measured = _evaluation_set(labelled.take(sample), held_out, deciding, voiceless.thresholds)
    stated = classifier.stated_voices_of([labelled.texts[row] for row in sample], rows[sample], measured.predicted)
    figures = evaluate(replace(measured, stated=stated), codebook=labelled.codebook.version, seed=seed)
    shares = tuple(word.share if word.cells >= _ENOUGH_CELLS else math.nan for word in figures.words)
    return replace(classifier, word_shares=shares), figures


def _languages(labelled: Gold) -> tuple[str, ...]:
    """Return the languages of the texts, each of a fiftieth of them or more; none if one is not known by name."""
    counts = Counter(labelled.languages)
    common = tuple(sorted(name for name, count in counts.items() if count * _COMMON >= len(labelled)))
    return () if "other" in common else common


def _refuse_too_little(labelled: Gold) -> None:
    if not labelled.frames or not (labelled.values == 1).any():
        raise UserError("no row carries a frame; there is nothing to learn: label some paragraphs first")


def _learn_rows(
    labelled: Gold, settings: ModelSettings, background: Sequence[str] = ()
) -> tuple[Features, csr_matrix, csr_matrix]:
    """Return the features learned of the texts, the texts' rows, and the rows of the codebook's frames."""
    features = fit_features(
        *(labelled.texts, prior_texts(labelled.codebook), settings.min_df, background, labelled.documents_of_others)
    )
    return features, features.transform(labelled.texts), codebook_rows(features, labelled.codebook)


ENOUGH_RANDOM = 150  # texts drawn at random from which the decision rule and a stream's shares of voices are chosen


def random_sample(labelled: Gold) -> NDArray[np.int64]:
    """Return the rows that were drawn at random if they are enough to choose a decision rule on, else none."""
    random = labelled.random_rows
    return random if len(random) >= ENOUGH_RANDOM else random[:0]


def of_sample(settings: ModelSettings) -> ModelSettings:
    """Return the settings with the decision rule for texts drawn at random."""
    rule = ("topical_none", "broad_none", "shrinkage", "plateau", "cautious", "flattened", "sure")
    return replace(settings, **{name: getattr(RANDOM, name) for name in rule})


def _voice_settings(labelled: Gold, random: NDArray[np.int64]) -> VoiceSettings:
    """Return the settings of the voice model, with the shares of voices in a random sample if it has enough of them."""
    voices = labelled.voices[random]
    counts = np.bincount(voices[voices >= 0], minlength=len(VOICES))
    if counts.min() == 0 or counts.sum() < ENOUGH_RANDOM:
        return VoiceSettings()
    promotes, reports, rebuts = (float(share) for share in counts / counts.sum())
    return VoiceSettings(prior=(promotes, reports, rebuts))


def decision_rule(
    scores: NDArray[np.float64],
    values: NDArray[np.int8],
    settings: ModelSettings,
    folds: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return sigmoids, thresholds and the band for a person, chosen on out-of-fold scores weighted as a stream.

    With ``folds`` and where the settings say so, probabilities are flattened to what they are worth on other sources.
    """
    topical, broad = (stream_weights(values, share) for share in (settings.topical_none, settings.broad_none))
    if settings.flattened and folds is not None and len(np.unique(folds)) > 1:
        sigmoids = fit_flattened_sigmoids(scores, values, topical, folds)
    else:
        sigmoids = fit_sigmoids(scores, values, topical)
    probabilities = calibrate(scores, sigmoids)
    thresholds = choose_thresholds(probabilities, values, broad, settings.threshold_rule)
    return sigmoids, thresholds, choose_band(probabilities, values, topical, thresholds, settings.sure)


def _fit_voices(
    classifier: Classifier, labelled: Gold, rows: csr_matrix, folds: NDArray[np.int64], settings: VoiceSettings
) -> tuple[VoiceModel | None, NDArray[np.int8]]:
    """Fit the voice model; return it and, for each gold pair, the voice that a model without its fold predicts."""
    pairs = (labelled.voices >= 0) & (labelled.values == 1)
    texts, columns = np.nonzero(pairs)
    signs = classifier.voice_markers_of(labelled.texts, rows, pairs)
    fitted = fit_voice(rows[texts], signs, labelled.voices[texts, columns], settings, folds[texts])
    predicted = np.full(labelled.values.shape, -1, dtype=np.int8)
    if fitted is None:
        return None, predicted
    model, predicted[texts, columns] = fitted
    return model, predicted


@dataclass(frozen=True)
class _HeldOut:
    """What models that have not seen a row say of it: ``scores`` n × k, its fold, and ``voices`` n × k (-1: none)."""

    scores: NDArray[np.float64]
    folds: NDArray[np.int64]
    voices: NDArray[np.int8]


def _evaluation_set(
    labelled: Gold, held_out: _HeldOut, settings: ModelSettings, thresholds: NDArray[np.float64]
) -> EvaluationSet:
    """Calibrate and decide in each fold by the scores of the other folds, so that no figure sees its own row."""
    values = labelled.values
    probabilities, predicted, human = np.zeros(values.shape), np.zeros(values.shape, bool), np.zeros(values.shape, bool)
    for fold in np.unique(held_out.folds):
        held = held_out.folds == fold
        others = held_out.scores[~held], values[~held]
        sigmoids, own_thresholds, band = decision_rule(*others, settings, held_out.folds[~held])
        probabilities[held] = calibrate(held_out.scores[held], sigmoids)
        predicted[held] = probabilities[held] >= own_thresholds
        human[held] = (probabilities[held] >= band[:, 0]) & (probabilities[held] < band[:, 1])
    return EvaluationSet(
        labelled.frames,
        values,
        probabilities,
        predicted,
        human,
        labelled.voices,
        held_out.voices,
        labelled.languages,
        thresholds,
        labelled.registers,
        labelled.streams,
    )


def held_out_probabilities(labelled: Gold, seed: int = 0) -> NDArray[np.float64]:
    """Return n × k calibrated probabilities of each text from models that have not seen it (five folds).

    Raises UserError for too few texts.
    """
    settings = ModelSettings()
    _, rows, priors = _learn_rows(labelled, settings)
    folds = fold_numbers(labelled.texts, labelled.held_out_together, labelled.values, seed)
    _, scores = fit_frames(rows, labelled.values, priors, settings, folds)
    return calibrate(scores, fit_sigmoids(scores, labelled.values, np.ones(len(labelled))))


def label_errors(values: NDArray[np.int8], probabilities: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return (text, frame) of the labels that are likely wrong, worst first, by confident learning.

    ``values`` is n × k (below 0: unknown), ``probabilities`` n × k held out. A label is doubted where the held-out
    probability of its opposite is above the mean of that class (Northcutt, Jiang and Chuang 2021, as in cleanlab).
    """
    from cleanlab.filter import find_label_issues

    errors: list[tuple[float, int, int]] = []
    for k in range(values.shape[1]):
        known = np.flatnonzero(values[:, k] >= 0)
        given, p = values[known, k].astype(int), probabilities[known, k]
        if len(np.unique(given)) < 2:
            continue  # cleanlab needs both classes
        by_class = np.column_stack([1 - p, p])
        # In this process: cleanlab would start a pool of processes for each frame.
        doubted = find_label_issues(given, by_class, return_indices_ranked_by="self_confidence", n_jobs=1)
        errors += [(float(by_class[row, given[row]]), int(known[row]), k) for row in doubted.tolist()]
    return [(row, k) for _, row, k in sorted(errors)]
