"""Finds disputes: paragraphs whose annotators disagree and that have no later decision."""

import hashlib
from dataclasses import dataclass

from narratives.labels.label_set import Label, LabelSet


@dataclass(frozen=True)
class Dispute:
    """A paragraph with each annotator's last reading, in an order that does not reveal the annotators."""

    paragraph_id: str
    text: str
    readings: tuple[tuple[Label, ...], ...]

    @property
    def frames(self) -> tuple[str, ...]:
        """The frames that at least one annotator saw, sorted."""
        return tuple(sorted({frame for reading in self.readings for frame, _ in _seen(reading)}))


def disputes(labels: LabelSet) -> list[Dispute]:
    """Return the disputes, those over most frames first. Single labels do not count: they are no reading."""
    disputed = [
        Dispute(row.paragraph_id, row.text, readings)
        for row in labels.paragraphs
        if len(readings := last_readings(labels.by_paragraph.get(row.paragraph_id, []))) > 1 and _differ(readings)
    ]
    return sorted(disputed, key=lambda dispute: (-_differing_frames(dispute), dispute.paragraph_id))


def last_readings(labels: list[Label]) -> tuple[tuple[Label, ...], ...]:
    """Return each annotator's last reading among the labels of a paragraph; none if a decision followed them all."""
    readings = [label for label in labels if label.kind == "reading"]
    decided = max((label.labelled_at for label in labels if label.kind == "decision"), default="")
    if not readings or decided >= max(label.labelled_at for label in readings):
        return ()
    by_annotator: dict[str, list[Label]] = {}
    for label in readings:
        by_annotator.setdefault(label.annotator, []).append(label)
    last = [
        tuple(label for label in own if label.labelled_at == max(label.labelled_at for label in own))
        for own in by_annotator.values()
    ]
    return tuple(sorted(last, key=_anonymous_order))


def _anonymous_order(reading: tuple[Label, ...]) -> str:
    # Sorted by name or by time, whoever decides would soon know who said what. A hash differs for each paragraph.
    first = reading[0]
    return hashlib.sha256(f"{first.paragraph_id}:{first.annotator}".encode()).hexdigest()


def _differ(readings: tuple[tuple[Label, ...], ...]) -> bool:
    seen = [_seen(reading) for reading in readings]
    frames = {frozenset(frame for frame, _ in pairs) for pairs in seen}
    given = {pair for pairs in seen for pair in pairs if pair[1]}  # an open voice speaks against no other
    return len(frames) > 1 or len(given) > len({frame for frame, _ in given})


def _seen(reading: tuple[Label, ...]) -> frozenset[tuple[str, str]]:
    return frozenset((label.frame, label.voice) for label in reading if label.frame and label.value == "yes")


def _differing_frames(dispute: Dispute) -> int:
    seen = [_seen(reading) for reading in dispute.readings]
    return len({frame for pairs in seen for frame, _ in pairs ^ frozenset.intersection(*seen)})
