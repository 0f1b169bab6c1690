"""Trains a model: reads labels, fits, and writes a model folder with its figures, manifest and card."""

import hashlib
import importlib.metadata
import shutil
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives import paths
from narratives.codebook.frames import Codebook
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.evaluation.evaluation import Evaluation
from narratives.evaluation.model_card import model_card, thresholds_remark
from narratives.labels.files import read_labels
from narratives.labels.gold import Gold, gold
from narratives.labels.label_set import LabelSet
from narratives.labels.simple_table import Say, read_labelled_table
from narratives.labels.source import Source, canonical, codebook_hash, label_source, table_source
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.model.persistence import save
from narratives.model.releases import check_name, model_in_use, readable_release, release
from narratives.tables.reading import AS_RECOGNISED, Reading
from narratives.training.data import read_background
from narratives.training.decision_rule import read_aim
from narratives.training.fitting import ENOUGH_RANDOM, Progress, fit, of_sample, random_sample
from narratives.training.frames import AS_IT_IS, ModelSettings
from narratives.training.prior.adapting import Prior, fit_change, sample_rows
from narratives.training.prior.known import fingerprints, unknown_rows
from narratives.training.voice import VoiceSettings

_LIBRARIES = ("numpy", "scipy", "scikit-learn")
_RECORDED_AS = {"shrinkage": "pull", "plateau": "flat", "min_df": "least"}  # manifests keep the fields' first names


@dataclass(frozen=True)
class TrainingOptions:
    """What a training may be asked for.

    - ``codebook``: the ``codebook.toml`` of a simple table, or one in place of a label set's own.
    - ``aim``: what thresholds aim at, ``f1`` or ``precision=0.9``.
    - ``seed``: of the folds, the bootstrap and the choice among too many unlabelled texts.
    - ``unlabelled``: tables of text that tell how common each word is in the stream that the model is for.
    - ``from_scratch``: learn from these labels alone, not from the model that ships with the package.
    - ``strength``: C of the frames' regressions, in place of that of ``ModelSettings``.
    - ``release_first``: release the model if no other one is released.
    - ``reading``: how to read a simple table, where the user says it.
    """

    codebook: Path | None = None
    aim: str = "f1"
    seed: int = 0
    unlabelled: tuple[Path, ...] = ()
    from_scratch: bool = False
    strength: float | None = None
    release_first: bool = True
    reading: Reading = AS_RECOGNISED


DEFAULTS = TrainingOptions()


@dataclass(frozen=True)
class Trained:
    """A trained model.

    - ``figures``: its cross-validated figures.
    - ``released``: whether it was released as the first one.
    - ``thresholds``: a sentence on what its thresholds rest on.
    """

    folder: Path
    classifier: Classifier
    figures: Evaluation
    released: bool
    thresholds: str


def read_source(
    path: Path,
    codebook_path: Path | None = None,
    say: Say = lambda note: None,
    reading: Reading = AS_RECOGNISED,
) -> tuple[Gold, Source]:
    """Read a labels folder (with its own codebook unless another is named) or a simple labelled table.

    ``say`` is called with what a user should know about how a table was read. Raises UserError that names the file and
    line for what cannot be read.
    """
    if path.is_dir():
        codebook = read_codebook(codebook_path or path / "codebook.toml")
        return from_labels(read_labels(path, codebook), codebook)
    table = read_labelled_table(path, read_codebook(codebook_path) if codebook_path else None, reading)
    return table.said(path, say), table_source(path.name, table.gold)


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
    say: Say = lambda note: None,
) -> Trained:
    """Train on a labels folder or a simple labelled table; see ``train``, and ``read_source`` for ``say``."""
    read_aim(options.aim)  # an unknown aim is refused before the labels are read
    progress("reading labels", 0.0)
    return train(*read_source(labels, options.codebook, say, options.reading), output, options, progress)


def train(
    labelled: Gold,
    source: Source,
    output: Path | None = None,
    options: TrainingOptions = DEFAULTS,
    progress: Progress = lambda step, share: None,
) -> Trained:
    """Train on gold, write the model folder and, if no model that can be read is released yet, release it.

    - ``source``: where the labels came from; it goes into the manifest and decides the settings.
    - ``output``: the folder to write, in place of one in the models folder.
    - ``progress``: called with the step and the share done, 0 to 1.

    Raises UserError for an unknown aim, for a table that cannot be read, for labels that cannot train and for an
    ``output`` with the name of the shipped model.
    """
    if output is not None:
        check_name(output)
    settings = _settings(source.is_sample, options.aim)
    settings = replace(settings, strength=options.strength or settings.strength)
    prior = None if options.from_scratch else _prior(labelled.codebook)
    if prior is None:
        texts = read_background(options.unlabelled, options.seed, lambda share: progress("reading texts", 0.2 * share))
        classifier, figures = fit(labelled, options.seed, progress, settings, texts)
    else:
        _refuse_what_the_prior_fixes(options)
        classifier, changed = fit_change(prior, labelled, options.seed, progress, settings)
        figures = changed or Evaluation.from_json(prior.figures)
    progress("saving", 0.95)
    made_from = _made_from(source, options, labelled, settings)
    made_from |= {"figures": figures.as_json(), "thresholds": _basis(labelled, settings, prior)}
    if classifier.voice_model is not None:
        made_from["settings"]["voice"]["prior"] = classifier.voice_model.prior.tolist()
    if prior is not None:
        made_from["prior"] = prior.classifier.name
    trained_on = fingerprints(labelled) if options.from_scratch else None
    folder = _save(classifier, output, made_from, model_card(classifier, figures, made_from), trained_on)
    released = options.release_first and _is_first(folder)
    if released:
        release(folder)
    progress("done", 1.0)
    return Trained(folder, classifier, figures, released, thresholds_remark(made_from))


