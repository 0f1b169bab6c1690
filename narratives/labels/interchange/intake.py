"""Defines what is read from a file of labels: texts, what people said of them, what models suggested, and refusals."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from narratives.codebook.frames import Codebook
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet, ReadingKey
from narratives.tables.rows import Refusal

_SHOWN = 5  # refused rows that a message names


@dataclass(frozen=True)
class Moment:
    """The annotator, the time and the codebook to use where a file does not name them."""

    annotator: str
    at: str
    codebook: Codebook


@dataclass(frozen=True)
class Columns:
    """Where a file has what, where that is not recognised, and what its names stand for.

    - ``text``, ``frames``, ``voices``, ``annotator``: names of columns, or of Label Studio's controls.
    - ``names``: frames and voices by the names that the file has for them.
    """

    text: str | None = None
    frames: str = ""
    voices: str = ""
    annotator: str = ""
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Given:
    """What one person said of one text, in the names of the file.

    - ``yes``, ``no``: the frames that they saw and those that they denied, as ``frame`` or ``frame:voice``.
    - ``voices``: the voice of each of ``yes``; empty if the names have them or there are none.
    - ``whole``: whether a frame that is not named is a no.
    - ``annotator``, ``at``, ``reason`` (why the text was shown): empty if the file does not say.
    """

    yes: tuple[str, ...]
    no: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    whole: bool = True
    annotator: str = ""
    at: str = ""
    note: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Suggestion:
    """What a model said of a text: JSON of its frames, most probable first. It is no label."""

    paragraph_id: str
    model: str
    frames: str


@dataclass(frozen=True)
class Item:
    """One text of a file, with what was said of it.

    - ``place``: the number of its line, task or object.
    - ``labels``: labels that come with all their columns, and ``reasons`` why the text was shown, by reading.
    - ``source``: where the text came from, empty if the file does not say.
    - ``fault``: why it is refused; empty if it is not.
    """

    place: int
    paragraph: LabelledParagraph
    given: tuple[Given, ...] = ()
    labels: tuple[Label, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    source: str = ""
    fault: str = ""
    reasons: Mapping[ReadingKey, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Intake:
    """What a file held.

    - ``layout``: its format, and ``unit`` what its places are: lines, tasks or objects.
    - ``sources``: where each paragraph came from, by id.
    - ``refused``: what was left out, with place and reason.
    - ``notes``: what a user should know, a sentence each.
    """

    layout: str
    labels: LabelSet
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    refused: tuple[Refusal, ...] = ()
    unit: str = "line"
    suggestions: tuple[Suggestion, ...] = ()
    notes: tuple[str, ...] = ()

    def findings(self) -> str:
        """Return what the file holds, one fact a line: texts, readings by annotator, labels by frame, notes."""
        steps = {(label.paragraph_id, label.kind, label.annotator, label.labelled_at) for label in self.labels.labels}
        by_annotator = Counter(sorted(annotator for _, _, annotator, _ in steps))
        frames = Counter(
            label.frame or "no frame" for label in self.labels.labels if label.value != "no" or not label.frame
        )
        facts = [
            f"format: {self.layout}",
            f"texts: {len(self.labels.paragraphs):,}",
            f"readings by annotator: {_counts(by_annotator) or 'none'}",
            f"labels by frame: {_counts(frames) or 'none'}",
            *([f"suggestions of models, which are no labels: {len(self.suggestions):,}"] if self.suggestions else []),
            *self.notes,
        ]
        return "\n".join(facts)

    def refusals(self, shown: int = _SHOWN) -> list[str]:
        """Return the place and reason of the first refused rows, and how many more there are."""
        lines = [f"{self.unit} {row.line}: {row.reason}" for row in self.refused[:shown]]
        more = len(self.refused) - shown
        return [*lines, f"and {more:,} more"] if more > 0 else lines


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name}: {number:,}" for name, number in counter.most_common())
