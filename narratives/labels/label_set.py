"""Defines paragraphs, labels and label sets, and resolves labels on frames that were merged or retired."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from narratives.codebook.frames import Codebook

KINDS = ("reading", "single", "decision")
VALUES = ("yes", "no", "unsure")
LABEL_LANGUAGES = ("en", "uk", "ru", "other")
RANDOM = "random"  # the reason why a paragraph was shown where nothing chose it
_STRENGTH = {"no": 0, "unsure": 1, "yes": 2}  # of two labels merged into one frame, the stronger counts


@dataclass(frozen=True)
class LabelledParagraph:
    """A row of ``paragraphs.csv``. Paragraphs of one text share their ``document``; empty if there is only one."""

    paragraph_id: str
    text: str
    language: str
    register: str
    document: str


@dataclass(frozen=True)
class Label:
    """A row of ``labels.csv``: one annotator's label of one paragraph and frame.

    - ``frame``: empty if the annotator read the paragraph and saw no frame.
    - ``voice``: one of VOICES where the value is "yes"; empty where the annotator left it open.
    - ``value``: one of VALUES.
    - ``kind``: "reading" speaks for all frames of the codebook, "single" only for its own, and "decision" is a reading
      that settles what annotators disagree on.
    - ``sure``: "yes", or "no" where the annotator had doubts.
    - ``labelled_at``: the time in UTC (ISO 8601). The labels of one reading share it.
    """

    paragraph_id: str
    frame: str
    voice: str
    value: str
    kind: str
    sure: str
    annotator: str
    labelled_at: str
    codebook_version: str
    note: str


class ReadingKey(NamedTuple):
    """What the labels of one label event share."""

    paragraph_id: str
    kind: str
    annotator: str
    labelled_at: str
    codebook_version: str


def reading_key(label: Label) -> ReadingKey:
    """Return the key of the label event that a label is of."""
    return ReadingKey(label.paragraph_id, label.kind, label.annotator, label.labelled_at, label.codebook_version)


@dataclass(frozen=True)
class LabelSet:
    """Paragraphs and their labels, in the order of their files.

    ``reasons`` holds why the paragraph was shown, by reading, where somebody knows: RANDOM, or what it was chosen by.
    The files have no column for it.
    """

    paragraphs: tuple[LabelledParagraph, ...]
    labels: tuple[Label, ...]
    reasons: Mapping[ReadingKey, str] = field(default_factory=dict)

    @cached_property
    def by_paragraph(self) -> dict[str, list[Label]]:
        """The labels by paragraph id, in the order of the set."""
        grouped: dict[str, list[Label]] = defaultdict(list)
        for label in self.labels:
            grouped[label.paragraph_id].append(label)
        return grouped

    @cached_property
    def how(self) -> dict[str, str]:
        """How each paragraph was chosen, by id, where somebody knows: RANDOM, or the reason of its first reading."""
        # What was drawn at random stays so, also where it is read again because of what was said of it.
        ordered = sorted(self.reasons.items(), key=lambda item: (item[1] != RANDOM, item[0].labelled_at))
        chosen: dict[str, str] = {}
        for key, reason in ordered:
            chosen.setdefault(key.paragraph_id, reason)
        return chosen

    def of_interest(self, unlabelled: bool) -> "LabelSet":
        """Return the set without the paragraphs that have no label, or all of it if ``unlabelled``."""
        paragraphs = [row for row in self.paragraphs if unlabelled or row.paragraph_id in self.by_paragraph]
        return replace(self, paragraphs=tuple(paragraphs))

    def resolve_retired(self, codebook: Codebook) -> "LabelSet":
        """Return the labels as this codebook counts them, by the rule of ``MergedView``.

        This set stays as it is: the labels as they were given are what is stored and exported, so that a frame can be
        restored with its labels.
        """
        successors = codebook.successors
        if not any(label.frame in successors for label in self.labels):
            return self
        groups: dict[tuple[str, str, bool], list[int]] = defaultdict(list)
        for index, label in enumerate(self.labels):
            groups[label.paragraph_id, label.annotator, label.kind == "decision"].append(index)
        resolved: list[Label | None] = list(self.labels)
        for indices in groups.values():
            view = MergedView([self.labels[index] for index in indices], successors)
            for index, counted in zip(indices, view.resolved(), strict=True):
                resolved[index] = counted
        return replace(self, labels=tuple(label for label in resolved if label is not None))


@dataclass(frozen=True)
class MergedView:
    """One annotator's labels of one paragraph, readings and decisions apart, after frames were merged or retired.

    ======================================================  ===========================================
    A label on                                              counts as
    ======================================================  ===========================================
    a frame of the codebook                                 itself
    a retired frame with a successor, no rival outranks it  a label of the successor
    a retired frame with a successor, a rival outranks it   nothing
    a retired frame without a successor                     nothing
    the last frame that its reading or decision had         "no frame", once for the reading or decision
    ======================================================  ===========================================

    A rival is a label on the successor or on another frame merged into it. It was given in the same reading or
    decision; for a single label, at any time since the annotator's last reading, which replaced all labels before it.
    The successor's own label outranks a merged one, then yes outranks unsure and unsure no, then the later label
    outranks the earlier one.
    """

    labels: Sequence[Label]
    successors: Mapping[str, str]

    def resolved(self) -> list[Label | None]:
        """Return what each label counts as, in the order of the labels; None for nothing."""
        resolved = [self._resolve(index, label) for index, label in enumerate(self.labels)]
        whole = {_step(label) for label in resolved if label is not None}
        for index, label in enumerate(self.labels):
            # Without this a reading all of whose frames are retired would vanish, and with it the "no" to all others.
            if resolved[index] is None and label.kind != "single" and _step(label) not in whole:
                resolved[index] = replace(label, frame="", voice="", value="no")
                whole.add(_step(label))
        return resolved

    def _resolve(self, index: int, label: Label) -> Label | None:
        if label.frame not in self.successors:
            return label
        successor = self.successors[label.frame]
        return replace(label, frame=successor) if successor and self._outranks_rivals(index, label) else None

    def _outranks_rivals(self, index: int, label: Label) -> bool:
        rivals = [other for other in range(len(self.labels)) if other == index or self._is_rival(other, label)]
        return max(rivals, key=self._rank) == index  # of equals the first, so that exactly one counts

    def _is_rival(self, index: int, label: Label) -> bool:
        other = self.labels[index]
        if other.frame == label.frame or self._counts_as(other.frame) != self._counts_as(label.frame):
            return False
        return other.labelled_at >= self._last_reading if label.kind == "single" else _step(other) == _step(label)

    def _counts_as(self, frame: str) -> str:
        return self.successors.get(frame, frame)

    def _rank(self, index: int) -> tuple[bool, int, str]:
        label = self.labels[index]
        return label.frame not in self.successors, _STRENGTH[label.value], label.labelled_at

    @cached_property
    def _last_reading(self) -> str:
        return max((label.labelled_at for label in self.labels if label.kind != "single"), default="")


def _step(label: Label) -> tuple[str, str]:
    """Return what the labels of one reading or decision share, within one annotator and paragraph."""
    return label.kind, label.labelled_at
