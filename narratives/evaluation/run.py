"""Owns measuring models: predictions on a labelled table against gold, or the figures kept with them; one or two."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from narratives.codebook.frames import Codebook
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.evaluation.comparison import Comparison, compare, compare_kept
from narratives.evaluation.evaluation import Evaluation, EvaluationSet, evaluate
from narratives.labels.files import read_labels
from narratives.labels.gold import UNKNOWN, Gold, gold
from narratives.labels.simple_table import read_simple_table
from narratives.labels.source import Source, label_source, table_source
from narratives.model import persistence
from narratives.model.classifier import Classifier


def kept_figures(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the model card of a folder and its cross-validated figures."""
    model = persistence.load(folder)
    manifest = persistence.read_manifest(folder)
    figures = {**manifest["figures"], "model": model.name}
    return (folder / "card.md").read_text(encoding="utf-8"), figures


def evaluate_on(folder: Path, table: Path, languages: list[str]) -> Evaluation:
    """Measure the model in ``folder`` on a labels folder or a simple labelled table, perhaps on some languages only.

    Raises UserError if the table names a frame that the model does not know, or no row is left.
    """
    classifier = persistence.load(folder)
    truth = _read(table, classifier)
    if languages:
        truth = truth.take(np.flatnonzero(np.isin(truth.languages, languages)))
    if not len(truth):
        raise UserError(f"{table}: no row to measure on" + (f" in {', '.join(languages)}" if languages else ""))
    return evaluate(outcome(classifier, truth), classifier.name, classifier.codebook.version)


def compare_figures(folders: tuple[Path, Path]) -> Comparison:
    """Put the cross-validated figures kept with two models side by side, and say whether they may be compared.

    Raises UserError if the models have no frame in common.
    """
    first, second = (persistence.load(folder) for folder in folders)
    shared = _shared(folders, first.frames, second.frames)
    made_from = [persistence.read_manifest(folder) for folder in folders]
    kept = [_in_order(part["figures"], model) for part, model in zip(made_from, (first, second), strict=True)]
    remarks = [f"figures by cross-validation, kept with the models: A over {kept[0]['n']} rows, B over {kept[1]['n']}"]
    if all(made_from[0][part] == made_from[1][part] for part in ("labels", "codebook")):
        remarks.append("they are comparable only if trained on the same labels, and both were")
    else:
        remarks.append("they are comparable only if trained on the same labels, and these were not: use --on TABLE")
    if strangers := _strangers(shared, first.frames, second.frames):
        remarks.append(f"means are over each model's own frames; not known to both: {strangers}")
    return compare_kept(kept[0], kept[1], remarks)


def compare_on(folders: tuple[Path, Path], table: Path, languages: list[str]) -> Comparison:
    """Compare two models on the same rows of a labels folder or a simple labelled table, on the frames both know.

    Raises UserError if they have none in common, the table names a frame that neither knows, or no row is left.
    """
    first, second = (persistence.load(folder) for folder in folders)
    shared = _shared(folders, first.frames, second.frames)
    everything, source = _read_for_both(table, first, second)
    truth = _rows_in(everything, table, languages)
    shared = [frame for frame in shared if frame in truth.frames]
    if not shared:
        raise UserError(f"{table}: its codebook has none of the frames that both models know; name another table")
    found = [outcome(model, _in_frames(truth, model.codebook)).of_frames(shared) for model in (first, second)]
    strangers = _strangers(shared, first.frames, second.frames, truth.frames)
    remarks = [f"left out, as not known to all: {strangers}; a row with no other frame counts as one without"]
    remarks = [*_learned_from(folders, source), *(remarks if strangers else ())]
    return compare(found[0], found[1], (first.name, second.name), remarks)


def _in_order(figures: dict[str, Any], model: Classifier) -> dict[str, Any]:
    frames = {name: figures["frames"][name] for name in model.frames if name in figures["frames"]}
    return {**figures, "frames": frames, "model": model.name}


def _learned_from(folders: tuple[Path, Path], source: Source) -> list[str]:
    """Return a warning for each model that was trained on the very rows it is to be measured on."""
    return [
        f"{letter} was trained on these very rows: its figures say how well it remembers, not how good it is"
        for letter, folder in zip("AB", folders, strict=True)
        if set(source.hashes.values()) <= set(persistence.read_manifest(folder)["labels"].values())
    ]


def _shared(folders: tuple[Path, Path], first: Sequence[str], second: Sequence[str]) -> list[str]:
    shared = [frame for frame in first if frame in second]
    if not shared:
        raise UserError(f"{folders[0]} and {folders[1]} have no frame in common; compare models of one codebook")
    return shared


def _strangers(shared: Sequence[str], *known: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(frame for frames in known for frame in frames if frame not in shared))


def _read_for_both(table: Path, first: Classifier, second: Classifier) -> tuple[Gold, Source]:
    if table.is_dir():
        codebook = read_codebook(table / "codebook.toml")
        labels = read_labels(table, codebook)
        return gold(labels, codebook), label_source(labels)
    others = tuple(frame for frame in second.codebook.frames if frame.id not in first.frames)
    rows = read_simple_table(table, replace(first.codebook, frames=first.codebook.frames + others))
    return rows, table_source(table.name, rows)


def _rows_in(truth: Gold, table: Path, languages: Iterable[str]) -> Gold:
    wanted = list(languages)
    if wanted:
        truth = truth.take(np.flatnonzero(np.isin(truth.languages, wanted)))
    if not len(truth):
        raise UserError(f"{table}: no row to compare on" + (f" in {', '.join(wanted)}" if wanted else ""))
    return truth


def _in_frames(truth: Gold, codebook: Codebook) -> Gold:
    """Return the gold with the columns of a codebook; a frame that the gold does not know is UNKNOWN."""
    values, voices = (np.full((len(truth), len(codebook.ids)), UNKNOWN, dtype=np.int8) for _ in range(2))
    for k, frame in enumerate(codebook.ids):
        if frame in truth.frames:
            values[:, k] = truth.values[:, truth.frames.index(frame)]
            voices[:, k] = truth.voices[:, truth.frames.index(frame)]
    return replace(truth, codebook=codebook, values=values, voices=voices)


def outcome(classifier: Classifier, truth: Gold) -> EvaluationSet:
    """Return what the classifier says of every gold text; the voice is asked of every gold pair."""
    found = classifier.predict_texts(truth.texts)
    rows = classifier.features.transform(truth.texts)
    voices = classifier.voices_of(truth.texts, rows, truth.values == 1)
    return EvaluationSet(
        classifier.frames,
        truth.values,
        found.probabilities,
        found.predicted,
        found.human,
        truth.voices,
        voices,
        truth.languages,
        classifier.thresholds,
        truth.registers,
    )


def _read(table: Path, classifier: Classifier) -> Gold:
    if table.is_dir():
        codebook = read_codebook(table / "codebook.toml")
        if codebook.ids != classifier.frames:
            raise UserError(
                f"{table}: its codebook has other frames than the model; measure with a model trained on it"
            )
        return gold(read_labels(table, codebook), codebook)
    return read_simple_table(table, classifier.codebook)
