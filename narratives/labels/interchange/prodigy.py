"""Reads the examples of Prodigy and the categories of spaCy."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from narratives.labels.frame_names import names_of
from narratives.labels.interchange.intake import Columns, Given, Item, Suggestion
from narratives.labels.interchange.objects import Placed, first_text, paragraph_in, text_key


class ExampleReader:
    """Reads examples with choices, with one label to accept or reject, with spans, or with ``cats``.

    - A choice or spans that were accepted are a reading: what is not chosen is a no.
    - One label that was accepted or rejected says nothing of other frames, and so does each of ``cats``.
    - What was ignored, and a choice that was rejected, is no reading.
    """

    def __init__(self, lines: Sequence[Placed], where: str, unit: str, columns: Columns) -> None:
        self._lines, self._where, self._unit, self._wanted = lines, where, unit, columns
        self._text = text_key(where, [line for _, line in lines], columns)
        self._unread = 0

    def items(self) -> Iterator[Item]:
        """Yield the examples. Raises UserError that names a malformed one."""
        for number, line in self._lines:
            paragraph = paragraph_in({**line, "text": line.get(self._text)}, f"{self._where}: {self._unit} {number}")
            cats = line.get("cats")
            if isinstance(cats, dict) and not _are_labels(cats):
                yield Item(number, paragraph, suggestions=(_suggestion(paragraph.paragraph_id, cats),))
                continue
            given = self._of_cats(line, cats) if isinstance(cats, dict) else self._of_answer(line)
            self._unread += given is None
            yield Item(number, paragraph, (given,) if given else ())

    def notes(self) -> list[str]:
        """Return a sentence on the examples that hold no reading; complete once the items were read."""
        sentence = "were ignored, rejected without a label or never answered: texts that nobody has read"
        return [f"{self._unread:,} examples {sentence}"] if self._unread else []

    def _of_cats(self, line: dict[str, Any], cats: dict[str, Any]) -> Given:
        yes = tuple(name for name, value in cats.items() if value)
        no = tuple(name for name, value in cats.items() if not value)
        return Given(yes, no, whole=False, annotator=self._annotator(line), at=first_text(line, ("_timestamp",)))

    def _of_answer(self, line: dict[str, Any]) -> Given | None:
        answer, label = line.get("answer"), line.get("label")
        annotator, at = self._annotator(line), first_text(line, ("_timestamp",))
        if "accept" not in line and isinstance(label, str) and answer in ("accept", "reject"):
            yes, no = ((label,), ()) if answer == "accept" else ((), (label,))
            return Given(yes, no, whole=False, annotator=annotator, at=at)
        if answer != "accept":
            return None
        chosen = line["accept"] if "accept" in line else line.get("spans")
        return Given(tuple(names_of(chosen)), annotator=annotator, at=at)

    def _annotator(self, line: dict[str, Any]) -> str:
        return first_text(line, (self._wanted.annotator, "_annotator_id", "annotator", "_session_id"))


def _are_labels(cats: dict[str, Any]) -> bool:
    # A person says yes or no; what lies between is a model's probability.
    return all(value in (0, 1) for value in cats.values())


def _suggestion(paragraph: str, cats: dict[str, Any]) -> Suggestion:
    ordered = sorted(cats.items(), key=lambda pair: -float(pair[1]))
    frames = [{"frame": name, "voice": "", "probability": value} for name, value in ordered]
    return Suggestion(paragraph, "spaCy", json.dumps(frames, ensure_ascii=False))
