"""Converts labels to and from objects: our own JSON, Label Studio's tasks and doccano's lines. Reads no file.

Each pair of functions is lossless: every column of every label comes back as it was, annotator, time and note included.
So does why the paragraph was shown, as a key ``reason`` that is left out where nobody knows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from narratives.errors import UserError
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet, ReadingKey, reading_key
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

NO_FRAME = "no frame"
Objects = Iterable[dict[str, Any]]
_LABEL = tuple(field.name for field in fields(Label) if field.name != "paragraph_id")
_PARAGRAPH = tuple(field.name for field in fields(LabelledParagraph))
_EVENT = ReadingKey._fields[1:]  # what the labels of one reading share
_REASON = "reason"


def to_objects(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield one object for each paragraph: its columns, and a list ``labels`` with the columns of each label."""
    for paragraph in labels.paragraphs:
        own = labels.by_paragraph.get(paragraph.paragraph_id, [])
        yield {**asdict(paragraph), "labels": [_columns(labels, label) for label in own]}


def from_objects(objects: Objects, where: str) -> LabelSet:
    """Read what ``to_objects`` yields; an object without text holds labels of a paragraph that is stored elsewhere.

    Raises UserError that begins with ``where`` and the number of the object.
    """
    paragraphs: list[LabelledParagraph] = []
    labels: list[Label] = []
    reasons: dict[ReadingKey, str] = {}
    for number, item in enumerate(objects, 1):
        position = f"{where}: object {number}"
        paragraph = _paragraph(item, position)
        paragraphs += [paragraph] if paragraph.text else []
        given = _list(item, "labels", position)
        own = [_label(paragraph.paragraph_id, columns, position) for columns in given]
        labels += own
        reasons |= _reasons(own, given, position)
    return LabelSet(tuple(paragraphs), tuple(labels), reasons)


def to_label_studio(labels: LabelSet) -> list[dict[str, Any]]:
    """Return Label Studio tasks: multiple ``Choices`` named ``frames`` over a ``Text`` named ``text``.

    A choice reads ``frame:voice``. The columns that Label Studio has no field for are in the ``meta`` of each result.
    """
    return [
        {
            "id": number,
            "data": asdict(paragraph),
            "annotations": [_annotation(labels, reading) for reading in _readings(labels, paragraph.paragraph_id)],
        }
        for number, paragraph in enumerate(labels.paragraphs, 1)
    ]


def from_label_studio(tasks: Objects, where: str, now: str, codebook_version: str) -> LabelSet:
    """Read tasks of any Label Studio project whose choices are ``frame`` or ``frame:voice``.

    Cancelled annotations are skipped. ``now`` and ``codebook_version`` are used where an annotation names none.
    Raises UserError that begins with ``where`` and the number of the task.
    """
    paragraphs: list[LabelledParagraph] = []
    labels: list[Label] = []
    reasons: dict[ReadingKey, str] = {}
    for number, task in enumerate(tasks, 1):
        position = f"{where}: task {number}"
        data = _object(task, "data", position)
        paragraph = _paragraph(data, position)
        paragraphs.append(paragraph)
        for annotation in _list(task, "annotations", position):
            if annotation.get("was_cancelled"):
                continue
            own = _from_annotation(paragraph.paragraph_id, annotation, (now, codebook_version), position)
            labels += own
            reasons |= _reasons(own, map(_own_columns, _list(annotation, "result", position)), position)
    return LabelSet(tuple(paragraphs), tuple(labels), reasons)


