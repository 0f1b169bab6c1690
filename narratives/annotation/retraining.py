"""Trains on the label database, and reports what a new model changes on the paragraphs that people reviewed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from narratives import paths
from narratives.annotation.ranking import rank
from narratives.codebook.frames import Codebook
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.evaluation.metrics import micro_f1
from narratives.labels.files import check_labels
from narratives.labels.gold import Gold, gold
from narratives.labels.label_set import LabelSet
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.model.releases import model_in_use
from narratives.store.events import Store
from narratives.store.opening import open_store
from narratives.training.fitting import Progress
from narratives.training.train import DEFAULTS, Trained, TrainingOptions, from_labels, ready_model, train


@dataclass(frozen=True)
class Reviewed:
    """Two models on the paragraphs that people labelled in the app.

    - ``before``, ``after``: micro-F1 of each model against these labels.
    - ``changed``: decisions on a paragraph and frame that differ between the models.
    - ``fixed``, ``regressed``: those of them that were wrong before and are right now, and the other way round.
    """

    paragraphs: int
    before: float
    after: float
    changed: int
    fixed: int
    regressed: int


def train_on_store(
    store: Store,
    output: Path | None = None,
    options: TrainingOptions = DEFAULTS,
    progress: Progress = lambda step, share: None,
) -> Trained:
    """Train on the labels of the database that nobody undid; the same labels in files give the same model.

    The codebook is the labels folder's unless ``options`` names another. Raises UserError as ``training.train`` does,
    and for labels that no label file may hold.
    """
    codebook = read_codebook(options.codebook or paths.labels_folder() / "codebook.toml")
    progress("reading labels", 0.0)
    labels = store.label_set().of_interest(unlabelled=False)
    check_labels(labels, codebook, "the label database")  # gold would drop a frame that the codebook lacks
    return train(*from_labels(labels, codebook), output, options, progress)


def reviewed(store: Store, codebook: Codebook, before: Classifier, after: Classifier) -> Reviewed | None:
    """Compare two models on the paragraphs labelled in the app.

    Returns None if there are none, or if the models or the codebook differ in frames. The new model has learned from
    these labels: the result shows what it changed, not how good it is.
    """
    if before.frames != after.frames or codebook.ids != after.frames:
        return None
    labelled = _labelled_here(store, codebook)
    if not len(labelled):
        return None
    old, new = (model.predict_texts(labelled.texts).predicted for model in (before, after))
    known, positive = labelled.values >= 0, labelled.values == 1
    differs = (old != new) & known
    return Reviewed(
        paragraphs=len(labelled),
        before=float(micro_f1(labelled.values, old)),
        after=float(micro_f1(labelled.values, new)),
        changed=int(np.count_nonzero(differs)),
        fixed=int(np.count_nonzero(differs & (new == positive))),
        regressed=int(np.count_nonzero(differs & (old == positive))),
    )


def _labelled_here(store: Store, codebook: Codebook) -> Gold:
    """Return the gold of the paragraphs labelled in the app, by all labels on them."""
    ids, labels = store.labelled_here(), store.label_set()
    rows = tuple(row for row in labels.paragraphs if row.paragraph_id in ids)
    return gold(LabelSet(rows, tuple(label for label in labels.labels if label.paragraph_id in ids)), codebook)


def report_training() -> None:
    """Train on the label database; print progress as JSON lines, by which a page follows this process.

    The model is released only if no other is in use: the page first shows what it would change.
    """
    with _errors_as_json():
        options = TrainingOptions(release_first=model_in_use() is None)
        trained = train_on_store(
            open_store(), options=options, progress=lambda step, share: _print_json(step=step, share=share)
        )
        _print_json(folder=str(trained.folder))


def report_ranking() -> None:
    """Rank the label database by the model in use; print progress as JSON lines, by which a page follows this."""
    with _errors_as_json():
        codebook = read_codebook(paths.labels_folder() / "codebook.toml")
        model = persistence.load(ready_model())
        number = rank(open_store(), model, codebook, progress=lambda step, share: _print_json(step=step, share=share))
        _print_json(number=number)


@contextmanager
def _errors_as_json() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        _print_json(error=str(error))


def _print_json(**fields: str | float) -> None:
    print(json.dumps(fields), flush=True)  # unflushed, a page would see all of it at the end
