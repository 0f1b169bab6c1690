"""Converts labels to and from our own JSON objects, and reads the values of objects.

The pair of functions is lossless: every column of every label comes back as it was, annotator, time and note included.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from typing import Any

from narratives.errors import UserError
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

NO_FRAME = "no frame"
Objects = Iterable[dict[str, Any]]
LABEL_COLUMNS = tuple(field.name for field in fields(Label) if field.name != "paragraph_id")
PARAGRAPH_COLUMNS = tuple(field.name for field in fields(LabelledParagraph))
EVENT_COLUMNS = ("kind", "annotator", "labelled_at", "codebook_version")  # what the labels of one reading share


def to_objects(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield one object for each paragraph: its columns, and a list ``labels`` with the columns of each label."""
    for paragraph in labels.paragraphs:
        own = labels.by_paragraph.get(paragraph.paragraph_id, [])
        yield {**asdict(paragraph), "labels": [{name: getattr(label, name) for name in LABEL_COLUMNS} for label in own]}


def from_objects(objects: Objects, where: str) -> LabelSet:
    """Read what ``to_objects`` yields; an object without text holds labels of a paragraph that is stored elsewhere.

    Raises UserError that begins with ``where`` and the number of the object.
    """
    paragraphs, labels = [], []
    for number, item in enumerate(objects, 1):
        position = f"{where}: object {number}"
        paragraph = paragraph_in(item, position)
        paragraphs += [paragraph] if paragraph.text else []
        labels += [label_in(paragraph.paragraph_id, columns, position) for columns in list_in(item, "labels", position)]
    return LabelSet(tuple(paragraphs), tuple(labels))


def readings_of(labels: LabelSet, paragraph: str) -> list[list[Label]]:
    """Return the labels of a paragraph, one list for each reading, decision or single step."""
    readings: dict[tuple[str, ...], list[Label]] = {}
    for label in labels.by_paragraph.get(paragraph, []):
        readings.setdefault(tuple(getattr(label, name) for name in EVENT_COLUMNS), []).append(label)
    return list(readings.values())


def choice_of(label: Label) -> str:
    """Return a label as a choice, ``frame:voice`` or NO_FRAME."""
    if not label.frame:
        return NO_FRAME
    return f"{label.frame}:{label.voice}" if label.voice else label.frame


def from_choice(paragraph: str, choice: str, shared: dict[str, str]) -> Label:
    """Return the label that a choice stands for; ``shared`` are its other columns."""
    frame, _, voice = choice.partition(":")
    frame = "" if choice == NO_FRAME else frame.strip()
    value = "yes" if frame else "no"
    return Label(paragraph, frame, voice.strip(), value, sure="yes", note="", **shared)


def paragraph_in(item: dict[str, Any], where: str) -> LabelledParagraph:
    """Read the columns of a paragraph. Raises UserError that begins with ``where``, as all functions below do."""
    columns = {name: text_in(item, name, where) for name in PARAGRAPH_COLUMNS}
    text = columns["text"]
    if not (text or columns["paragraph_id"]):
        raise UserError(f"{where}: neither text nor paragraph_id; every paragraph needs one of them")
    return LabelledParagraph(
        paragraph_id(text) if text else columns["paragraph_id"],
        text,
        columns["language"] or language(text),
        columns["register"],
        columns["document"],
    )


def label_in(paragraph: str, columns: Any, where: str) -> Label:
    """Read the columns of a label."""
    if not isinstance(columns, dict):
        raise UserError(f"{where}: a label must be an object with {', '.join(LABEL_COLUMNS)}; correct it")
    missing = [name for name in LABEL_COLUMNS if not isinstance(columns.get(name), str)]
    if missing:
        raise UserError(f"{where}: a label lacks '{missing[0]}', which must be a text; add it")
    return Label(paragraph, **{name: columns[name] for name in LABEL_COLUMNS})


def object_in(item: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """Return the object under ``key``."""
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, dict):
        raise UserError(f"{where}: '{key}' must be an object; correct it")
    return value


def list_in(item: dict[str, Any], key: str, where: str) -> list[Any]:
    """Return the list under ``key``, empty if there is none."""
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UserError(f"{where}: '{key}' must be a list; correct it")
    return value


def text_in(item: dict[str, Any], key: str, where: str) -> str:
    """Return the text under ``key``, empty if there is none."""
    value = item.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError(f"{where}: '{key}' must be a text; correct it")
    return value
