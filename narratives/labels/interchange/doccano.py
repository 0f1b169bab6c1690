"""Converts labels to and from the lines of doccano. Our own lines come back as they were, column by column."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from narratives.errors import UserError
from narratives.labels.interchange.objects import (
    EVENT_COLUMNS,
    NO_FRAME,
    Objects,
    choice_of,
    from_choice,
    list_in,
    paragraph_in,
    readings_of,
    text_in,
)
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet


def to_doccano(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield a doccano line for each reading: ``text``, ``label`` (``frame:voice``), and the other columns as metadata.

    A paragraph without a reading is a line without labels.
    """
    for paragraph in labels.paragraphs:
        readings = readings_of(labels, paragraph.paragraph_id)
        for reading in readings:
            choices = [choice_of(label) for label in reading if label.frame]
            shared = {name: getattr(reading[0], name) for name in EVENT_COLUMNS}
            columns = {name: [getattr(label, name) for label in reading] for name in ("value", "sure", "note")}
            yield {**asdict(paragraph), "label": choices, **shared, **columns}
        if not readings:
            yield {**asdict(paragraph), "label": []}


def from_doccano(lines: Objects, where: str, annotator: str, now: str, codebook_version: str) -> LabelSet:
    """Read doccano lines. ``annotator``, ``now`` and ``codebook_version`` are used where a line names none.

    A line that has neither labels nor an annotator is a paragraph that nobody has read. Raises UserError that begins
    with ``where`` and the number of the line.
    """
    paragraphs: dict[str, LabelledParagraph] = {}
    labels: list[Label] = []
    fallback = {"kind": "reading", "annotator": annotator, "labelled_at": now, "codebook_version": codebook_version}
    for number, line in enumerate(lines, 1):
        position = f"{where}: line {number}"
        paragraph = paragraph_in({**line, "text": line.get("text", line.get("data", ""))}, position)
        paragraphs[paragraph.paragraph_id] = paragraph
        shared = {name: text_in(line, name, position) or fallback[name] for name in EVENT_COLUMNS}
        choices = list_in(line, "label", position)
        if choices or line.get("annotator"):
            labels += _from_choices(paragraph.paragraph_id, choices, shared, line, position)
    return LabelSet(tuple(paragraphs.values()), tuple(labels))


def _from_choices(
    paragraph: str, choices: list[Any], shared: dict[str, str], line: dict[str, Any], where: str
) -> list[Label]:
    labels = [from_choice(paragraph, str(choice), shared) for choice in choices or [NO_FRAME]]
    columns = {name: list_in(line, name, where) for name in ("value", "sure", "note") if name in line}
    if any(len(column) != len(labels) for column in columns.values()):
        raise UserError(f"{where}: value, sure and note need one entry for each label; correct the line")
    return [
        replace(label, **{name: str(column[index]) for name, column in columns.items()})
        for index, label in enumerate(labels)
    ]
