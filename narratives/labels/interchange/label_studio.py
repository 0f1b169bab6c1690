"""Converts labels to and from the tasks of Label Studio. Our own tasks come back as they were, column by column."""

from dataclasses import asdict
from typing import Any

from narratives.labels.interchange.objects import (
    LABEL_COLUMNS,
    NO_FRAME,
    Objects,
    choice_of,
    from_choice,
    label_in,
    list_in,
    object_in,
    paragraph_in,
    readings_of,
)
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet


def to_label_studio(labels: LabelSet) -> list[dict[str, Any]]:
    """Return Label Studio tasks: multiple ``Choices`` named ``frames`` over a ``Text`` named ``text``.

    A choice reads ``frame:voice``. The columns that Label Studio has no field for are in the ``meta`` of each result.
    """
    return [
        {
            "id": number,
            "data": asdict(paragraph),
            "annotations": [_annotation(reading) for reading in readings_of(labels, paragraph.paragraph_id)],
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
    for number, task in enumerate(tasks, 1):
        position = f"{where}: task {number}"
        data = object_in(task, "data", position)
        paragraph = paragraph_in(data, position)
        paragraphs.append(paragraph)
        for annotation in list_in(task, "annotations", position):
            if not annotation.get("was_cancelled"):
                labels += _from_annotation(paragraph.paragraph_id, annotation, (now, codebook_version), position)
    return LabelSet(tuple(paragraphs), tuple(labels))


def _annotation(reading: list[Label]) -> dict[str, Any]:
    first = reading[0]
    result = [
        {
            "from_name": "frames",
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [choice_of(label)]},
            "meta": {name: getattr(label, name) for name in LABEL_COLUMNS},
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
    for result in list_in(annotation, "result", where):
        meta = result.get("meta")  # of our own export: all columns of the label, where a choice has two
        if isinstance(meta, dict) and set(LABEL_COLUMNS) <= set(meta):
            labels.append(label_in(paragraph, meta, where))
        else:
            value = result.get("value")
            choices = value.get("choices", []) if isinstance(value, dict) else []
            labels += [from_choice(paragraph, str(choice), shared) for choice in choices]
    # An annotation without a choice is a reading that saw no frame, not an unread paragraph.
    return labels or [from_choice(paragraph, NO_FRAME, shared)]
