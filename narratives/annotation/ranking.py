"""Ranks the paragraphs of the label database by what a model says of them, and stores the new order of the queue."""

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
_NEW = 200  # candidates for a frame that the model does not know yet
_DOUBTFUL = 500  # likely label errors that enter a ranking


def rank(
    store: Store,
    classifier: Classifier,
    codebook: Codebook | None = None,
    options: QueueOptions = DEFAULTS,
    progress: Progress = lambda step, share: None,
) -> int:
    """Store a new order of the queue by what ``classifier`` says of each paragraph; return how many are queued.

    - Paragraphs that nobody has read are queued.
    - Paragraphs on which annotators differ, and those whose label the other labels speak against, are queued once more.
    - Frames of ``codebook`` that the model has not learned are looked for by definition, cues and examples; frames
      retired since it was trained are left out.

    Probabilities are stored, so a second ranking by the same model only asks it about new paragraphs. ``progress`` is
    called with the step and the share done, 0 to 1.
    """
    codebook = codebook or classifier.codebook
    labels = store.label_set().resolve_retired(codebook)
    progress("reading paragraphs", 0.0)
    probabilities = _scored(store, classifier, labels, lambda share: progress("scoring", 0.7 * share))
    live = [k for k, frame in enumerate(classifier.frames) if frame not in codebook.successors]
    unread = _unread(labels, probabilities, live)
    progress("looking for label errors", 0.7)
    learned = Codebook(classifier.codebook.version, tuple(classifier.codebook.frames[k] for k in live))
    labelled = gold(labels.of_interest(unlabelled=False), learned)
    differing = [QueueEntry(dispute.paragraph_id, "differs", _difference(dispute)) for dispute in disputes(labels)]
    again = [*_candidates(labels, classifier, codebook), *differing, *_doubtful(labels, labelled)]
    positives = (labelled.values == 1).sum(axis=0)
    progress("ordering", 0.95)
    ranking = select(unread, FrameState(learned.ids, classifier.thresholds[live], positives), again, options)
    AssignmentQueue(store).order(ranking)
    progress("done", 1.0)
    return len(ranking)


def _unread(labels: LabelSet, probabilities: dict[str, NDArray[np.float32]], columns: list[int]) -> Unread:
    rows = [row for row in labels.paragraphs if row.paragraph_id not in labels.by_paragraph]
    table = np.array([probabilities[row.paragraph_id][columns] for row in rows], dtype=np.float64)
    ids, texts = tuple(row.paragraph_id for row in rows), tuple(row.text for row in rows)
    return Unread(ids, texts, table.reshape(len(rows), len(columns)))  # without a row the table has no second axis


def _scored(
    store: Store, classifier: Classifier, labels: LabelSet, progress: Callable[[float], None]
) -> dict[str, NDArray[np.float32]]:
    """Return the probabilities of every paragraph by its id; those not stored yet are computed and stored."""
    scored = store.scores(classifier.name)
    missing = [row for row in labels.paragraphs if row.paragraph_id not in scored]
    for start in range(0, len(missing), _AT_ONCE):
        batch = missing[start : start + _AT_ONCE]
        probabilities = classifier.predict_proba([row.text for row in batch]).astype(np.float32)
        new = {row.paragraph_id: values for row, values in zip(batch, probabilities, strict=True)}
        store.keep_scores(classifier.name, new)  # batch by batch: a stopped ranking resumes from here
        scored.update(new)
        progress((start + len(batch)) / len(missing))
    return scored


def _candidates(labels: LabelSet, classifier: Classifier, codebook: Codebook) -> list[QueueEntry]:
    """Return, for each frame that the model has not learned, the paragraphs most similar to its codebook entry.

    Labelled paragraphs are candidates too: nobody was asked about the frame when they were read.
    """
    new = tuple(frame for frame in codebook.frames if frame.id not in classifier.frames)
    if not new:
        return []
    similarity = similar([row.text for row in labels.paragraphs], [_description(frame) for frame in new])
    best = np.argsort(-similarity, axis=0, kind="stable")[:_NEW]
    return [
        QueueEntry(
            labels.paragraphs[row].paragraph_id, "rare", f"{new[k].id}: like its definition ({similarity[row, k]:.2f})"
        )
        for rows in best  # the best of each frame, then the second best of each, and so on
        for k, row in enumerate(rows.tolist())
    ]


def _description(frame: Frame) -> str:
    positives = [example.text for example in frame.examples if example.voice != "none"]
    return "\n".join([*prior_texts(Codebook("", (frame,))), *positives])


def similar(texts: Sequence[str], descriptions: Sequence[str]) -> NDArray[np.float64]:
    """Return the n × m cosines of n texts' TF-IDF rows with those of m descriptions, over the descriptions' terms."""
    features = fit_features(descriptions, descriptions, 1, texts)
    columns = features.transform(descriptions).T
    starts = range(0, len(texts), _AT_ONCE)
    parts = [(features.transform(texts[start : start + _AT_ONCE]) @ columns).toarray() for start in starts]
    return np.concatenate(parts) if parts else np.empty((0, len(descriptions)))


def _difference(dispute: Dispute) -> str:
    return f"{len(dispute.readings)} annotators: {', '.join(dispute.frames)}"


def _doubtful(labels: LabelSet, labelled: Gold) -> list[QueueEntry]:
    """Return the labels that the other labels speak against most, worst first."""
    ids = [row.paragraph_id for row in labels.paragraphs if row.paragraph_id in labels.by_paragraph]
    try:
        probabilities = held_out_probabilities(labelled)
    except UserError:
        return []  # too few labels to tell
    errors = label_errors(labelled.values, probabilities)[:_DOUBTFUL]
    return [
        QueueEntry(ids[row], "doubtful", _doubt(labelled.frames[k], labelled.values[row, k], probabilities[row, k]))
        for row, k in errors
    ]


def _doubt(frame: str, value: int, probability: float) -> str:
    return f"{frame}: labelled {'yes' if value else 'no'}, by the other labels {probability:.2f}"
