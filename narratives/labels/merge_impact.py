"""Owns what merging or retiring a frame does to the labels, told before it is done. Changes nothing."""

from collections import Counter
from dataclasses import dataclass

from narratives.codebook.frames import VOICES, Codebook, retire
from narratives.labels.label_set import LabelSet


@dataclass(frozen=True)
class Effect:
    """What happens to the labels of ``frame`` when it is merged ``into`` another (empty: retired without successor).

    ``voices`` counts its labels by voice, those that do not say yes under "no or unsure"; ``already`` are paragraphs
    that carry the successor too; ``emptied`` readings and decisions that saw nothing but this frame.
    """

    frame: str
    into: str
    voices: dict[str, int]
    paragraphs: int
    already: int
    decisions: int
    emptied: int

    def sentences(self) -> list[str]:
        """Say it, a line each: what there is, what becomes of it, what stays."""
        voices = [f"{count:,} {voice}" for voice, count in self.voices.items() if count]
        return [
            f"labels of {self.frame}: {sum(self.voices.values()):,}" + (f" ({', '.join(voices)})" if voices else ""),
            f"paragraphs they are on: {self.paragraphs:,}",
            f"decisions among them: {self.decisions:,}",
            *(self._merged() if self.into else self._retired()),
            "Nothing is deleted: every label stays as it was given, and the frame can be brought back.",
            f"Models trained before still know {self.frame}; the next training counts its labels as said here.",
        ]

    def _merged(self) -> list[str]:
        return [
            f"paragraphs that somebody labelled {self.into} already: {self.already:,}",
            f"From now on these labels count as labels of {self.into}.",
            f"Where an annotator labelled both on one paragraph, what was said of {self.into} counts.",
        ]

    def _retired(self) -> list[str]:
        return [
            f"readings and decisions that saw nothing else: {self.emptied:,}",
            "From now on these labels count for no frame, and a reading that saw nothing else as one that saw none.",
        ]


def effect(labels: LabelSet, codebook: Codebook, frame_id: str, into: str = "") -> Effect:
    """Return what merging a frame ``into`` another, or retiring it, does. Raises UserError where it cannot be done."""
    after = labels.resolve_retired(retire(codebook, frame_id, into, ""))
    before = labels.resolve_retired(codebook)
    mine = [label for label in before.labels if label.frame == frame_id]
    paragraphs = {label.paragraph_id for label in mine}
    others = {label.paragraph_id for label in before.labels if label.frame == into and label.value == "yes"}
    counts = Counter(label.voice if label.value == "yes" else "no or unsure" for label in mine)
    return Effect(
        frame_id,
        into,
        {name or "without a voice": counts[name] for name in (*VOICES, "", "no or unsure")},
        len(paragraphs),
        len(paragraphs & others) if into else 0,
        sum(label.kind == "decision" for label in mine),
        sum(not label.frame for label in after.labels) - sum(not label.frame for label in before.labels),
    )
