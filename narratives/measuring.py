"""Owns measuring a model: its predictions on a labelled table against gold, or the figures kept with it."""

from pathlib import Path
from typing import Any

import numpy as np

from narratives import modelfile
from narratives.classifier import Classifier
from narratives.codebook import read_codebook
from narratives.errors import UserError
from narratives.evaluation import Evaluation, Outcome, evaluate
from narratives.labels import Gold, gold, read_labels, read_simple_table


def kept_figures(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the model card of a folder and its cross-validated figures."""
    model = modelfile.load(folder)
    manifest = modelfile.read_manifest(folder)
    figures = {**manifest["figures"], "model": model.name}
    return (folder / "card.md").read_text(encoding="utf-8"), figures


def evaluate_on(folder: Path, table: Path, languages: list[str]) -> Evaluation:
    """Measure the model in ``folder`` on a labels folder or a simple labelled table, perhaps on some languages only.

    Raises UserError if the table names a frame that the model does not know, or no row is left.
    """
    classifier = modelfile.load(folder)
    truth = _read(table, classifier)
    if languages:
        truth = truth.take(np.flatnonzero(np.isin(truth.languages, languages)))
    if not len(truth):
        raise UserError(f"{table}: no row to measure on" + (f" in {', '.join(languages)}" if languages else ""))
    return evaluate(outcome(classifier, truth), classifier.name, classifier.codebook.version)


def outcome(classifier: Classifier, truth: Gold) -> Outcome:
    """Return what the classifier says of every gold text; the voice is asked of every gold pair."""
    found = classifier.predict_texts(truth.texts)
    rows = classifier.features.transform(truth.texts)
    voices = classifier.voices_of(truth.texts, rows, truth.values == 1)
    return Outcome(
        classifier.frames,
        truth.values,
        found.probabilities,
        found.predicted,
        found.human,
        truth.voices,
        voices,
        truth.languages,
        classifier.thresholds,
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
