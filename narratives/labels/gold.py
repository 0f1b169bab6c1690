"""Owns gold: the labels in force, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES, Codebook
from narratives.labels.label_set import Label, LabelSet

UNKNOWN = -1  # in Gold.values and Gold.voices: nobody has settled it


@dataclass(frozen=True)
class Gold:
    """The labels in force, as arrays of n texts × k frames.

    ``values``: 1 the frame is conveyed, 0 it is not, UNKNOWN unsettled. ``voices``: index into VOICES where the
    value is 1 and the voice is settled, else UNKNOWN. ``groups``: texts with the same number never straddle a split.
    ``registers`` is empty where nobody named them.
    """

    codebook: Codebook
    texts: tuple[str, ...]
    values: NDArray[np.int8]
    voices: NDArray[np.int8]
    languages: tuple[str, ...]
    groups: tuple[str, ...]
    registers: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[str, ...]:
        """The frame ids, in the order of the columns."""
        return self.codebook.ids

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Gold":
        """Return the gold of these rows only, in this order."""
        pick = [int(row) for row in rows]
        chosen = [tuple(column[row] for row in pick) for column in (self.texts, self.languages, self.groups)]
        registers = tuple(self.registers[row] for row in pick) if self.registers else ()
        return Gold(self.codebook, chosen[0], self.values[pick], self.voices[pick], chosen[1], chosen[2], registers)


def gold(labels: LabelSet, codebook: Codebook) -> Gold:
    """Return the labels in force: the decision, else what all annotators agree on; the rest is UNKNOWN.

    Paragraphs that nobody has read wholly keep UNKNOWN for the frames nobody spoke of. Labels on retired frames are
    counted as the codebook says.
    """
    kept = [paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in labels.by_paragraph]
    counted = labels.resolve_retired(codebook).by_paragraph
    settled = [_settle(counted.get(paragraph.paragraph_id, []), codebook) for paragraph in kept]
    shape = (len(kept), len(codebook.ids))
    return Gold(
        codebook,
        tuple(paragraph.text for paragraph in kept),
        np.array([values for values, _ in settled], dtype=np.int8).reshape(shape),
        np.array([voices for _, voices in settled], dtype=np.int8).reshape(shape),
        tuple(paragraph.language for paragraph in kept),
        tuple(paragraph.document or paragraph.paragraph_id for paragraph in kept),
        tuple(paragraph.register for paragraph in kept),
    )


def _settle(labels: list[Label], codebook: Codebook) -> tuple[list[int], list[int]]:
    decisions = [label for label in labels if label.kind == "decision"]
    if decisions:
        latest = max(label.labelled_at for label in decisions)
        words = [_words([label for label in decisions if label.labelled_at == latest], codebook)]
    else:
        annotators = dict.fromkeys(label.annotator for label in labels)
        words = [_words([label for label in labels if label.annotator == name], codebook) for name in annotators]
    pairs = [_agreed([word[frame] for word in words if frame in word]) for frame in codebook.ids]
    return [value for value, _ in pairs], [voice for _, voice in pairs]


def _words(labels: list[Label], codebook: Codebook) -> dict[str, tuple[str, str]]:
    """Return what one annotator said last of each frame, as (value, voice)."""
    words: dict[str, tuple[str, str]] = {}
    for moment in sorted({label.labelled_at for label in labels}):
        now = [label for label in labels if label.labelled_at == moment]
        if any(label.kind != "single" for label in now):
            words = dict.fromkeys(codebook.ids, ("no", ""))
        words |= {label.frame: (label.value, label.voice) for label in now if label.frame}
    return words


def _agreed(words: list[tuple[str, str]]) -> tuple[int, int]:
    values, voices = {value for value, _ in words}, {voice for _, voice in words}
    if values == {"no"}:
        return 0, UNKNOWN
    if values != {"yes"}:
        return UNKNOWN, UNKNOWN
    voice = voices.pop() if len(voices) == 1 else ""
    return 1, VOICES.index(voice) if voice else UNKNOWN
