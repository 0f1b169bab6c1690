"""Converts labels to and from the lines of doccano. Our own lines come back as they were, column by column."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from narratives.errors import UserError
from narratives.labels.interchange.intake import Columns, Given, Item
from narratives.labels.interchange.objects import (
    EVENT_COLUMNS,
    Placed,
    choice_of,
    first_text,
    list_in,
    paragraph_in,
    readings_of,
    reason_of,
    reasons_in,
    text_in,
    text_key,
)
from narratives.labels.label_set import Label, LabelSet

_LISTS = ("value", "sure", "note")  # columns of labels that our own lines have as lists
_LABELS = ("label", "labels", "annotations", "entities")


def to_doccano(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield a doccano line for each reading: ``text``, ``label`` (``frame:voice``), and the other columns as metadata.

    A paragraph without a reading is a line without labels.
    """
    for paragraph in labels.paragraphs:
        readings = readings_of(labels, paragraph.paragraph_id)
        for reading in readings:
            choices = [choice_of(label) for label in reading if label.frame]
            shared = {name: getattr(reading[0], name) for name in EVENT_COLUMNS} | reason_of(labels, reading[0])
            columns = {name: [getattr(label, name) for label in reading] for name in ("value", "sure", "note")}
            yield {**asdict(paragraph), "label": choices, **shared, **columns}
        if not readings:
            yield {**asdict(paragraph), "label": []}


class LineReader:
    """Reads lines of any project: classes, spans, which count for the whole text, and annotations of older versions.

    A line without a label and without an annotator is a text that nobody has read.
    """

    def __init__(self, lines: Sequence[Placed], where: str, unit: str, columns: Columns) -> None:
        self._lines, self._where, self._unit, self._wanted = lines, where, unit, columns
        self._text = text_key(where, [line for _, line in lines], columns, ("text", "data"))
        self._key = columns.frames or next((key for key in _LABELS if any(key in line for _, line in lines)), "label")
        self._unread = 0

    def items(self) -> Iterator[Item]:
        """Yield the lines. Raises UserError that names a malformed line."""
        for number, line in self._lines:
            where = f"{self._where}: {self._unit} {number}"
            paragraph = paragraph_in({**line, "text": line.get(self._text)}, where)
            if "kind" in line and "value" in line:
                own = tuple(_own_labels(paragraph.paragraph_id, line, where))
                yield Item(number, paragraph, labels=own, reasons=reasons_in(own, [line], where))
                continue
            given = self._given(line, where)
            self._unread += not given
            yield Item(number, paragraph, given)

    def notes(self) -> list[str]:
        """Return a sentence on the lines that hold no reading; complete once the items were read."""
        sentence = "have no label and name no annotator: texts that nobody has read"
        return [f"{self._unread:,} {self._unit}s {sentence}"] if self._unread else []

    def _given(self, line: dict[str, Any], where: str) -> tuple[Given, ...]:
        labels = line.get(self._key)
        if self._key == "annotations":
            return _by_user(list_in(line, "annotations", where))
        annotator = first_text(line, (self._wanted.annotator, "annotator"))
        names = _names(labels)
        if not names and not annotator:
            return ()
        return (Given(names, annotator=annotator, at=first_text(line, ("labelled_at",))),)


def _names(labels: Any) -> tuple[str, ...]:
    """Return the names in a list of names, of [start, end, name], or of objects with ``label``; of a single name."""
    if labels is None or labels == "":
        return ()
    if not isinstance(labels, list):
        return tuple(part.strip() for part in str(labels).split("#"))
    return tuple(_name(label) for label in labels)


def _name(label: Any) -> str:
    if isinstance(label, dict):
        return str(label.get("label", label))
    return str(label[-1]) if isinstance(label, list) and label else str(label)


def _by_user(annotations: Sequence[Any]) -> tuple[Given, ...]:
    by_user: dict[str, list[str]] = {}
    for each in annotations:
        user = str(each.get("user") or each.get("annotator") or "") if isinstance(each, dict) else ""
        by_user.setdefault(user, []).append(_name(each))
    return tuple(Given(tuple(names), annotator=user) for user, names in by_user.items())


def _own_labels(paragraph: str, line: dict[str, Any], where: str) -> list[Label]:
    """Return the labels of a line that we wrote."""
    shared = {name: text_in(line, name, where) for name in EVENT_COLUMNS}
    choices = list_in(line, "label", where) or [""]  # an empty list is a reading without a frame
    columns = {name: list_in(line, name, where) for name in _LISTS}
    if any(len(column) != len(choices) for column in columns.values()):
        raise UserError(f"{where}: value, sure and note need one entry for each label; correct the line")
    rows = zip(choices, *columns.values(), strict=True)
    pairs = [(str(choice).partition(":"), values) for choice, *values in rows]
    return [
        Label(paragraph, frame.strip(), voice.strip(), **shared, **dict(zip(_LISTS, map(str, values), strict=True)))
        for (frame, _, voice), values in pairs
    ]
