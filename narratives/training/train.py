"""Owns training: labels in, a model folder with its figures, manifest and card out."""

import hashlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives import paths
from narratives.codebook.frames import Codebook
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.evaluation.evaluation import Evaluation, EvaluationSet, evaluate
from narratives.evaluation.model_card import model_card
from narratives.labels.files import read_labels
from narratives.labels.gold import Gold, gold
from narratives.labels.label_set import LabelSet
from narratives.labels.simple_table import read_simple_table
from narratives.labels.source import Source, canonical, codebook_hash, label_source, table_source
from narratives.model.calibration import calibrate
from narratives.model.classifier import Classifier
from narratives.model.persistence import save
from narratives.model.released import release
from narratives.model.voice_model import VoiceModel
from narratives.training.data import read_background, with_examples
from narratives.training.decision_rule import choose_band, choose_thresholds, fit_sigmoids, read_aim, stream_weights
from narratives.training.features import fit_features
from narratives.training.folds import fold_numbers
from narratives.training.frames import AS_IT_IS, YOUNG, ModelSettings, codebook_rows, fit_frames, prior_texts
from narratives.training.voice import VoiceSettings, fit_voice

Progress = Callable[[str, float], None]
_LIBRARIES = ("numpy", "scipy", "scikit-learn")
_RECORDED_AS = {"shrinkage": "pull", "plateau": "flat", "min_df": "least"}


@dataclass(frozen=True)
class TrainingOptions:
    """What may be asked of a training: ``codebook`` is a ``codebook.toml`` for a simple table.

    ``aim`` is what thresholds aim at, ``f1`` or ``precision=0.9``; ``unlabelled`` tables tell how common each word is
    in the stream that the model is for.
    """

    codebook: Path | None = None
    aim: str = "f1"
    seed: int = 0
    unlabelled: tuple[Path, ...] = ()


DEFAULTS = TrainingOptions()


@dataclass(frozen=True)
class Trained:
    """A model that was trained: where it lies, and its cross-validated figures."""

    folder: Path
    classifier: Classifier
    figures: Evaluation
    released: bool


def read_source(path: Path, codebook_path: Path | None = None) -> tuple[Gold, Source]:
    """Read a labels folder (with its own codebook unless another is named) or a simple labelled table.

    Raises UserError that names the file and line for what cannot be read.
    """
    if path.is_dir():
        codebook = read_codebook(codebook_path or path / "codebook.toml")
        return from_labels(read_labels(path, codebook), codebook)
    rows = read_simple_table(path, read_codebook(codebook_path) if codebook_path else None)
    return rows, table_source(path.name, rows)


def from_labels(labels: LabelSet, codebook: Codebook) -> tuple[Gold, Source]:
    """Return the gold of a label set in canonical order, and its source: the same labels give the same model."""
    return gold(canonical(labels), codebook), label_source(labels)


def read_gold(path: Path, codebook_path: Path | None = None) -> Gold:
    """Return the gold of ``read_source``."""
    return read_source(path, codebook_path)[0]


def train_on_files(
    labels: Path,
    output: Path | None = None,
    options: TrainingOptions = DEFAULTS,
    progress: Progress = lambda step, share: None,
) -> Trained:
    """Train on a labels folder or a simple labelled table; see ``train``."""
    progress("reading labels", 0.0)
    return train(*read_source(labels, options.codebook), output, options, progress)


def train(
    labelled: Gold,
    source: Source,
    output: Path | None = None,
    options: TrainingOptions = DEFAULTS,
    progress: Progress = lambda step, share: None,
) -> Trained:
    """Train on gold, write the model folder and, if no model is released yet, release it.

    - ``source``: where the labels came from; it goes into the manifest and decides the settings.
    - ``output``: the folder to write, in place of one in the models folder.
    - ``progress``: called with the step and the share done, 0 to 1.

    Raises UserError for an unknown aim, for a table that cannot be read and for labels that cannot train.
    """
    settings = _settings(source.is_sample, options.aim)
    background = read_background(options.unlabelled, options.seed, lambda share: progress("reading texts", 0.2 * share))
    classifier, figures = fit(labelled, options.seed, progress, settings, background)
    progress("saving", 0.95)
    made_from = _made_from(source, options, labelled.codebook, settings) | {"figures": figures.as_json()}
    folder = _save(classifier, output, made_from, model_card(classifier, figures, made_from))
    released = paths.released_model() is None and folder.parent.resolve() == paths.models_folder().resolve()
    if released:
        release(folder)
    progress("done", 1.0)
    return Trained(folder, classifier, figures, released)


def settings_for(labels: Path, aim: str = "f1") -> ModelSettings:
    """Return the settings for a labels folder, which is written to balance, or for a simple table, a sample as it is.

    Raises UserError for an unknown aim.
    """
    return _settings(not labels.is_dir(), aim)


