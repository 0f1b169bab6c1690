"""Settles what annotators said into gold labels, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES, Codebook
from narratives.labels.label_set import RANDOM, Label, LabelSet

FIELD = "field"  # the register of real texts that are not the project's
UNKNOWN = -1  # in Gold.values and Gold.voices: not settled, or nobody labelled it


@dataclass(frozen=True)
class Gold:
    """Gold labels of n texts and k frames.

    - ``values`` (n × k): 1 if the text conveys the frame, 0 if it does not, UNKNOWN if that is not settled.
    - ``voices`` (n × k): an index into VOICES where the value is 1 and the voice is settled, else UNKNOWN.
    - ``languages``, ``groups``, ``registers`` (n each): texts of one group stay in the same fold; ``registers`` is
      empty where the input has none.
    - ``how`` (n, or empty): how each text was chosen, as in ``field.csv`` or by the queue; "" where nobody knows. Only
      "random" ones are a sample.
    - ``streams`` (n, or empty): the collection or source of each real text. A whole stream is held out at once, so that
      held-out figures are those of text from sources that the model has not seen.
    """

    codebook: Codebook
    texts: tuple[str, ...]
    values: NDArray[np.int8]
    voices: NDArray[np.int8]
    languages: tuple[str, ...]
    groups: tuple[str, ...]
    registers: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[str, ...]:
        """The frame ids, in the order of the columns."""
        return self.codebook.ids

    @property
    def documents_of_others(self) -> tuple[str, ...]:
        """The document of each text that belongs to others (register "field"), "" for the project's own texts."""
        registers = self.registers or ("",) * len(self)
        return tuple(group if register == FIELD else "" for register, group in zip(registers, self.groups, strict=True))

    @property
    def held_out_together(self) -> tuple[str, ...]:
        """What each text is held out with: its stream, else its group."""
        return tuple(
            stream or group for stream, group in zip(self.streams or ("",) * len(self), self.groups, strict=True)
        )

    @property
    def random_rows(self) -> NDArray[np.int64]:
        """The rows that were drawn at random."""
        return np.flatnonzero(np.array(self.how) == RANDOM) if self.how else np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Gold":
        """Return these rows only, in this order."""
        picked = [int(row) for row in rows]

        def column(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[row] for row in picked) if values else ()

        return Gold(
            self.codebook,
            column(self.texts),
            self.values[picked],
            self.voices[picked],
            column(self.languages),
            column(self.groups),
            column(self.registers),
            column(self.how),
            column(self.streams),
        )

    def followed_by(self, other: "Gold") -> "Gold":
        """Return these rows and then those of ``other``, which has the same codebook."""

        def column(name: str) -> tuple[str, ...]:
            own, its = getattr(self, name), getattr(other, name)
            return (own or ("",) * len(self)) + (its or ("",) * len(other)) if own or its else ()

        return Gold(
            self.codebook,
            self.texts + other.texts,
            np.concatenate([self.values, other.values]),
            np.concatenate([self.voices, other.voices]),
            self.languages + other.languages,
            self.groups + other.groups,
            column("registers"),
            column("how"),
            column("streams"),
        )


def gold(labels: LabelSet, codebook: Codebook) -> Gold:
    """Return the gold labels of all labelled paragraphs: the last decision, else what all annotators agree on.

    The rest is UNKNOWN: what annotators disagree on or are unsure of, and what neither a reading nor a single label
    speaks of. Labels on retired frames count as the codebook says.
    """
    # By the labels as given, so that a paragraph stays in when its only label is on a retired frame.
    paragraphs = [paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in labels.by_paragraph]
    resolved = labels.resolve_retired(codebook).by_paragraph
    settled = [_settle(resolved.get(paragraph.paragraph_id, []), codebook) for paragraph in paragraphs]
    shape = (len(paragraphs), len(codebook.ids))
    return Gold(
        codebook,
        tuple(paragraph.text for paragraph in paragraphs),
        np.array([values for values, _ in settled], dtype=np.int8).reshape(shape),
        np.array([voices for _, voices in settled], dtype=np.int8).reshape(shape),
        tuple(paragraph.language for paragraph in paragraphs),
        tuple(paragraph.document or paragraph.paragraph_id for paragraph in paragraphs),
        tuple(paragraph.register for paragraph in paragraphs),
        tuple(labels.how.get(paragraph.paragraph_id, "") for paragraph in paragraphs) if labels.reasons else (),
    )


def _settle(labels: list[Label], codebook: Codebook) -> tuple[list[int], list[int]]:
    decisions = [label for label in labels if label.kind == "decision"]
    if decisions:
        latest = max(label.labelled_at for label in decisions)
        opinions = [_opinion([label for label in decisions if label.labelled_at == latest], codebook)]
    else:
        annotators = dict.fromkeys(label.annotator for label in labels)
        opinions = [_opinion([label for label in labels if label.annotator == name], codebook) for name in annotators]
    agreed = [_agreed([opinion[frame] for opinion in opinions if frame in opinion]) for frame in codebook.ids]
    return [value for value, _ in agreed], [voice for _, voice in agreed]


def _opinion(labels: list[Label], codebook: Codebook) -> dict[str, tuple[str, str]]:
    """Return one annotator's last (value, voice) of each frame that they labelled."""
    opinion: dict[str, tuple[str, str]] = {}
    for time in sorted({label.labelled_at for label in labels}):
        step = [label for label in labels if label.labelled_at == time]
        if any(label.kind != "single" for label in step):
            # A reading says "no" to every frame that it does not name and that its codebook had.
            opinion = dict.fromkeys(codebook.read_by(step[0].codebook_version), ("no", ""))
        opinion |= {label.frame: (label.value, label.voice) for label in step if label.frame}
    return opinion


def _agreed(opinions: list[tuple[str, str]]) -> tuple[int, int]:
    values, voices = {value for value, _ in opinions}, {voice for _, voice in opinions}
    if values == {"no"}:
        return 0, UNKNOWN
    if values != {"yes"}:
        return UNKNOWN, UNKNOWN
    given = voices - {""}  # an annotator who left the voice open does not speak against the voice of another
    voice = given.pop() if len(given) == 1 else ""
    return 1, VOICES.index(voice) if voice else UNKNOWN