def _prior(codebook: Codebook) -> Prior | None:
    """Return the model that ships with the package if the codebook has all of its frames."""
    folder = paths.shipped_model()
    known = None if folder is None else persistence.read_trained_on(folder)
    if folder is None or known is None:
        return None
    prior = Prior(persistence.load(folder), known, persistence.read_manifest(folder)["figures"])
    return prior if prior.knows(codebook) else None


def _refuse_what_the_prior_fixes(options: TrainingOptions) -> None:
    if options.unlabelled:
        raise UserError("unlabelled text changes how words weigh, which the shipped model fixes; add --from-scratch")
    if options.aim != "f1":
        raise UserError(f"thresholds for '{options.aim}' are chosen on labels alone; add --from-scratch")


def _is_first(folder: Path) -> bool:
    return folder.parent.resolve() == paths.models_folder().resolve() and readable_release() is None


def settings_for(labels: Path, aim: str = "f1") -> ModelSettings:
    """Return the settings for a labels folder, which is written to balance, or for a simple table, which is a sample.

    Raises UserError for an unknown aim.
    """
    return _settings(not labels.is_dir(), aim)


def _settings(is_sample: bool, aim: str) -> ModelSettings:
    return replace(AS_IT_IS if is_sample else ModelSettings(), precision=read_aim(aim))


def _made_from(source: Source, options: TrainingOptions, labelled: Gold, settings: ModelSettings) -> dict[str, Any]:
    codebook, random = labelled.codebook, random_sample(labelled)
    return {
        "labels": dict(source.hashes),
        "paragraphs": len(labelled),
        **({"licences": dict(source.licences)} if source.licences else {}),
        **({"random": len(random)} if len(random) else {}),
        "codebook": {"version": codebook.version, "sha256": codebook_hash(codebook) if codebook.version else None},
        "unlabelled": {path.name: _sha256(path) for path in options.unlabelled},
        "libraries": {name: importlib.metadata.version(name) for name in (*_LIBRARIES, "narratives")},
        "seed": options.seed,
        "settings": {
            "frames": _as_recorded(of_sample(settings) if len(random) else settings),
            "voice": asdict(VoiceSettings()),
        },
    }


def _basis(labelled: Gold, settings: ModelSettings, prior: Prior | None) -> dict[str, Any]:
    """Return what thresholds rest on, as the manifest has it and ``thresholds_remark`` says it.

    - ``from``: "random", "table" (a sample as a whole), "labels" (weighted) or "prior" (kept).
    - ``paragraphs``: how many are a sample; of labels, all.
    - ``needed``, ``added``: how many would move the prior's thresholds, and how many frames it lacks.
    """
    if prior is None:
        random = len(random_sample(labelled))
        kind = "random" if random else "table" if settings.topical_none is None else "labels"
        return {"from": kind, "paragraphs": random or len(labelled)}
    new = labelled.take(unknown_rows(labelled, prior.trained_on))
    sample = len(sample_rows(new, settings))
    kind = "prior" if sample < ENOUGH_RANDOM else "random" if len(new.random_rows) else "table"
    added = sum(frame not in prior.classifier.frames for frame in labelled.frames)
    return {"from": kind, "paragraphs": sample, "needed": ENOUGH_RANDOM, "added": added}


def _as_recorded(settings: ModelSettings) -> dict[str, Any]:
    return {_RECORDED_AS.get(name, name): value for name, value in asdict(settings).items()}


def _save(
    classifier: Classifier,
    output: Path | None,
    made_from: dict[str, Any],
    card: str,
    trained_on: NDArray[np.uint64] | None,
) -> Path:
    """Save into ``output``, else into models/<UTC date>-<8 hex digits of the content>."""
    if output is not None:
        save(classifier, output, made_from, card, trained_on)
        return output
    models = paths.models_folder()
    models.mkdir(parents=True, exist_ok=True)
    # The name is a hash of what is saved, so the folder is written first and then moved to its name.
    with tempfile.TemporaryDirectory(dir=models, prefix=".training-") as draft:
        content = save(classifier, Path(draft) / "model", made_from, card, trained_on)
        folder = models / f"{datetime.now(UTC):%Y-%m-%d}-{content[:8]}"
        if not folder.exists():  # the same content, trained before on this day, is kept once
            shutil.move(Path(draft) / "model", folder)
    return folder


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ready_model(progress: Progress = lambda step, share: None) -> Path:
    """Return the folder of the model in use; without one, train on the labels folder and release the result."""
    return model_in_use() or _first_model(progress)


def _first_model(progress: Progress) -> Path:
    folder = train_on_files(paths.labels_folder(), progress=progress).folder
    release(folder)
    return folder