def to_doccano(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield a doccano line for each reading: ``text``, ``label`` (``frame:voice``), and the other columns as metadata.

    A paragraph without a reading is a line without labels.
    """
    for paragraph in labels.paragraphs:
        readings = _readings(labels, paragraph.paragraph_id)
        for reading in readings:
            choices = [_choice(label) for label in reading if label.frame]
            shared = {name: getattr(reading[0], name) for name in _EVENT} | _reason(labels, reading[0])
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
    reasons: dict[ReadingKey, str] = {}
    fallback = {"kind": "reading", "annotator": annotator, "labelled_at": now, "codebook_version": codebook_version}
    for number, line in enumerate(lines, 1):
        position = f"{where}: line {number}"
        paragraph = _paragraph({**line, "text": line.get("text", line.get("data", ""))}, position)
        paragraphs[paragraph.paragraph_id] = paragraph
        shared = {name: _text(line, name, position) or fallback[name] for name in _EVENT}
        choices = _list(line, "label", position)
        if choices or line.get("annotator"):
            own = _from_choices(paragraph.paragraph_id, choices, shared, line, position)
            labels += own
            reasons |= _reasons(own, [line], position)
    return LabelSet(tuple(paragraphs.values()), tuple(labels), reasons)


def _readings(labels: LabelSet, paragraph: str) -> list[list[Label]]:
    readings: dict[tuple[str, ...], list[Label]] = {}
    for label in labels.by_paragraph.get(paragraph, []):
        readings.setdefault(tuple(getattr(label, name) for name in _EVENT), []).append(label)
    return list(readings.values())


def _columns(labels: LabelSet, label: Label) -> dict[str, str]:
    return {name: getattr(label, name) for name in _LABEL} | _reason(labels, label)


def _reason(labels: LabelSet, label: Label) -> dict[str, str]:
    reason = labels.reasons.get(reading_key(label), "")
    return {_REASON: reason} if reason else {}


def _reasons(labels: Iterable[Label], columns: Iterable[dict[str, Any]], where: str) -> dict[ReadingKey, str]:
    """Return the reasons that the columns of these labels hold, by reading."""
    found = [(reading_key(label), _text(own, _REASON, where)) for label, own in zip(labels, columns, strict=False)]
    return {key: reason for key, reason in found if reason}


def _annotation(labels: LabelSet, reading: list[Label]) -> dict[str, Any]:
    first = reading[0]
    result = [
        {
            "from_name": "frames",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [_choice(label)]},
            "meta": _columns(labels, label),
        }
        for label in reading
    ]
    return {"completed_by": {"email": first.annotator}, "created_at": first.labelled_at, "result": result}


def _from_annotation(paragraph: str, annotation: dict[str, Any], fallback: tuple[str, str], where: str) -> list[Label]:
    by = annotation.get("completed_by", "")
    name = str(by.get("email") or by.get("id") or "") if isinstance(by, dict) else str(by)
    at = str(annotation.get("updated_at") or annotation.get("created_at") or fallback[0])
    shared = {"kind": "reading", "annotator": name, "labelled_at": at, "codebook_version": fallback[1]}
    labels: list[Label] = []
    for result in _list(annotation, "result", where):
        columns = _own_columns(result)
        if columns:
            labels.append(_label(paragraph, columns, where))
        else:
            value = result.get("value")
            choices = value.get("choices", []) if isinstance(value, dict) else []
            labels += [_from_choice(paragraph, str(choice), shared) for choice in choices]
    # An annotation without a choice is a reading that saw no frame, not an unread paragraph.
    return labels or [_from_choice(paragraph, NO_FRAME, shared)]


def _own_columns(result: dict[str, Any]) -> dict[str, Any]:
    """Return what our own export put beside a choice: all columns of the label; empty for a result of others."""
    meta = result.get("meta")
    return meta if isinstance(meta, dict) and set(_LABEL) <= set(meta) else {}


def _choice(label: Label) -> str:
    if not label.frame:
        return NO_FRAME
    return f"{label.frame}:{label.voice}" if label.voice else label.frame


def _from_choice(paragraph: str, choice: str, shared: dict[str, str]) -> Label:
    frame, _, voice = choice.partition(":")
    frame = "" if choice == NO_FRAME else frame.strip()
    value = "yes" if frame else "no"
    return Label(paragraph, frame, voice.strip(), value, sure="yes", note="", **shared)


def _from_choices(
    paragraph: str, choices: list[Any], shared: dict[str, str], line: dict[str, Any], where: str
) -> list[Label]:
    labels = [_from_choice(paragraph, str(choice), shared) for choice in choices or [NO_FRAME]]
    columns = {name: _list(line, name, where) for name in ("value", "sure", "note") if name in line}
    if any(len(column) != len(labels) for column in columns.values()):
        raise UserError(f"{where}: value, sure and note need one entry for each label; correct the line")
    return [
        replace(label, **{name: str(column[index]) for name, column in columns.items()})
        for index, label in enumerate(labels)
    ]


def _paragraph(item: dict[str, Any], where: str) -> LabelledParagraph:
    columns = {name: _text(item, name, where) for name in _PARAGRAPH}
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


def _label(paragraph: str, columns: Any, where: str) -> Label:
    if not isinstance(columns, dict):
        raise UserError(f"{where}: a label must be an object with {', '.join(_LABEL)}; correct it")
    missing = [name for name in _LABEL if not isinstance(columns.get(name), str)]
    if missing:
        raise UserError(f"{where}: a label lacks '{missing[0]}', which must be a text; add it")
    return Label(paragraph, **{name: columns[name] for name in _LABEL})


def _object(item: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, dict):
        raise UserError(f"{where}: '{key}' must be an object; correct it")
    return value


def _list(item: dict[str, Any], key: str, where: str) -> list[Any]:
    value = item.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UserError(f"{where}: '{key}' must be a list; correct it")
    return value


def _text(item: dict[str, Any], key: str, where: str) -> str:
    value = item.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError(f"{where}: '{key}' must be a text; correct it")
    return value