def _settings(is_sample: bool, aim: str) -> ModelSettings:
    return replace(AS_IT_IS if is_sample else ModelSettings(), precision=read_aim(aim))


def fit(
    learned_from: Gold,
    seed: int = 0,
    progress: Progress = lambda step, share: None,
    settings: ModelSettings | None = None,
    background: Sequence[str] = (),
) -> tuple[Classifier, Evaluation]:
    """Fit a classifier on gold and measure it by five-fold cross-validation; nothing is written.

    ``background`` is unlabelled text of the stream that the model is for. A frame that few labels carry learns from
    the codebook's examples too; they are not measured on.
    """
    settings = settings or ModelSettings()
    given, learned_from = len(learned_from), with_examples(learned_from, YOUNG)
    _refuse_too_little(learned_from)
    values = learned_from.values
    features = fit_features(learned_from.texts, prior_texts(learned_from.codebook), settings.min_df, background)
    rows, priors = features.transform(learned_from.texts), codebook_rows(features, learned_from.codebook)
    folds = fold_numbers(learned_from.texts, learned_from.groups, values, seed)
    progress("fitting", 0.4)
    frame_model, scores = fit_frames(rows, values, priors, settings, folds)
    silent = Classifier(learned_from.codebook, features, frame_model, *_decision_rule(scores, values, settings))
    progress("voices", 0.85)
    voice_model, voices = _voices(silent, learned_from, rows, folds)
    measured = scores[:given], folds[:given], voices[:given]
    outcome = _held_out_outcome(learned_from.take(range(given)), *measured, settings, silent.thresholds)
    return replace(silent, voice_model=voice_model), evaluate(
        outcome, codebook=learned_from.codebook.version, seed=seed
    )


def _refuse_too_little(learned_from: Gold) -> None:
    if not learned_from.frames or not (learned_from.values == 1).any():
        raise UserError("no row carries a frame; there is nothing to learn: label some paragraphs first")


def _decision_rule(
    scores: NDArray[np.float64], values: NDArray[np.int8], settings: ModelSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Calibrate, choose thresholds and the band for a human, for a stream, from out-of-fold scores."""
    topical, broad = (stream_weights(values, share) for share in (settings.topical_none, settings.broad_none))
    sigmoids = fit_sigmoids(scores, values, topical)
    probabilities = calibrate(scores, sigmoids)
    thresholds = choose_thresholds(
        probabilities, values, broad, settings.shrinkage, settings.precision, settings.plateau
    )
    return sigmoids, thresholds, choose_band(probabilities, values, topical, thresholds, settings.sure)


def _held_out_outcome(
    learned_from: Gold,
    scores: NDArray[np.float64],
    folds: NDArray[np.int64],
    voices: NDArray[np.int8],
    settings: ModelSettings,
    chosen: NDArray[np.float64],
) -> EvaluationSet:
    """Calibrate and decide in each fold by what the other folds say, so that no figure sees its own row."""
    values = learned_from.values
    probabilities, predicted, human = np.zeros(values.shape), np.zeros(values.shape, bool), np.zeros(values.shape, bool)
    for fold in np.unique(folds):
        held = folds == fold
        sigmoids, thresholds, band = _decision_rule(scores[~held], values[~held], settings)
        probabilities[held] = calibrate(scores[held], sigmoids)
        predicted[held] = probabilities[held] >= thresholds
        human[held] = (probabilities[held] >= band[:, 0]) & (probabilities[held] < band[:, 1])
    return EvaluationSet(
        learned_from.frames,
        values,
        probabilities,
        predicted,
        human,
        learned_from.voices,
        voices,
        learned_from.languages,
        chosen,
        learned_from.registers,
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


def _made_from(source: Source, options: TrainingOptions, codebook: Codebook, settings: ModelSettings) -> dict[str, Any]:
    return {
        "labels": dict(source.hashes),
        "codebook": {"version": codebook.version, "sha256": codebook_hash(codebook)},
        "unlabelled": {path.name: _sha256(path) for path in options.unlabelled},
        "libraries": {name: importlib.metadata.version(name) for name in (*_LIBRARIES, "narratives")},
        "seed": options.seed,
        "settings": {"frames": _as_recorded(settings), "voice": asdict(VoiceSettings())},
    }


def _as_recorded(settings: ModelSettings) -> dict[str, Any]:
    """Return the settings under the names that manifests have had from the first version on."""
    return {_RECORDED_AS.get(name, name): value for name, value in asdict(settings).items()}


def _save(classifier: Classifier, output: Path | None, made_from: dict[str, Any], card: str) -> Path:
    """Save into ``output`` or into models/<UTC date>-<8 hex of the content>; the same content is saved once."""
    if output is not None:
        save(classifier, output, made_from, card)
        return output
    models = paths.models_folder()
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
    return paths.released_model() or _first_model(progress)


def _first_model(progress: Progress) -> Path:
    folder = train_on_files(paths.labels_folder(), progress=progress).folder
    release(folder)
    return folder
