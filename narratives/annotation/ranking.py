"""Owns ranking the label database: what the model says of each paragraph, and the new order of the queue."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from narratives.annotation.queue import DEFAULTS, FrameState, QueueOptions, Unread, select
from narratives.codebook.frames import Codebook, Frame
from narratives.errors import UserError
from narratives.labels.disputes import Dispute, disputes
from narratives.labels.gold import Gold, gold
from narratives.labels.label_set import LabelSet
from narratives.model.classifier import Classifier
from narratives.store.assignments import AssignmentQueue, QueueEntry
from narratives.store.events import Store
from narratives.training.features import fit_features
from narratives.training.fitting import held_out_probabilities, label_errors
from narratives.training.frames import prior_texts

Progress = Callable[[str, float], None]
_AT_ONCE = 2000
_NEW = 200  # candidates for a frame that no model knows yet
_DOUBTFUL = 500  # likely label errors that a ranking keeps


def rank(
    store: Store,
    classifier: Classifier,
    codebook: Codebook | None = None,
    wanted: QueueOptions = DEFAULTS,
    progress: Progress = lambda step, share: None,
) -> int:
    """Put all paragraphs of ``store`` in the order of the queue by what ``classifier`` says; return how many wait.

    All paragraphs are scored (what the same model said before is kept). Those that nobody has read wait; those on which
    annotators differ and those whose label the other labels speak against are queued for one more reading. Frames of
    ``codebook`` that the model has not learned yet are looked for by their definition, cues and examples, and those
    retired since it was trained are left out.
    """
    codebook = codebook or classifier.codebook
    labels = store.label_set().resolve_retired(codebook)
    progress("reading paragraphs", 0.0)
    known = _scored(store, classifier, labels, lambda share: progress("scoring", 0.7 * share))
    columns = [k for k, frame in enumerate(classifier.frames) if frame not in codebook.successors]
    unread = _unread(labels, known, columns)
    progress("looking for label errors", 0.7)
    learned = Codebook(classifier.codebook.version, tuple(classifier.codebook.frames[k] for k in columns))
    truth = gold(labels.of_interest(unlabelled=False), learned)
    differing = [QueueEntry(one.paragraph_id, "differs", _difference(one)) for one in disputes(labels)]
    new = _candidates(labels, classifier, codebook)
    again = [*new, *differing, *_doubtful(labels, truth)]
    positives = (truth.values == 1).sum(axis=0)
    progress("ordering", 0.95)
    ranking = select(unread, FrameState(learned.ids, classifier.thresholds[columns], positives), again, wanted)
    AssignmentQueue(store).order(ranking)
    progress("done", 1.0)
    return len(ranking)


def _unread(labels: LabelSet, known: dict[str, NDArray[np.float32]], columns: list[int]) -> Unread:
    rows = [row for row in labels.paragraphs if row.paragraph_id not in labels.by_paragraph]
    table = np.array([known[row.paragraph_id][columns] for row in rows], dtype=np.float64)
    ids, texts = tuple(row.paragraph_id for row in rows), tuple(row.text for row in rows)
    return Unread(ids, texts, table.reshape(len(rows), len(columns)))


def _scored(
    store: Store, classifier: Classifier, labels: LabelSet, progress: Callable[[float], None]
) -> dict[str, NDArray[np.float32]]:
    """Return what the model says of every paragraph; what it said before is kept, the rest is asked and kept."""
    known = store.scores(classifier.name)
    missing = [row for row in labels.paragraphs if row.paragraph_id not in known]
    for start in range(0, len(missing), _AT_ONCE):
        part = missing[start : start + _AT_ONCE]
        probabilities = classifier.predict_proba([row.text for row in part]).astype(np.float32)
        found = {row.paragraph_id: scores for row, scores in zip(part, probabilities, strict=True)}
        store.keep_scores(classifier.name, found)
        known.update(found)
        progress((start + len(part)) / len(missing))
    return known


def _candidates(labels: LabelSet, classifier: Classifier, codebook: Codebook) -> list[QueueEntry]:
    """Return for each frame that the model has not learned the paragraphs most similar to what the codebook says of it.

    Paragraphs read by an older codebook are candidates too: nobody was asked about the frame then.
    """
    new = tuple(frame for frame in codebook.frames if frame.id not in classifier.frames)
    if not new:
        return []
    told = [_told(frame) for frame in new]
    similarity = similar([row.text for row in labels.paragraphs], told)
    best = np.argsort(-similarity, axis=0, kind="stable")[:_NEW]
    return [
        QueueEntry(
            labels.paragraphs[row].paragraph_id, "rare", f"{new[k].id}: like its definition ({similarity[row, k]:.2f})"
        )
        for turn in best
        for k, row in enumerate(turn.tolist())
    ]


def _told(frame: Frame) -> str:
    return "\n".join(
        [*prior_texts(Codebook("", (frame,))), *(one.text for one in frame.examples if one.voice != "none")]
    )


def similar(texts: Sequence[str], told: Sequence[str]) -> NDArray[np.float64]:
    """Return the cosine of each text's TF-IDF row with that of each of ``told``, n × m, in the words of ``told``."""
    features = fit_features(told, told, 1, texts)
    wanted = features.transform(told).T
    starts = range(0, len(texts), _AT_ONCE)
    parts = [(features.transform(texts[start : start + _AT_ONCE]) @ wanted).toarray() for start in starts]
    return np.concatenate(parts) if parts else np.empty((0, len(told)))


def _difference(one: Dispute) -> str:
    return f"{len(one.readings)} annotators: {', '.join(one.frames)}"


def _doubtful(labels: LabelSet, truth: Gold) -> list[QueueEntry]:
    """Return the labels that the other labels speak against most, worst first."""
    ids = [row.paragraph_id for row in labels.paragraphs if row.paragraph_id in labels.by_paragraph]
    try:
        probabilities = held_out_probabilities(truth)
    except UserError:
        return []  # too few labels to tell
    found = label_errors(truth.values, probabilities)[:_DOUBTFUL]
    return [
        QueueEntry(ids[row], "doubtful", _doubt(truth.frames[k], truth.values[row, k], probabilities[row, k]))
        for row, k in found
    ]


def _doubt(frame: str, value: int, probability: float) -> str:
    return f"{frame}: labelled {'yes' if value else 'no'}, by the other labels {probability:.2f}"
