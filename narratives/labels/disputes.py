"""Owns disputes: paragraphs whose annotators do not say the same and that nobody has decided since."""

import hashlib
from dataclasses import dataclass

from narratives.labels.label_set import Label, LabelSet


@dataclass(frozen=True)
class Dispute:
    """A paragraph with what each annotator said last of it, in an order that does not tell who is who."""

    paragraph_id: str
    text: str
    readings: tuple[tuple[Label, ...], ...]

    @property
    def frames(self) -> tuple[str, ...]:
        """The frames that somebody saw, sorted."""
        return tuple(sorted({frame for said in self.readings for frame, _ in _seen(said)}))


def disputes(labels: LabelSet) -> list[Dispute]:
    """Return the disputes, those over most frames first. A label of one frame only (``single``) is left out."""
    found = [
        Dispute(row.paragraph_id, row.text, readings)
        for row in labels.paragraphs
        if len(readings := last_readings(labels.by_paragraph.get(row.paragraph_id, []))) > 1 and _differ(readings)
    ]
    return sorted(found, key=lambda one: (-_differing_frames(one), one.paragraph_id))


def last_readings(said: list[Label]) -> tuple[tuple[Label, ...], ...]:
    """Return each annotator's last whole reading of a paragraph; none if a decision came after them all."""
    whole = [label for label in said if label.kind == "reading"]
    decided = max((label.labelled_at for label in said if label.kind == "decision"), default="")
    if not whole or decided >= max(label.labelled_at for label in whole):
        return ()
    by_annotator: dict[str, list[Label]] = {}
    for label in whole:
        by_annotator.setdefault(label.annotator, []).append(label)
    last = [
        tuple(label for label in own if label.labelled_at == max(one.labelled_at for one in own))
        for own in by_annotator.values()
    ]
    return tuple(sorted(last, key=_nameless))


def _nameless(reading: tuple[Label, ...]) -> str:
    first = reading[0]
    return hashlib.sha256(f"{first.paragraph_id}:{first.annotator}".encode()).hexdigest()


def _differ(readings: tuple[tuple[Label, ...], ...]) -> bool:
    return len(set(map(_seen, readings))) > 1


def _seen(reading: tuple[Label, ...]) -> frozenset[tuple[str, str]]:
    return frozenset((label.frame, label.voice) for label in reading if label.frame and label.value == "yes")


def _differing_frames(dispute: Dispute) -> int:
    pairs = [_seen(said) for said in dispute.readings]
    return len({frame for said in pairs for frame, _ in said ^ frozenset.intersection(*pairs)})
