"""Converts labels to and from the tasks of Label Studio. Our own tasks come back as they were, column by column."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from narratives.labels.frame_names import FrameNames, names_of
from narratives.labels.interchange.intake import Columns, Given, Item, Suggestion
from narratives.labels.interchange.objects import (
    FRAMES,
    LABEL_COLUMNS,
    choice_of,
    columns_of,
    find_questions,
    label_in,
    list_in,
    object_in,
    paragraph_in,
    readings_of,
    reasons_in,
    text_key,
)
from narratives.labels.label_set import Label, LabelSet, ReadingKey

_Object = dict[str, Any]


def to_label_studio(labels: LabelSet) -> list[dict[str, Any]]:
    """Return Label Studio tasks: multiple ``Choices`` named ``frames`` over a ``Text`` named ``text``.

    A choice reads ``frame:voice``. The columns that Label Studio has no field for are in the ``meta`` of each result.
    """
    return [
        {
            "id": number,
            "data": asdict(paragraph),
            "annotations": [_annotation(labels, reading) for reading in readings_of(labels, paragraph.paragraph_id)],
        }
        for number, paragraph in enumerate(labels.paragraphs, 1)
    ]


class TaskReader:
    """Reads the tasks of any project.

    Frames are in the control that ``columns`` names, else in ``frames``, else in those with a choice that is a frame;
    voices in the control that ``columns`` names, else in those all of whose choices are voices. Raises UserError if a
    named control does not occur, or the text of the tasks cannot be found.
    """

    def __init__(self, tasks: Sequence[_Object], where: str, names: FrameNames, columns: Columns) -> None:
        self._tasks, self._where, self._names, self._wanted = tasks, where, names, columns
        self._text = text_key(where, [task["data"] for task in tasks if isinstance(task.get("data"), dict)], columns)
        chosen = _choices_by_control(tasks)
        self._questions = find_questions(chosen, names, columns, where)
        self._unread: list[int] = []

    def items(self) -> Iterator[Item]:
        """Yield the tasks. Cancelled annotations are skipped. Raises UserError that names a malformed task."""
        for number, task in enumerate(self._tasks, 1):
            position = f"{self._where}: task {number}"
            data = object_in(task, "data", position)
            paragraph = paragraph_in({**data, "text": data.get(self._text)}, position)
            own, given = [], []
            reasons: dict[ReadingKey, str] = {}
            for annotation in _annotations(task, position):
                metas = _own_columns(annotation, position)
                labels = [label_in(paragraph.paragraph_id, meta, position) for meta in metas]
                own += labels
                reasons |= reasons_in(labels, metas, position)
                if not labels and (one := self._given(annotation, position)):
                    given.append(one)
                elif not labels:
                    self._unread.append(number)
            suggestions = tuple(self._suggestions(task, paragraph.paragraph_id, position))
            yield Item(number, paragraph, tuple(given), tuple(own), suggestions, reasons=reasons)

    def notes(self) -> list[str]:
        """Return a sentence on each kind of result that was left out; complete once the items were read."""
        notes = self._questions.notes()
        if self._unread:
            notes.append(
                f"{len(self._unread):,} annotations answer no question about frames and are no readings, the first in "
                f"task {self._unread[0]}; if they mean 'no frame', name the control of frames with --frames-column"
            )
        return notes

    def _given(self, annotation: _Object, where: str) -> Given | None:
        """Return what an annotation says; None where it has results, but none on frames."""
        results = list_in(annotation, "result", where)
        frames = [result for result in results if _control(result) in self._questions.frames and _is_choice(result)]
        if results and not frames and not self._wanted.frames:
            return None
        yes = tuple(name for result in frames for name in _names(result))
        voices = [name for result in results if _control(result) in self._questions.voices for name in _names(result)]
        comments = [text for result in results for text in _comment(result)]
        by = annotation.get("completed_by", "")
        return Given(
            yes,
            voices=tuple(voices) if yes else (),
            annotator=str(by.get("email") or by.get("id") or "") if isinstance(by, dict) else str(by or ""),
            at=str(annotation.get("updated_at") or annotation.get("created_at") or ""),
            note=" ".join(comments),
        )

    def _suggestions(self, task: _Object, paragraph: str, where: str) -> Iterator[Suggestion]:
        for prediction in list_in(task, "predictions", where):
            results = list_in(prediction, "result", where) if isinstance(prediction, dict) else []
            choices = [self._names.choice(name) for result in results for name in _names(result)]
            frames = [{"frame": choice[0], "voice": choice[1]} for choice in choices if choice and choice[0]]
            if frames:
                model = str(prediction.get("model_version") or "Label Studio")
                yield Suggestion(paragraph, model, json.dumps(frames, ensure_ascii=False))


def _annotations(task: _Object, where: str) -> list[_Object]:
    given = list_in(task, "annotations", where) or list_in(task, "completions", where)
    return [each for each in given if isinstance(each, dict) and not each.get("was_cancelled")]


def _own_columns(annotation: _Object, where: str) -> list[_Object]:
    """Return the columns of the labels in an annotation that we wrote: ``meta`` has all, where a choice has two."""
    metas = [result.get("meta") for result in list_in(annotation, "result", where) if isinstance(result, dict)]
    return [meta for meta in metas if isinstance(meta, dict) and set(LABEL_COLUMNS) <= set(meta)]


def _choices_by_control(tasks: Sequence[_Object]) -> dict[str, set[str]]:
    chosen: dict[str, set[str]] = {}
    for number, task in enumerate(tasks, 1):
        for annotation in _annotations(task, f"task {number}"):
            for result in filter(_is_choice, list_in(annotation, "result", f"task {number}")):
                chosen.setdefault(_control(result), set()).update(_names(result))
    return chosen


def _control(result: Any) -> str:
    return str(result.get("from_name", "")) if isinstance(result, dict) else ""


def _is_choice(result: Any) -> bool:
    value = result.get("value") if isinstance(result, dict) else None
    return isinstance(value, dict) and any(key in value for key in _choice_keys(result))


def _choice_keys(result: _Object) -> tuple[str, ...]:
    # A result keeps its names under its type: choices, labels, hypertextlabels, taxonomy.
    kind = str(result.get("type", ""))
    return ("choices", *([kind] if kind == "taxonomy" or kind.endswith("labels") else []))


def _names(result: Any) -> list[str]:
    """Return the names that a result chooses; of a path in a taxonomy, the last."""
    if not _is_choice(result):
        return []
    chosen = next(result["value"][key] for key in _choice_keys(result) if key in result["value"])
    if result.get("type") == "taxonomy":
        return [str(path[-1] if isinstance(path, list) and path else path) for path in chosen]
    return names_of(chosen)


def _comment(result: Any) -> list[str]:
    value = result.get("value") if isinstance(result, dict) and result.get("type") == "textarea" else None
    return names_of(value.get("text")) if isinstance(value, dict) else []


def _annotation(labels: LabelSet, reading: list[Label]) -> dict[str, Any]:
    first = reading[0]
    result = [
        {
            "from_name": FRAMES,
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [choice_of(label)]},
            "meta": columns_of(labels, label),
        }
        for label in reading
    ]
    return {"completed_by": {"email": first.annotator}, "created_at": first.labelled_at, "result": result}
