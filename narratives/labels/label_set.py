"""Owns the label: one annotator's word on one paragraph and frame; and the set of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from narratives.codebook.frames import Codebook

KINDS = ("reading", "single", "decision")
VALUES = ("yes", "no", "unsure")
_SAYS = {"no": 0, "unsure": 1, "yes": 2}  # how much a label says of a frame that others were merged into
LABEL_LANGUAGES = ("en", "uk", "ru", "other")


@dataclass(frozen=True)
class LabelledParagraph:
    """A row of ``paragraphs.csv``. ``document`` is shared by paragraphs of one text; empty = a text of its own."""

    paragraph_id: str
    text: str
    language: str
    register: str
    document: str


@dataclass(frozen=True)
class Label:
    """A row of ``labels.csv``: what one annotator said of one paragraph and frame (empty frame = none seen)."""

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


@dataclass(frozen=True)
class LabelSet:
    """The paragraphs and the labels of a labels folder, in file order."""

    paragraphs: tuple[LabelledParagraph, ...]
    labels: tuple[Label, ...]

    @cached_property
    def by_paragraph(self) -> dict[str, list[Label]]:
        """The labels of each paragraph id, in file order."""
        grouped: dict[str, list[Label]] = defaultdict(list)
        for label in self.labels:
            grouped[label.paragraph_id].append(label)
        return grouped

    def of_interest(self, unlabelled: bool) -> "LabelSet":
        """Return the set with the paragraphs that carry a label, or as it is if ``unlabelled`` ones are wanted."""
        kept = [row for row in self.paragraphs if unlabelled or row.paragraph_id in self.by_paragraph]
        return LabelSet(tuple(kept), self.labels)

    def resolve_retired(self, codebook: Codebook) -> "LabelSet":
        """Return the labels as this codebook counts them: those on a retired frame as labels of its successor.

        Where somebody labelled both on one paragraph, the successor's own label counts, else the one that says more.
        A reading stays whole: where all its frames are retired without a successor, it is one that saw none. The
        labels as they were given, which this leaves alone, are what is stored and exported.
        """
        successors = codebook.successors
        if not any(label.frame in successors for label in self.labels):
            return self
        said: dict[tuple[str, str, bool], list[Label]] = defaultdict(list)
        for label in self.labels:
            said[label.paragraph_id, label.annotator, label.kind == "decision"].append(label)
        merged: dict[int, Label] = {}
        for own in said.values():
            merged |= _merged(own, successors)
        counted = (merged.get(id(label)) if label.frame in successors else label for label in self.labels)
        return LabelSet(self.paragraphs, tuple(filter(None, counted)))


def _merged(own: list[Label], successors: Mapping[str, str]) -> dict[int, Label]:
    """Return what one annotator's labels on retired frames of one paragraph count as, by ``id()``; some as nothing."""
    retired = [label for label in own if label.frame in successors]
    found = {
        id(label): replace(label, frame=successors[label.frame]) for label in retired if _counts(label, own, successors)
    }
    whole = {_step(label) for label in own if label.frame not in successors or id(label) in found}
    for label in retired:
        if label.kind != "single" and _step(label) not in whole:
            found[id(label)] = replace(label, frame="", voice="", value="no")
            whole.add(_step(label))
    return found


def _step(label: Label) -> tuple[str, str]:
    return label.kind, label.labelled_at


def _counts(label: Label, own: list[Label], successors: Mapping[str, str]) -> bool:
    """Return whether a retired frame's label counts: it has a successor, of which no other label says more.

    An own label of the successor says more than any merged one, yes more than unsure, unsure more than no.
    """
    if not successors[label.frame]:
        return False
    since = max((other.labelled_at for other in own if other.kind != "single"), default="")
    candidates = [other for other in own if other is label or _rivals(other, label, since, successors)]
    return label is max(candidates, key=lambda one: (one.frame not in successors, _SAYS[one.value], one.labelled_at))


def _rivals(other: Label, label: Label, since: str, successors: Mapping[str, str]) -> bool:
    """Return whether another label speaks of the same successor: for a single label, since the last whole reading."""
    same = other.frame != label.frame and successors.get(other.frame, other.frame) == successors[label.frame]
    return same and (other.labelled_at >= since if label.kind == "single" else _step(other) == _step(label))
