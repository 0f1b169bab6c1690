"""Arranges the labels of paragraphs that two annotators or more have read as arrays of readings."""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import Codebook
from narratives.labels.gold import UNKNOWN, gold
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet


@dataclass(frozen=True)
class Readings:
    """What the readers of n paragraphs said of k frames; n × readers × k, UNKNOWN where a reader said nothing.

    A reader is a place (first, second, …), not a person: those who read the whole codebook come first, by time.
    """

    frames: tuple[str, ...]
    languages: tuple[str, ...]
    values: NDArray[np.int8]
    voices: NDArray[np.int8]
    annotators: int = 0

    def take(self, rows: NDArray[np.bool_]) -> "Readings":
        """Return the readings of these paragraphs only."""
        languages = tuple(np.array(self.languages)[rows].tolist())
        return replace(self, languages=languages, values=self.values[rows], voices=self.voices[rows])


def read_twice(labels: LabelSet, codebook: Codebook) -> Readings:
    """Return the readings of the paragraphs that two annotators or more read wholly. Decisions are no readings.

    An annotator's last word counts, *unsure* is missing, and a label of kind ``single`` speaks of its frame only.
    """
    labels = labels.resolve_retired(codebook)
    turns = {paragraph: turns_of(said) for paragraph, said in labels.by_paragraph.items()}
    turns = {paragraph: said for paragraph, said in turns.items() if len(said) > 1 and is_whole(said[1])}
    kept = [paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in turns]
    places = range(max(map(len, turns.values()), default=2))
    heard = [_heard(kept, turns, place, codebook) for place in places]
    return Readings(
        codebook.ids,
        tuple(paragraph.language for paragraph in kept),
        np.stack([values for values, _ in heard], axis=1),
        np.stack([voices for _, voices in heard], axis=1),
        len({own[0].annotator for said in turns.values() for own in said}),
    )


def values_by_annotator(labels: LabelSet, codebook: Codebook) -> dict[str, dict[str, NDArray[np.int8]]]:
    """Return each annotator's values of the paragraphs that he or she read wholly, by annotator and paragraph id."""
    own: dict[str, list[Label]] = defaultdict(list)
    for said in labels.resolve_retired(codebook).by_paragraph.values():
        for turn in filter(is_whole, turns_of(said)):
            own[turn[0].annotator] += turn
    return {name: _values_of_one(labels, rows, codebook) for name, rows in own.items()}


def _values_of_one(labels: LabelSet, own: list[Label], codebook: Codebook) -> dict[str, NDArray[np.int8]]:
    """Return the values of one annotator: the gold of labels by one person is what that person said."""
    read = {label.paragraph_id for label in own}
    paragraphs = tuple(paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in read)
    values = gold(LabelSet(paragraphs, tuple(own)), codebook).values
    return {paragraph.paragraph_id: row for paragraph, row in zip(paragraphs, values, strict=True)}


def turns_of(said: list[Label]) -> list[list[Label]]:
    """Return the labels of each annotator of one paragraph: who read it wholly first, then by time."""
    own: dict[str, list[Label]] = defaultdict(list)
    for label in said:
        if label.kind != "decision":
            own[label.annotator].append(label)
    first = {name: min(label.labelled_at for label in rows) for name, rows in own.items()}
    return [own[name] for name in sorted(own, key=lambda name: (not is_whole(own[name]), first[name], name))]


def is_whole(own: list[Label]) -> bool:
    """Return whether one annotator's labels of one paragraph include a reading of the whole codebook."""
    return any(label.kind == "reading" for label in own)


def _heard(
    kept: list[LabelledParagraph], turns: dict[str, list[list[Label]]], place: int, codebook: Codebook
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the values and voices of the readers in one place; the gold of a sole reader is what that one said."""
    there = np.array([len(turns[paragraph.paragraph_id]) > place for paragraph in kept], dtype=bool)
    chosen = tuple(paragraph for paragraph, present in zip(kept, there, strict=True) if present)
    rows = [label for paragraph in chosen for label in turns[paragraph.paragraph_id][place]]
    said = gold(LabelSet(chosen, tuple(rows)), codebook)
    values, voices = np.full((2, len(kept), len(codebook.ids)), UNKNOWN, dtype=np.int8)
    values[there], voices[there] = said.values, said.voices
    return values, voices
