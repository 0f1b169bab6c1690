"""Owns the review: the decisions of a model that are worth a look, worst first, and accepting many of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from narratives.annotation.queue import margins
from narratives.annotation.steps import reading_labels, voice_name
from narratives.codebook.frames import Codebook
from narratives.labels.disputes import last_readings
from narratives.labels.gold import gold
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.model.classifier import Classifier
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import Circumstances, Store, new_token, now

REASONS = {
    "doubtful": "the label may be wrong",
    "against": "the model decides against the label",
    "near": "near the threshold, read by nobody",
    "new": "many words are new to the model, read by nobody",
}
_MOST = 500  # findings near a threshold, or of new words, that are worth a list
_NEW = 0.2  # share of new words from which on a text is listed: one in ten of the decisions on a real stream
_NAMED = 15  # new words that are named


@dataclass(frozen=True)
class Finding:
    """A decision worth a look: of which paragraph and frame, why, and how (``detail``)."""

    paragraph_id: str
    text: str
    frame: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Findings:
    """The findings, worst first within each reason, and the labels they are about."""

    items: tuple[Finding, ...]
    labels: LabelSet

    def readings(self, paragraph_id: str) -> tuple[tuple[Label, ...], ...]:
        """Return each annotator's last reading of a paragraph."""
        return last_readings(self.labels.by_paragraph.get(paragraph_id, []))

    def select(self, reason: str = "", frame: str = "") -> tuple[Finding, ...]:
        """Return the findings with this reason and frame (empty: any), a paragraph once."""
        chosen: dict[str, Finding] = {}
        for one in self.items:
            if reason in ("", one.reason) and frame in ("", one.frame):
                chosen.setdefault(one.paragraph_id, one)
        return tuple(chosen.values())


def find(store: Store, classifier: Classifier, codebook: Codebook) -> Findings:
    """Return what is worth a look, by the scores that the last ranking of the queue kept."""
    labels = store.label_set().resolve_retired(codebook)
    texts = {row.paragraph_id: row.text for row in labels.paragraphs}
    doubtful = [
        Finding(one.paragraph_id, texts[one.paragraph_id], one.detail.split(":")[0], "doubtful", one.detail)
        for one in AssignmentQueue(store).doubtful()
        if last_readings(labels.by_paragraph.get(one.paragraph_id, []))
    ]
    known = store.scores(classifier.name)
    against, unread = _against(labels, known, classifier, codebook), _unread(labels, known)
    live = np.array([frame not in codebook.successors for frame in classifier.frames], dtype=bool)
    near, new = _near(*unread, classifier, live), _new(*unread, classifier, live)
    return Findings((*doubtful, *against, *near, *new), labels)


def _against(
    labels: LabelSet, known: dict[str, np.ndarray], classifier: Classifier, codebook: Codebook
) -> list[Finding]:
    """Return the decisions of the model that are not what was labelled, the surest first; decided ones are left out."""
    rows = [row for row in labels.paragraphs if row.paragraph_id in known and row.paragraph_id in labels.by_paragraph]
    rows = [row for row in rows if last_readings(labels.by_paragraph[row.paragraph_id])]
    if not rows:
        return []
    ids = {row.paragraph_id for row in rows}
    truth = gold(LabelSet(tuple(rows), tuple(one for one in labels.labels if one.paragraph_id in ids)), codebook)
    shared = [frame for frame in classifier.frames if frame in codebook.ids]
    mine, theirs = ([known_ids.index(frame) for frame in shared] for known_ids in (classifier.frames, codebook.ids))
    p = np.array([known[row.paragraph_id] for row in rows], dtype=np.float64)[:, mine]
    values, thresholds = truth.values[:, theirs], classifier.thresholds[mine]
    differs = (values >= 0) & ((p >= thresholds) != (values == 1))
    far = np.where(differs, margins(p, thresholds), -1)
    order = np.argsort(-far, axis=None, kind="stable")[: int(differs.sum())]
    pairs = zip(*np.unravel_index(order, far.shape), strict=True)
    return [
        Finding(
            rows[row].paragraph_id,
            rows[row].text,
            shared[k],
            "against",
            f"{shared[k]}: labelled {'yes' if values[row, k] else 'no'}, the model {p[row, k]:.2f}"
            f" against threshold {thresholds[k]:.2f}",
        )
        for row, k in pairs
    ]


