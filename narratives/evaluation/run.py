"""Evaluates and compares stored models: on a labelled table, or by the cross-validated metrics stored with them."""

from collections import Counter
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
from narratives.labels.simple_table import LabelledTable, Say, read_labelled_table
from narratives.labels.source import Source, label_source, table_source
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.tables.reading import AS_RECOGNISED, Reading

_MOST_WORDS = 0.5


def kept_figures(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the model card in a model folder and the cross-validated metrics of its manifest."""
    model = persistence.load(folder)
    manifest = persistence.read_manifest(folder)
    figures = {**manifest["figures"], "model": model.name}
    return (folder / "card.md").read_text(encoding="utf-8"), figures


def evaluate_on(
    folder: Path,
    table: Path,
    languages: list[str],
    say: Say = lambda note: None,
    reading: Reading = AS_RECOGNISED,
) -> Evaluation:
    """Evaluate the model in ``folder`` on a labels folder or a simple labelled table, read as ``reading`` says.

    ``languages`` selects rows; empty means all. ``say`` is called with what a user should know about how a table was
    read: what was recognised, rows without text, texts that stand twice, texts whose words the model does not know.
    Raises UserError if the table has a frame that the model does not know or no row is left.
    """
    classifier = persistence.load(folder)
    truth = _rows_in(_read(table, classifier, say, reading), table, languages)
    for note in _unknown(classifier, truth):
        say(f"{table}: {note}")
    return evaluate(predict_gold(classifier, truth), classifier.name, classifier.codebook.version)


def compare_figures(folders: tuple[Path, Path]) -> Comparison:
    """Compare the cross-validated metrics stored with two models, and remark on whether they are comparable.

    Raises UserError if the models have no frame in common.
    """
    first, second = (persistence.load(folder) for folder in folders)
    shared = _shared(folders, first.frames, second.frames)
    manifests = [persistence.read_manifest(folder) for folder in folders]
    stored = [_in_order(each["figures"], model) for each, model in zip(manifests, (first, second), strict=True)]
    sizes = f"A over {stored[0]['n']} rows, B over {stored[1]['n']}"
    remarks = [f"figures by cross-validation, stored with the models: {sizes}"]
    if all(manifests[0][part] == manifests[1][part] for part in ("labels", "codebook")):
        remarks.append("they are comparable: both models were trained on the same labels")
    else:
        remarks.append("they are not comparable: the labels or codebooks they were trained on differ; use --on TABLE")
    if unshared := _unshared(shared, first.frames, second.frames):
        remarks.append(f"means are over each model's own frames; not known to both: {unshared}")
    return compare_kept(stored[0], stored[1], remarks)


def compare_on(
    folders: tuple[Path, Path], table: Path, languages: list[str], reading: Reading = AS_RECOGNISED
) -> Comparison:
    """Compare two models on the same rows of a labels folder or a simple labelled table, on the frames both know.

    ``languages`` selects rows; empty means all. Raises UserError if the models have no frame in common, the table has a
    frame that neither knows, or no row is left.
    """
    first, second = (persistence.load(folder) for folder in folders)
    shared = _shared(folders, first.frames, second.frames)
    everything, source = _read_for_both(table, first, second, reading)
    truth = _rows_in(everything.gold, table, languages)
    shared = [frame for frame in shared if frame in truth.frames]
    if not shared:
        raise UserError(f"{table}: its codebook has none of the frames that both models know; name another table")
    data = [predict_gold(model, _with_columns_of(truth, model.codebook)).of_frames(shared) for model in (first, second)]
    unknown = (
        f"{letter}: {note}"
        for letter, model in zip("AB", (first, second), strict=True)
        for note in _unknown(model, truth)
    )
    remarks = [*everything.findings, *everything.notes, *unknown, *_trained_on(folders, source)]
    if unshared := _unshared(shared, first.frames, second.frames, truth.frames):
        remarks.append(f"left out, not known to all: {unshared}; a row with no other frame counts as having none")
    return compare(data[0], data[1], (first.name, second.name), remarks)


def _in_order(figures: dict[str, Any], model: Classifier) -> dict[str, Any]:
    """Return stored figures with frames in the order of the model; the manifest holds them in that of names."""
    frames = {name: figures["frames"][name] for name in model.frames if name in figures["frames"]}
    return {**figures, "frames": frames, "model": model.name}


def _trained_on(folders: tuple[Path, Path], source: Source) -> list[str]:
    """Return a warning for each model that was trained on the rows that it is measured on."""
    return [
        f"{letter} was trained on these very rows: its figures show how well it remembers, not how well it generalises"
        for letter, folder in zip("AB", folders, strict=True)
        if set(source.hashes.values()) <= set(persistence.read_manifest(folder)["labels"].values())
    ]


def _shared(folders: tuple[Path, Path], first: Sequence[str], second: Sequence[str]) -> list[str]:
    shared = [frame for frame in first if frame in second]
    if not shared:
        raise UserError(f"{folders[0]} and {folders[1]} have no frame in common; compare models of one codebook")
    return shared


def _unshared(shared: Sequence[str], *known: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(frame for frames in known for frame in frames if frame not in shared))


def _read_for_both(
    table: Path, first: Classifier, second: Classifier, reading: Reading
) -> tuple[LabelledTable, Source]:
    """Return the gold of a table whose frames either model may know, with notes, and where it comes from."""
    if table.is_dir():
        codebook = read_codebook(table / "codebook.toml")
        labels = read_labels(table, codebook)
        return LabelledTable(gold(labels, codebook), ()), label_source(labels)
    others = tuple(frame for frame in second.codebook.frames if frame.id not in first.frames)
    rows = read_labelled_table(table, replace(first.codebook, frames=first.codebook.frames + others), reading)
    return rows, table_source(table.name, rows.gold)


def _rows_in(truth: Gold, table: Path, languages: Iterable[str]) -> Gold:
    if not len(truth):
        raise UserError(f"{table}: no labelled row; name another table")
    selected = list(languages)
    absent = next((language for language in selected if language not in truth.languages), None)
    if absent is not None:
        known = ", ".join(sorted(set(truth.languages)))
        raise UserError(f"{table}: no row in '{absent}'; its languages are {known}")
    return truth.take(np.flatnonzero(np.isin(truth.languages, selected))) if selected else truth


def _with_columns_of(truth: Gold, codebook: Codebook) -> Gold:
    """Return the gold with the columns of a codebook; a frame that it lacks is UNKNOWN throughout."""
    values, voices = (np.full((len(truth), len(codebook.ids)), UNKNOWN, dtype=np.int8) for _ in range(2))
    for k, frame in enumerate(codebook.ids):
        if frame in truth.frames:
            values[:, k] = truth.values[:, truth.frames.index(frame)]
            voices[:, k] = truth.voices[:, truth.frames.index(frame)]
    return replace(truth, codebook=codebook, values=values, voices=voices)


def predict_gold(classifier: Classifier, truth: Gold) -> EvaluationSet:
    """Predict the frames of every gold text and the voice of every gold pair.

    Voices are predicted for all gold pairs, whether or not their frame is: a missed frame is no error of the voice.
    """
    predictions = classifier.predict_texts(truth.texts)
    rows = classifier.features.transform(truth.texts)
    voices = classifier.voices_of(truth.texts, rows, truth.values == 1)
    return EvaluationSet(
        classifier.frames,
        truth.values,
        predictions.probabilities,
        predictions.predicted,
        predictions.human,
        truth.voices,
        voices,
        truth.languages,
        classifier.thresholds,
        truth.registers,
        truth.streams,
        predictions.stated_voices,
    )


def _unknown(classifier: Classifier, truth: Gold) -> list[str]:
    """Say how many texts consist mostly of words that a model does not know; nothing if there are none."""
    strange = np.flatnonzero(classifier.features.unknown_shares(truth.texts) > _MOST_WORDS).tolist()
    if not strange:
        return []
    languages = Counter(truth.languages[row] for row in strange).most_common()
    by_language = ", ".join(f"{language} {count:,}" for language, count in languages)
    return [
        f"{len(strange):,} of {len(truth):,} texts consist mostly of words that the model does not know "
        f"(by language: {by_language}); in a language that it did not learn it finds nothing"
    ]


def _read(table: Path, classifier: Classifier, say: Say, reading: Reading) -> Gold:
    if table.is_dir():
        codebook = read_codebook(table / "codebook.toml")
        if codebook.ids != classifier.frames:
            raise UserError(
                f"{table}: its codebook has other frames than the model; evaluate a model that was trained on it"
            )
        return gold(read_labels(table, codebook), codebook)
    return read_labelled_table(table, classifier.codebook, reading).said(table, say)
