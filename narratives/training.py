"""Owns training: labels in, a model folder with its figures, manifest and card out."""

import hashlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives import places
from narratives.calibration import calibrate, fit_sigmoids, stream_weights
from narratives.card import model_card
from narratives.classifier import Classifier
from narratives.codebook import Codebook, read_codebook
from narratives.errors import UserError
from narratives.evaluation import Evaluation, Outcome, evaluate
from narratives.features import fit_features
from narratives.labels import Gold, gold, read_labels, read_simple_table
from narratives.model import ModelSettings, codebook_rows, fit_frames, prior_texts
from narratives.modelfile import save
from narratives.splits import fold_numbers
from narratives.thresholds import choose_thresholds
from narratives.voice import VoiceModel, VoiceSettings, fit_voice

Progress = Callable[[str, float], None]
_LIBRARIES = ("numpy", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Trained:
    """A model that was trained: where it lies, and its cross-validated figures."""

    folder: Path
    classifier: Classifier
    figures: Evaluation
    released: bool


def read_gold(path: Path, codebook_path: Path | None = None) -> Gold:
    """Read what to learn from: a labels folder (with its codebook) or a simple labelled table."""
    if path.is_dir():
        codebook = read_codebook(codebook_path or path / "codebook.toml")
        return gold(read_labels(path, codebook), codebook)
    return read_simple_table(path, read_codebook(codebook_path) if codebook_path else None)


def train(
    labels: Path,
    output: Path | None = None,
    codebook_path: Path | None = None,
    seed: int = 0,
    progress: Progress = lambda step, share: None,
) -> Trained:
    """Train on ``labels``, write the model folder and, if no model is in force, release it.

    ``progress`` is called with the step and the share done, 0 to 1. Raises UserError for labels that cannot train.
    """
    progress("reading labels", 0.0)
    learned_from = read_gold(labels, codebook_path)
    classifier, figures = fit(learned_from, seed, progress)
    progress("saving", 0.95)
    made_from = _made_from(labels, codebook_path, learned_from.codebook, seed, figures)
    folder = _save(classifier, output, made_from, model_card(classifier, figures, made_from))
    released = places.released_model() is None and folder.parent.resolve() == places.models_folder().resolve()
    if released:
        places.release(folder)
    progress("done", 1.0)
    return Trained(folder, classifier, figures, released)


def fit(
    learned_from: Gold,
    seed: int = 0,
    progress: Progress = lambda step, share: None,
    settings: ModelSettings | None = None,
) -> tuple[Classifier, Evaluation]:
    """Fit a classifier on gold and measure it by five-fold cross-validation; nothing is written."""
    _refuse_too_little(learned_from)
    settings, values = settings or ModelSettings(), learned_from.values
    features = fit_features(learned_from.texts, prior_texts(learned_from.codebook), settings.least)
    rows, priors = features.transform(learned_from.texts), codebook_rows(features, learned_from.codebook)
    folds = fold_numbers(learned_from.texts, learned_from.groups, values, seed)
    progress("fitting", 0.3)
    frame_model, scores = fit_frames(rows, values, priors, settings, folds)
    sigmoids, thresholds = _curves_and_thresholds(scores, values, settings)
    silent = Classifier(learned_from.codebook, features, frame_model, sigmoids, thresholds)
    progress("voices", 0.85)
    voice_model, voices = _voices(silent, learned_from, rows, folds)
    outcome = _held_out_outcome(learned_from, scores, folds, voices, settings)
    return replace(silent, voice_model=voice_model), evaluate(
        outcome, codebook=learned_from.codebook.version, seed=seed
    )


def _refuse_too_little(learned_from: Gold) -> None:
    if not learned_from.frames or not (learned_from.values == 1).any():
        raise UserError("no row carries a frame; there is nothing to learn: label some paragraphs first")


def _curves_and_thresholds(
    scores: NDArray[np.float64], values: NDArray[np.int8], settings: ModelSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Calibrate and choose thresholds for a stream, not for the written set, from out-of-fold scores."""
    sigmoids = fit_sigmoids(scores, values, stream_weights(values, settings.topical_none))
    broad = stream_weights(values, settings.broad_none)
    return sigmoids, choose_thresholds(calibrate(scores, sigmoids), values, broad)


def _held_out_outcome(
    learned_from: Gold,
    scores: NDArray[np.float64],
    folds: NDArray[np.int64],
    voices: NDArray[np.int8],
    settings: ModelSettings,
) -> Outcome:
    """Calibrate and threshold each fold by what the other folds say, so that no figure sees its own row."""
    values = learned_from.values
    probabilities, predicted = np.zeros(values.shape), np.zeros(values.shape, dtype=bool)
    for fold in np.unique(folds):
        held = folds == fold
        sigmoids, thresholds = _curves_and_thresholds(scores[~held], values[~held], settings)
        probabilities[held] = calibrate(scores[held], sigmoids)
        predicted[held] = probabilities[held] >= thresholds
    return Outcome(
        learned_from.frames,
        values,
        probabilities,
        predicted,
        np.zeros_like(predicted),
        learned_from.voices,
        voices,
        learned_from.languages,
        _curves_and_thresholds(scores, values, settings)[1],
    )


def _voices(
    classifier: Classifier, learned_from: Gold, rows: csr_matrix, folds: NDArray[np.int64]
) -> tuple[VoiceModel | None, NDArray[np.int8]]:
    """Fit the voice model; return it and, for each gold pair, the voice that a model without its fold gives."""
    numbers, columns = np.nonzero((learned_from.voices >= 0) & (learned_from.values == 1))
    said = np.full(learned_from.values.shape, -1, dtype=np.int8)
    if not len(numbers):
        return None, said
    pairs = (learned_from.voices >= 0) & (learned_from.values == 1)
    signs = classifier.signs_of(learned_from.texts, rows, pairs)
    target = learned_from.voices[numbers, columns]
    fitted = fit_voice(rows[numbers], signs, target, VoiceSettings(), folds[numbers])
    if fitted is None:
        return None, said
    said[numbers, columns] = fitted[1]
    return fitted[0], said


def _made_from(
    labels: Path, codebook_path: Path | None, codebook: Codebook, seed: int, figures: Evaluation
) -> dict[str, Any]:
    files = [labels / name for name in ("paragraphs.csv", "labels.csv")] if labels.is_dir() else [labels]
    book = codebook_path or (labels / "codebook.toml" if labels.is_dir() else None)
    return {
        "labels": {path.name: _sha256(path) for path in files},
        "codebook": {"version": codebook.version, "sha256": _sha256(book) if book else None},
        "unlabelled": {},
        "libraries": {name: importlib.metadata.version(name) for name in (*_LIBRARIES, "narratives")},
        "seed": seed,
        "settings": {"frames": asdict(ModelSettings()), "voice": asdict(VoiceSettings())},
        "figures": figures.as_json(),
    }


def _save(classifier: Classifier, output: Path | None, made_from: dict[str, Any], card: str) -> Path:
    """Save into ``output`` or into models/<UTC date>-<8 hex of the content>; the same content is saved once."""
    if output is not None:
        save(classifier, output, made_from, card)
        return output
    models = places.models_folder()
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".training-") as draft:
        content = save(classifier, Path(draft) / "model", made_from, card)
        folder = models / f"{datetime.now(UTC):%Y-%m-%d}-{content[:8]}"
        if not folder.exists():
            shutil.move(Path(draft) / "model", folder)
    return folder


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ready_model(progress: Progress = lambda step, share: None) -> Path:
    """Return the released model's folder; if there is no model yet, train one on the labels folder first."""
    return places.released_model() or _first_model(progress)


def _first_model(progress: Progress) -> Path:
    folder = train(places.labels_folder(), progress=progress).folder
    places.release(folder)
    return folder
