"""Owns the layouts in which labels leave and come back: ours as JSON, Label Studio's, doccano's. Knows no file.

Each pair of functions is lossless: annotator, time, comment, voice and every other column come back as they were.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields, replace
from typing import Any

from narratives.errors import UserError
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

NO_FRAME = "no frame"
Objects = Iterable[dict[str, Any]]
_LABEL = tuple(field.name for field in fields(Label) if field.name != "paragraph_id")
_PARAGRAPH = tuple(field.name for field in fields(LabelledParagraph))
_EVENT = ("kind", "annotator", "labelled_at", "codebook_version")  # what one reading's labels share


def to_objects(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield an object a paragraph: its columns, and under ``labels`` those of each label."""
    for paragraph in labels.paragraphs:
        said = labels.by_paragraph.get(paragraph.paragraph_id, [])
        yield {**asdict(paragraph), "labels": [{name: getattr(label, name) for name in _LABEL} for label in said]}


def from_objects(objects: Objects, where: str) -> LabelSet:
    """Read what ``to_objects`` wrote; an object without text is labels of a paragraph known elsewhere."""
    paragraphs, labels = [], []
    for number, found in enumerate(objects, 1):
        place = f"{where}: object {number}"
        mine = _paragraph(found, place)
        paragraphs += [mine] if mine.text else []
        labels += [_label(mine.paragraph_id, said, place) for said in _list(found, "labels", place)]
    return LabelSet(tuple(paragraphs), tuple(labels))


def to_label_studio(labels: LabelSet) -> list[dict[str, Any]]:
    """Return tasks of Label Studio with a multiple ``Choices`` named ``frames`` over a ``Text`` named ``text``.

    A choice reads ``frame:voice``; what Label Studio has no place for stands in the ``meta`` of the result.
    """
    return [
        {
            "id": number,
            "data": asdict(paragraph),
            "annotations": [_annotation(said) for said in _readings(labels, mine)],
        }
        for number, paragraph in enumerate(labels.paragraphs, 1)
        for mine in [paragraph.paragraph_id]
    ]


def from_label_studio(tasks: Objects, where: str, now: str, codebook_version: str) -> LabelSet:
    """Read tasks of Label Studio, ours or anybody's whose choices are ``frame`` or ``frame:voice``.

    Cancelled annotations are left out; ``now`` and ``codebook_version`` fill in for what an annotation does not say.
    """
    paragraphs: list[LabelledParagraph] = []
    labels: list[Label] = []
    for number, task in enumerate(tasks, 1):
        place = f"{where}: task {number}"
        data = _object(task, "data", place)
        mine = _paragraph(data, place)
        paragraphs.append(mine)
        for annotation in _list(task, "annotations", place):
            if not annotation.get("was_cancelled"):
                labels += _from_annotation(mine.paragraph_id, annotation, (now, codebook_version), place)
    return LabelSet(tuple(paragraphs), tuple(labels))


def to_doccano(labels: LabelSet) -> Iterator[dict[str, Any]]:
    """Yield a line of doccano for each reading: ``text``, ``label`` (``frame:voice``), the rest as its metadata."""
    for paragraph in labels.paragraphs:
        readings = _readings(labels, paragraph.paragraph_id)
        for said in readings:
            shared = {name: getattr(said[0], name) for name in _EVENT}
            columns = {name: [getattr(label, name) for label in said] for name in ("value", "sure", "note")}
            yield {**asdict(paragraph), "label": [_choice(label) for label in said if label.frame], **shared, **columns}
        if not readings:
            yield {**asdict(paragraph), "label": []}


def from_doccano(lines: Objects, where: str, annotator: str, now: str, codebook_version: str) -> LabelSet:
    """Read lines of doccano, ours or anybody's; ``annotator`` and the rest fill in for what a line does not say.

    A line without labels and without an annotator of its own is a paragraph that nobody has read.
    """
    paragraphs: dict[str, LabelledParagraph] = {}
    labels: list[Label] = []
    fallback = {"kind": "reading", "annotator": annotator, "labelled_at": now, "codebook_version": codebook_version}
    for number, line in enumerate(lines, 1):
        place = f"{where}: line {number}"
        mine = _paragraph({**line, "text": line.get("text", line.get("data", ""))}, place)
        paragraphs[mine.paragraph_id] = mine
        shared = {name: _text(line, name, place) or fallback[name] for name in _EVENT}
        choices = _list(line, "label", place)
        if choices or line.get("annotator"):
            labels += _from_choices(mine.paragraph_id, choices, shared, line, place)
    return LabelSet(tuple(paragraphs.values()), tuple(labels))


