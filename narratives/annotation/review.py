"""Lists the decisions of a model that are worth a look, worst first, and accepts many of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from narratives.annotation.queue import in_random_share, margins
from narratives.annotation.steps import reading_labels
from narratives.codebook.frames import Codebook, voice_name
from narratives.labels.disputes import last_readings
from narratives.labels.gold import gold
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.model.classifier import Classifier, Predictions
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import Circumstances, Store, new_token, now

REASONS = {
    "doubtful": "the label may be wrong",
    "against": "the model decides against the label",
    "near": "near the threshold, read by nobody",
    "new": "many words are new to the model, read by nobody",
}
_MOST = 500  # findings listed near a threshold, and for new words
_NEW = 0.2  # share of new words from which on a text is listed: one in ten of the decisions on a real stream
_NAMED = 15  # new words that are named


@dataclass(frozen=True)
class Finding:
    """A decision worth a look: the paragraph, the frame, the reason (a key of ``REASONS``) and its detail."""

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
        """Return the findings with this reason and frame (empty: any), the first one of each paragraph."""
        chosen: dict[str, Finding] = {}
        for finding in self.items:
            if reason in ("", finding.reason) and frame in ("", finding.frame):
                chosen.setdefault(finding.paragraph_id, finding)
        return tuple(chosen.values())


def find(store: Store, classifier: Classifier, codebook: Codebook) -> Findings:
    """Return the decisions worth a look, by the probabilities that the last ranking of the queue stored."""
    labels = store.label_set().resolve_retired(codebook)
    scored = store.scores(classifier.name)
    unread = _unread(labels, scored)
    live = np.array([frame not in codebook.successors for frame in classifier.frames], dtype=bool)
    doubtful, against = _doubtful(store, labels), _against(labels, scored, classifier, codebook)
    near, new = _near(*unread, classifier, live), _new(*unread, classifier, live)
    return Findings((*doubtful, *against, *near, *new), labels)


def _doubtful(store: Store, labels: LabelSet) -> list[Finding]:
    """Return the likely label errors of the last ranking, but for those decided since."""
    texts = {row.paragraph_id: row.text for row in labels.paragraphs}
    return [
        Finding(entry.paragraph_id, texts[entry.paragraph_id], entry.detail.split(":")[0], "doubtful", entry.detail)
        for entry in AssignmentQueue(store).doubtful()
        if last_readings(labels.by_paragraph.get(entry.paragraph_id, []))
    ]


def _against(
    labels: LabelSet, scored: dict[str, np.ndarray], classifier: Classifier, codebook: Codebook
) -> list[Finding]:
    """Return the decisions that contradict a label, the surest first; paragraphs with a decision are left out."""
    rows = [row for row in labels.paragraphs if row.paragraph_id in scored and row.paragraph_id in labels.by_paragraph]
    rows = [row for row in rows if last_readings(labels.by_paragraph[row.paragraph_id])]
    if not rows:
        return []
    ids = {row.paragraph_id for row in rows}
    own = tuple(label for label in labels.labels if label.paragraph_id in ids)
    labelled = gold(LabelSet(tuple(rows), own), codebook)
    shared = [frame for frame in classifier.frames if frame in codebook.ids]
    of_model, of_codebook = ([ids.index(frame) for frame in shared] for ids in (classifier.frames, codebook.ids))
    p = np.array([scored[row.paragraph_id] for row in rows], dtype=np.float64)[:, of_model]
    values, thresholds = labelled.values[:, of_codebook], classifier.thresholds[of_model]
    return [
        _contradiction(rows[row], shared[k], int(values[row, k]), p[row, k], thresholds[k])
        for row, k in _surest_contradictions(p, values, thresholds)
    ]


def _surest_contradictions(
    p: NDArray[np.float64], values: NDArray[np.int8], thresholds: NDArray[np.float64]
) -> list[tuple[int, int]]:
    """Return (row, column) of the known values that the decision contradicts, farthest from the threshold first."""
    differs = (values >= 0) & ((p >= thresholds) != (values == 1))
    distances = np.where(differs, margins(p, thresholds), -1)  # -1 sorts what agrees behind every contradiction
    order = np.argsort(-distances, axis=None, kind="stable")[: int(differs.sum())]
    rows, columns = np.unravel_index(order, distances.shape)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _contradiction(row: LabelledParagraph, frame: str, value: int, p: float, threshold: float) -> Finding:
    detail = f"{frame}: labelled {'yes' if value else 'no'}, the model {p:.2f} against threshold {threshold:.2f}"
    return Finding(row.paragraph_id, row.text, frame, "against", detail)


def _unread(labels: LabelSet, scored: dict[str, np.ndarray]) -> tuple[list[LabelledParagraph], NDArray[np.float64]]:
    """Return the scored paragraphs that nobody has read, with their n × k probabilities.

    The random share is left out: read here first, for what the model says of them, they would be no sample any more.
    """
    unread = [row for row in labels.paragraphs if row.paragraph_id not in labels.by_paragraph]
    rows = [row for row in unread if row.paragraph_id in scored and not in_random_share(row.paragraph_id)]
    return rows, np.array([scored[row.paragraph_id] for row in rows], dtype=np.float64)


def _near(
    rows: list[LabelledParagraph], p: NDArray[np.float64], classifier: Classifier, live: NDArray[np.bool_]
) -> list[Finding]:
    """Return the paragraphs that the model leaves to a person, nearest to a threshold first.

    ``live`` marks the frames that have not been retired since the model was trained.
    """
    if not rows:
        return []
    inside = (p >= classifier.band[:, 0]) & (p < classifier.band[:, 1]) & live
    distances = np.where(inside, margins(p, classifier.thresholds), np.inf)
    order = np.argsort(distances.min(axis=1), kind="stable")[: min(_MOST, int(inside.any(axis=1).sum()))]
    return [_finding(rows[row], p[row], int(distances[row].argmin()), "near", classifier) for row in order.tolist()]


def _new(
    rows: list[LabelledParagraph], p: NDArray[np.float64], classifier: Classifier, live: NDArray[np.bool_]
) -> list[Finding]:
    """Return the paragraphs with many words new to the model, the most first.

    Only those that the model gives a frame or leaves to a person: new words without a decision do no harm.
    """
    if not rows:
        return []
    considered = (p >= classifier.band[:, 0]) & live
    decided = np.flatnonzero(considered.any(axis=1))
    shares = classifier.features.unknown_shares([rows[row].text for row in decided.tolist()])
    order = np.argsort(-shares, kind="stable")[: min(_MOST, int((shares >= _NEW).sum()))]
    above = np.where(considered, p - classifier.thresholds, -np.inf)
    return [
        _with_new_words(_finding(rows[row], p[row], int(above[row].argmax()), "new", classifier), share, classifier)
        for row, share in zip(decided[order].tolist(), shares[order].tolist(), strict=True)
    ]


def _with_new_words(finding: Finding, share: float, classifier: Classifier) -> Finding:
    words = classifier.features.unknown_words(finding.text)
    named = ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")
    return replace(finding, detail=f"{finding.detail}; {share:.0%} of the words are new to the model: {named}")


def _finding(row: LabelledParagraph, p: NDArray[np.float64], k: int, reason: str, classifier: Classifier) -> Finding:
    frame = classifier.frames[k]
    detail = f"{frame}: {p[k]:.2f} against threshold {classifier.thresholds[k]:.2f}"
    return Finding(row.paragraph_id, row.text, frame, reason, detail)


def accept_all(
    store: Store, findings: Sequence[Finding], classifier: Classifier, codebook: Codebook, annotator: str
) -> str:
    """Label each finding's paragraph as the model reads it; return the name by which all of it can be undone.

    A model without voices gives labels of single frames, without a voice: see ``reading_labels``.
    """
    predictions = classifier.predict_texts([finding.text for finding in findings])
    name, at = f"bulk:{new_token()[:16]}", now()
    live = list(dict.fromkeys(filter(None, map(codebook.counts_as, classifier.frames))))
    for row, finding in enumerate(findings):
        voices = _predicted_voices(predictions, row, classifier, codebook)
        blank = Label(finding.paragraph_id, "", "", "no", "reading", "yes", annotator, at, codebook.version, "accepted")
        around = Circumstances(model=classifier.name, token=f"{name}:{row}", reason=finding.reason)
        store.save(reading_labels(blank, voices, live), around)
    return name


def _predicted_voices(predictions: Predictions, row: int, classifier: Classifier, codebook: Codebook) -> dict[str, str]:
    """Return the voice of each frame predicted for a text, under the ids that the codebook has now."""
    columns = np.flatnonzero(predictions.predicted[row]).tolist()
    # Where a frame and one merged into it are both predicted, the frame's own voice comes last and so counts.
    columns.sort(key=lambda k: classifier.frames[k] in codebook.ids)
    voices = {codebook.counts_as(classifier.frames[k]): voice_name(int(predictions.voices[row, k])) for k in columns}
    return {frame: voice for frame, voice in voices.items() if frame}