def _unread(labels: LabelSet, known: dict[str, np.ndarray]) -> tuple[list[LabelledParagraph], NDArray[np.float64]]:
    """Return the scored paragraphs that nobody has read, and what the model says of them, n × k."""
    rows = [
        row for row in labels.paragraphs if row.paragraph_id in known and row.paragraph_id not in labels.by_paragraph
    ]
    return rows, np.array([known[row.paragraph_id] for row in rows], dtype=np.float64)


def _near(
    rows: list[LabelledParagraph], p: NDArray[np.float64], classifier: Classifier, live: NDArray[np.bool_]
) -> list[Finding]:
    """Return the paragraphs that the model leaves for a person, the nearest to a threshold first.

    ``live`` marks the frames that were not retired since it was trained.
    """
    if not rows:
        return []
    inside = (p >= classifier.band[:, 0]) & (p < classifier.band[:, 1]) & live
    far = np.where(inside, margins(p, classifier.thresholds), np.inf)
    order = np.argsort(far.min(axis=1), kind="stable")[: min(_MOST, int(inside.any(axis=1).sum()))]
    return [_finding(rows[row], p[row], int(far[row].argmin()), "near", classifier) for row in order.tolist()]


def _new(
    rows: list[LabelledParagraph], p: NDArray[np.float64], classifier: Classifier, live: NDArray[np.bool_]
) -> list[Finding]:
    """Return the paragraphs with a frame, or left for a person, of whose words the model knows least, those first."""
    decided = np.flatnonzero(((p >= classifier.band[:, 0]) & live).any(axis=1)) if rows else np.empty(0, dtype=np.int64)
    shares = classifier.features.unknown_shares([rows[row].text for row in decided.tolist()])
    order = np.argsort(-shares, kind="stable")[: min(_MOST, int((shares >= _NEW).sum()))]
    found = []
    for row, share in zip(decided[order].tolist(), shares[order].tolist(), strict=True):
        above = np.where((p[row] >= classifier.band[:, 0]) & live, p[row] - classifier.thresholds, -np.inf)
        one = _finding(rows[row], p[row], int(above.argmax()), "new", classifier)
        found.append(
            replace(one, detail=f"{one.detail}; new are {share:.0%} of the words: {_named(one.text, classifier)}")
        )
    return found


def _finding(row: LabelledParagraph, p: NDArray[np.float64], k: int, reason: str, classifier: Classifier) -> Finding:
    frame = classifier.frames[k]
    detail = f"{frame}: {p[k]:.2f} against threshold {classifier.thresholds[k]:.2f}"
    return Finding(row.paragraph_id, row.text, frame, reason, detail)


def _named(text: str, classifier: Classifier) -> str:
    words = classifier.features.unknown_words(text)
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")


def accept_all(
    store: Store, findings: Sequence[Finding], classifier: Classifier, codebook: Codebook, annotator: str
) -> str:
    """Label each finding's paragraph as the model reads it; return the name by which all of it is undone at once.

    A model without voices gives labels of single frames, without a voice: see ``reading_labels``.
    """
    predictions = classifier.predict_texts([finding.text for finding in findings])
    name, at = f"bulk:{new_token()[:16]}", now()
    live = dict.fromkeys(filter(None, map(codebook.counts_as, classifier.frames)))
    for row, finding in enumerate(findings):
        predicted = np.flatnonzero(predictions.predicted[row]).tolist()
        # Where a frame and one merged into it are both predicted, the frame's own voice comes last and so counts.
        predicted.sort(key=lambda k: classifier.frames[k] in codebook.ids)
        voices = {
            frame: voice_name(int(predictions.voices[row, k]))
            for k in predicted
            if (frame := codebook.counts_as(classifier.frames[k]))
        }
        blank = Label(finding.paragraph_id, "", "", "no", "reading", "yes", annotator, at, codebook.version, "accepted")
        store.save(reading_labels(blank, voices, live), Circumstances(model=classifier.name, token=f"{name}:{row}"))
    return name
