"""Reads the records of Argilla, versions 1 and 2, and the instances of Potato: answers to questions, by question."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from narratives.labels.frame_names import FrameNames, names_of
from narratives.labels.interchange.intake import Columns, Given, Item, Suggestion
from narratives.labels.interchange.objects import Placed, Questions, find_questions, first_text, paragraph_in, text_key

_Answers = dict[tuple[str, str], dict[str, list[str]]]  # by annotator and time: names by question
_ONLY = "annotation"  # the one question of Argilla 1


class RecordReader:
    """Reads records; the question on frames is the one that ``columns`` names, else one that frames answer.

    Drafts and discarded answers are no readings. Raises UserError if a named question does not occur.
    """

    def __init__(self, lines: Sequence[Placed], where: str, unit: str, names: FrameNames, columns: Columns) -> None:
        self._where, self._unit, self._names = where, unit, names
        self._records = [(number, _texts_of(line), _answers_of(line), line) for number, line in lines]
        self._text = text_key(where, [texts for _, texts, _, _ in self._records], columns)
        chosen: dict[str, set[str]] = {}
        for _, _, answers, _ in self._records:
            for by_question in answers.values():
                for question, given in by_question.items():
                    chosen.setdefault(question, set()).update(given)
        self._questions: Questions = find_questions(chosen, names, columns, where)
        self._unread = 0

    def items(self) -> Iterator[Item]:
        """Yield the records. Raises UserError that names a malformed one."""
        for number, texts, answers, line in self._records:
            paragraph = paragraph_in({"text": texts.get(self._text)}, f"{self._where}: {self._unit} {number}")
            given = tuple(self._given(who, by_question) for who, by_question in answers.items())
            self._unread += not any(given)
            suggestions = tuple(_suggestions(line, paragraph.paragraph_id, self._names))
            yield Item(number, paragraph, tuple(filter(None, given)), suggestions=suggestions)

    def notes(self) -> list[str]:
        """Return a sentence on what was left out; complete once the items were read."""
        unread = "records have no submitted answer on frames: texts that nobody has read"
        return self._questions.notes() + ([f"{self._unread:,} {unread}"] if self._unread else [])

    def _given(self, who: tuple[str, str], answers: dict[str, list[str]]) -> Given | None:
        if not self._questions.frames & answers.keys():
            return None
        yes = [name for question in sorted(self._questions.frames & answers.keys()) for name in answers[question]]
        voices = [name for question in sorted(self._questions.voices & answers.keys()) for name in answers[question]]
        return Given(tuple(yes), voices=tuple(voices) if yes else (), annotator=who[0], at=who[1])


def _texts_of(line: dict[str, Any]) -> dict[str, Any]:
    for key in ("fields", "inputs"):
        if isinstance(line.get(key), dict):
            return dict(line[key])
    text = line.get("displayed_text", line.get("inputs"))
    return {"text": text} if isinstance(text, str) else line


def _answers_of(line: dict[str, Any]) -> _Answers:
    responses = line.get("responses")
    if isinstance(responses, dict):
        return _of_questions(responses)
    if isinstance(responses, list):
        return _of_users(responses)
    if isinstance(line.get("label_annotations"), dict):
        who = first_text(line, ("annotator", "user", "user_id", "username")), ""
        return {who: {schema: _ticked(labels) for schema, labels in line["label_annotations"].items()}}
    columns = {key.removesuffix(".responses"): value for key, value in line.items() if key.endswith(".responses")}
    if columns:
        return _of_columns(line, columns)
    return _of_annotation(line)


def _of_questions(responses: dict[str, Any]) -> _Answers:
    """Read ``{question: [{"value", "user_id", "status"}]}``."""
    answers: _Answers = {}
    for question, given in responses.items():
        for each in given if isinstance(given, list) else ():
            if isinstance(each, dict) and each.get("status", "submitted") == "submitted":
                who = str(each.get("user_id") or ""), ""
                answers.setdefault(who, {})[question] = names_of(each.get("value"))
    return answers


def _of_users(responses: Sequence[Any]) -> _Answers:
    """Read ``[{"user_id", "status", "values": {question: {"value"}}}]``."""
    answers: _Answers = {}
    for each in responses:
        if isinstance(each, dict) and each.get("status", "submitted") == "submitted":
            who = str(each.get("user_id") or ""), str(each.get("updated_at") or each.get("inserted_at") or "")
            for question, answer in (each.get("values") or {}).items():
                value = answer.get("value") if isinstance(answer, dict) else answer
                answers.setdefault(who, {})[question] = names_of(value)
    return answers


def _of_columns(line: dict[str, Any], columns: dict[str, Any]) -> _Answers:
    """Read the columns ``question.responses``, ``.responses.users`` and ``.responses.status`` of a flat record."""
    answers: _Answers = {}
    for question, values in columns.items():
        users = line.get(f"{question}.responses.users") or [""] * len(values or ())
        states = line.get(f"{question}.responses.status") or ["submitted"] * len(values or ())
        for value, user, state in zip(values or (), users, states, strict=False):
            if state == "submitted":
                answers.setdefault((str(user or ""), ""), {})[question] = names_of(value)
    return answers


def _of_annotation(line: dict[str, Any]) -> _Answers:
    """Read ``annotation`` and ``annotation_agent`` of version 1."""
    value = line.get("annotation")
    if value is None or line.get("status") == "Discarded":
        return {}
    return {(str(line.get("annotation_agent") or ""), str(line.get("event_timestamp") or "")): {_ONLY: names_of(value)}}


def _ticked(labels: Any) -> list[str]:
    if not isinstance(labels, dict):
        return names_of(labels)
    return [name for name, value in labels.items() if str(value).casefold() not in ("", "0", "false", "none", "null")]


def _suggestions(line: dict[str, Any], paragraph: str, names: FrameNames) -> Iterator[Suggestion]:
    """Yield what models predicted: ``suggestions`` by question in version 2, ``prediction`` in version 1."""
    given = line.get("suggestions")
    pairs = [
        (str(each.get("agent") or "Argilla"), names_of(each.get("value")))
        for each in (given.values() if isinstance(given, dict) else ())
        if isinstance(each, dict)
    ]
    if isinstance(line.get("prediction"), list):
        predicted = [each[0] if isinstance(each, list) else each for each in line["prediction"]]
        pairs.append((str(line.get("prediction_agent") or "Argilla"), names_of(predicted)))
    for model, predicted in pairs:
        choices = [choice for name in predicted if (choice := names.choice(name)) and choice[0]]
        if choices:
            frames = [{"frame": frame, "voice": voice} for frame, voice in choices]
            yield Suggestion(paragraph, model, json.dumps(frames, ensure_ascii=False))
