"""Owns training on the label database, and what a new model changes on the paragraphs that people reviewed."""

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
from narratives.labels.gold import gold
from narratives.labels.label_set import LabelSet
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.store.events import Store
from narratives.store.opening import open_store
from narratives.training.fitting import Progress
from narratives.training.train import DEFAULTS, Trained, TrainingOptions, from_labels, ready_model, train


@dataclass(frozen=True)
class Reviewed:
    """What two models say of the paragraphs that people labelled in the app.

    ``before`` and ``after`` are micro-F1 against their labels, ``changed`` the decisions (paragraph and frame) that
    differ, ``fixed`` those of them that were wrong before and are right now, ``regressed`` the other way round.
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
    """Compare two models on the paragraphs labelled in the app; None if there are none, or the models differ in frames.

    The new model has learned from them: this shows what it changed, not how good it is.
    """
    if before.frames != after.frames or codebook.ids != after.frames:
        return None
    ids, labels = store.labelled_here(), store.label_set().of_interest(unlabelled=False)
    rows = tuple(row for row in labels.paragraphs if row.paragraph_id in ids)
    if not rows:
        return None
    truth = gold(LabelSet(rows, tuple(label for label in labels.labels if label.paragraph_id in ids)), codebook)
    old, new = (model.predict_texts(truth.texts).predicted for model in (before, after))
    known, right = truth.values >= 0, truth.values == 1
    differs = (old != new) & known
    return Reviewed(
        paragraphs=len(truth),
        before=float(micro_f1(truth.values, old)),
        after=float(micro_f1(truth.values, new)),
        changed=int(np.count_nonzero(differs)),
        fixed=int(np.count_nonzero(differs & (new == right))),
        regressed=int(np.count_nonzero(differs & (old == right))),
    )


def report_training() -> None:
    """Train on the database in force and print progress as JSON lines: the way a page follows another process."""
    with _reported():
        done = train_on_store(open_store(), progress=lambda step, share: _say(step=step, share=share))
        _say(folder=str(done.folder))


def report_ranking() -> None:
    """Put the queue of the database in force in a new order, by the released model; print progress as JSON lines."""
    with _reported():
        codebook = read_codebook(paths.labels_folder() / "codebook.toml")
        model = persistence.load(ready_model())
        number = rank(open_store(), model, codebook, progress=lambda step, share: _say(step=step, share=share))
        _say(number=number)


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        _say(error=str(error))


def _say(**what: str | float) -> None:
    print(json.dumps(what), flush=True)