def _readings(labels: LabelSet, paragraph: str) -> list[list[Label]]:
    readings: dict[tuple[str, ...], list[Label]] = {}
    for label in labels.by_paragraph.get(paragraph, []):
        readings.setdefault(tuple(getattr(label, name) for name in _EVENT), []).append(label)
    return list(readings.values())


def _annotation(said: list[Label]) -> dict[str, Any]:
    first = said[0]
    result = [
        {
            "from_name": "frames",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [_choice(label)]},
            "meta": {name: getattr(label, name) for name in _LABEL},
        }
        for label in said
    ]
    return {"completed_by": {"email": first.annotator}, "created_at": first.labelled_at, "result": result}


def _from_annotation(
    paragraph: str, annotation: dict[str, Any], fallback: tuple[str, str], place: str
) -> Iterator[Label]:
    by = annotation.get("completed_by", "")
    name = str(by.get("email") or by.get("id") or "") if isinstance(by, dict) else str(by)
    at = str(annotation.get("updated_at") or annotation.get("created_at") or fallback[0])
    shared = {"kind": "reading", "annotator": name, "labelled_at": at, "codebook_version": fallback[1]}
    found: list[Label] = []
    for result in _list(annotation, "result", place):
        meta = result.get("meta")
        if isinstance(meta, dict) and set(_LABEL) <= set(meta):
            found.append(_label(paragraph, meta, place))
        else:
            value = result.get("value")
            choices = value.get("choices", []) if isinstance(value, dict) else []
            found += [_from_choice(paragraph, str(choice), shared) for choice in choices]
    yield from found or [_from_choice(paragraph, NO_FRAME, shared)]


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
    paragraph: str, choices: list[Any], shared: dict[str, str], line: dict[str, Any], place: str
) -> list[Label]:
    labels = [_from_choice(paragraph, str(choice), shared) for choice in choices or [NO_FRAME]]
    columns = {name: _list(line, name, place) for name in ("value", "sure", "note") if name in line}
    if any(len(column) != len(labels) for column in columns.values()):
        raise UserError(f"{place}: value, sure and note need an entry a label; correct the line")
    return [
        replace(label, **{name: str(column[number]) for name, column in columns.items()})
        for number, label in enumerate(labels)
    ]


def _paragraph(found: dict[str, Any], place: str) -> LabelledParagraph:
    columns = {name: _text(found, name, place) for name in _PARAGRAPH}
    text = columns["text"]
    if not (text or columns["paragraph_id"]):
        raise UserError(f"{place}: neither text nor paragraph_id; a paragraph needs one of them")
    return LabelledParagraph(
        paragraph_id(text) if text else columns["paragraph_id"],
        text,
        columns["language"] or language(text),
        columns["register"],
        columns["document"],
    )


def _label(paragraph: str, said: Any, place: str) -> Label:
    if not isinstance(said, dict):
        raise UserError(f"{place}: a label is an object with {', '.join(_LABEL)}")
    missing = [name for name in _LABEL if not isinstance(said.get(name), str)]
    if missing:
        raise UserError(f"{place}: a label lacks '{missing[0]}', which must be a text")
    return Label(paragraph, **{name: said[name] for name in _LABEL})


def _object(found: dict[str, Any], key: str, place: str) -> dict[str, Any]:
    value = found.get(key) if isinstance(found, dict) else None
    if not isinstance(value, dict):
        raise UserError(f"{place}: '{key}' must be an object")
    return value


def _list(found: dict[str, Any], key: str, place: str) -> list[Any]:
    value = found.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise UserError(f"{place}: '{key}' must be a list")
    return value


def _text(found: dict[str, Any], key: str, place: str) -> str:
    value = found.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise UserError(f"{place}: '{key}' must be a text")
    return value
