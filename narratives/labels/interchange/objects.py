"""Converts labels to and from our own JSON objects, and reads the values of objects.

The pair of functions is lossless: every column of every label comes back as it was, annotator, time and note included.
So does why the paragraph was shown, as a key ``reason`` that is left out where nobody knows.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.labels.frame_names import FrameNames
from narratives.labels.interchange.intake import Columns, Item
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet, ReadingKey, reading_key
from narratives.tables.columns import choose_text_column, listed
from narratives.tables.readers.jsonl import text_cells
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

NO_FRAME = "no frame"
PARQUET = Path("data") / "train-00000-of-00001.parquet"
FRAMES = "frames"  # the question that our own export asks
Objects = Iterable[dict[str, Any]]
Placed = tuple[int, dict[str, Any]]  # an object and its place in the file
LABEL_COLUMNS = tuple(field.name for field in fields(Label) if field.name != "paragraph_id")
PARAGRAPH_COLUMNS = tuple(field.name for field in fields(LabelledParagraph))
_LANGUAGES = dict.fromkeys(("en", "eng", "english", "англійська", "английский"), "en")
_LANGUAGES |= dict.fromkeys(("uk", "ukr", "ua", "ukrainian", "українська", "украинский"), "uk")
_LANGUAGES |= dict.fromkeys(("ru", "rus", "russian", "російська", "русский"), "ru")
EVENT_COLUMNS = ReadingKey._fields[1:]  # what the labels of one reading share
_REASON = "reason"


def to_objects(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield one object for each paragraph: its columns, and a list ``labels`` with the columns of each label."""
    for paragraph in labels.paragraphs:
        own = labels.by_paragraph.get(paragraph.paragraph_id, [])
        yield {**asdict(paragraph), "labels": [columns_of(labels, label) for label in own]}


def object_items(objects: Objects, where: str) -> Iterator[Item]:
    """Read what ``to_objects`` yields; an object without text holds labels of a paragraph that is stored elsewhere.

    Raises UserError that begins with ``where`` and the number of the object.
    """
    for number, item in enumerate(objects, 1):
        position = f"{where}: object {number}"
        paragraph = paragraph_in(item, position)
        columns = list_in(item, "labels", position)
        own = tuple(label_in(paragraph.paragraph_id, each, position) for each in columns)
        yield Item(number, paragraph, labels=own, reasons=reasons_in(own, columns, position))


def readings_of(labels: LabelSet, paragraph: str) -> list[list[Label]]:
    """Return the labels of a paragraph, one list for each reading, decision or single step."""
    readings: dict[ReadingKey, list[Label]] = {}
    for label in labels.by_paragraph.get(paragraph, []):
        readings.setdefault(reading_key(label), []).append(label)
    return list(readings.values())


def columns_of(labels: LabelSet, label: Label) -> dict[str, str]:
    """Return the columns of a label, with why its paragraph was shown."""
    return {name: getattr(label, name) for name in LABEL_COLUMNS} | reason_of(labels, label)


def reason_of(labels: LabelSet, label: Label) -> dict[str, str]:
    """Return why the paragraph of a label was shown, under its key; empty where nobody knows."""
    reason = labels.reasons.get(reading_key(label), "")
    return {_REASON: reason} if reason else {}


def reasons_in(labels: Iterable[Label], columns: Iterable[dict[str, Any]], where: str) -> dict[ReadingKey, str]:
    """Return the reasons that the columns of these labels hold, by reading. Raises UserError with ``where``."""
    found = [(reading_key(label), text_in(own, _REASON, where)) for label, own in zip(labels, columns, strict=False)]
    return {key: reason for key, reason in found if reason}


def choice_of(label: Label) -> str:
    """Return a label as a choice, ``frame:voice`` or NO_FRAME."""
    if not label.frame:
        return NO_FRAME
    return f"{label.frame}:{label.voice}" if label.voice else label.frame


def paragraph_in(item: dict[str, Any], where: str) -> LabelledParagraph:
    """Read the columns of a paragraph. Raises UserError that begins with ``where``, as all functions below do."""
    columns = {name: text_in(item, name, where) for name in PARAGRAPH_COLUMNS}
    text = columns["text"]
    if not (text or columns["paragraph_id"]):
        raise UserError(f"{where}: neither text nor paragraph_id; every paragraph needs one of them")
    return LabelledParagraph(
        paragraph_id(text) if text else columns["paragraph_id"],
        text,
        label_language(columns["language"], text),
        columns["register"],
        columns["document"],
    )


@dataclass(frozen=True)
class Questions:
    """The questions that people answered, by what they ask: for frames, for voices, or for something else."""

    frames: frozenset[str]
    voices: frozenset[str]
    others: frozenset[str]

    def notes(self) -> list[str]:
        """Return a sentence on what is left out."""
        return [f"left out, because they name no frames: {listed(sorted(self.others))}"] if self.others else []


def find_questions(chosen: Mapping[str, set[str]], names: FrameNames, columns: Columns, where: str) -> Questions:
    """Sort questions by what they ask; ``chosen`` holds the names that answered each.

    Frames are in the question that ``columns`` names, else in ``frames``, else in those that a frame answered; voices
    in the question that ``columns`` names, else in those that only voices answered. Raises UserError if a named
    question does not occur.
    """
    for wanted in filter(None, (columns.frames, columns.voices)):
        if wanted not in chosen:
            raise UserError(f"{where}: nothing is answered under '{wanted}'; there is {listed(sorted(chosen))}")
    voices = {key for key, given in chosen.items() if given and all(names.voice(name) for name in given)}
    voices = {columns.voices} if columns.voices else voices - {columns.frames}
    asked = chosen.keys() - voices
    known = {key for key in asked if any(map(names.names_frame, chosen[key]))}
    frames = {columns.frames} if columns.frames else {FRAMES} & asked or known or asked
    return Questions(frozenset(frames), frozenset(voices), frozenset(asked - frames))


def first_text(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return the first value under one of ``keys`` that is not empty, as text."""
    return next((str(item[key]) for key in keys if key and item.get(key) not in (None, "")), "")


def text_key(where: str, objects: Sequence[dict[str, Any]], columns: Columns, also: Sequence[str] = ()) -> str:
    """Return the key of the text: the first of ``also`` that occurs, else as in a table of these objects.

    Raises UserError that begins with ``where`` if no key or several could hold it.
    """
    keys = tuple(dict.fromkeys(key for item in objects for key in item))
    known = next((key for key in (*also, "text") if key in keys), "text" if not keys or "paragraph_id" in keys else "")
    if known and columns.text is None:
        return known
    return choose_text_column(where, keys, text_cells(objects, keys), columns.text)


def label_language(given: str, text: str) -> str:
    """Return the language of a label file for a name, code or region (English, EN, ru-RU); without one, guess it.

    What is none of the languages of labels is ``other``.
    """
    words = re.findall(r"\w+", given.casefold().replace("_", "-"))
    return _LANGUAGES.get(words[0], "other") if words else language(text)


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
