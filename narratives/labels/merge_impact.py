"""Counts what merging or retiring a frame would do to the labels, before it is done."""

from collections import Counter
from dataclasses import dataclass

from narratives.codebook.frames import VOICES, Codebook, retire
from narratives.labels.label_set import LabelSet


@dataclass(frozen=True)
class Effect:
    """What happens to the labels of ``frame`` when it is merged ``into`` another, or, if that is empty, retired.

    - ``voices``: its labels by voice; those whose value is not yes count as "no or unsure".
    - ``paragraphs``: the paragraphs that have such a label.
    - ``already``: those among them that somebody labelled with the other frame, too.
    - ``decisions``: the decisions among its labels.
    - ``emptied``: readings and decisions that saw no other frame, and will count as ones that saw none.
    """

    frame: str
    into: str
    voices: dict[str, int]
    paragraphs: int
    already: int
    decisions: int
    emptied: int

    def sentences(self) -> list[str]:
        """Return the effect as lines of text."""
        voices = [f"{count:,} {voice}" for voice, count in self.voices.items() if count]
        return [
            f"labels of {self.frame}: {sum(self.voices.values()):,}" + (f" ({', '.join(voices)})" if voices else ""),
            f"paragraphs they are on: {self.paragraphs:,}",
            f"decisions among them: {self.decisions:,}",
            *(self._merged() if self.into else self._retired()),
            "Nothing is deleted: every label stays as it was given, and the frame can be restored.",
            f"Models that are trained already still predict {self.frame}; the next training uses the new counts.",
        ]

    def _merged(self) -> list[str]:
        return [
            f"paragraphs that somebody labelled {self.into} already: {self.already:,}",
            f"From now on these labels count as labels of {self.into}.",
            f"Where an annotator labelled both on one paragraph, the label of {self.into} counts.",
        ]

    def _retired(self) -> list[str]:
        return [
            f"readings and decisions that saw nothing else: {self.emptied:,}",
            "From now on these labels count for no frame; a reading that saw nothing else counts as one that saw none.",
        ]


def effect(labels: LabelSet, codebook: Codebook, frame_id: str, into: str = "") -> Effect:
    """Return the effect of merging a frame ``into`` another, or of retiring it. Raises UserError as ``retire`` does."""
    after = labels.resolve_retired(retire(codebook, frame_id, into, ""))
    before = labels.resolve_retired(codebook)
    affected = [label for label in before.labels if label.frame == frame_id]
    paragraphs = {label.paragraph_id for label in affected}
    others = {label.paragraph_id for label in before.labels if label.frame == into and label.value == "yes"}
    counts = Counter(label.voice if label.value == "yes" else "no or unsure" for label in affected)
    return Effect(
        frame_id,
        into,
        {name or "without a voice": counts[name] for name in (*VOICES, "", "no or unsure")},
        len(paragraphs),
        len(paragraphs & others) if into else 0,
        sum(label.kind == "decision" for label in affected),
        sum(not label.frame for label in after.labels) - sum(not label.frame for label in before.labels),
    )
