"""Arranges labels as readings: what each annotator said of each paragraph and frame, as arrays.

A *turn* is all labels of one annotator on one paragraph. A turn is *whole* if it includes a reading of the whole
codebook; other turns speak of single frames only.
"""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import Codebook
from narratives.labels.gold import UNKNOWN, gold
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet

Turn = list[Label]


@dataclass(frozen=True)
class Readings:
    """The readings of n paragraphs: values and voices are n × readers × k frames, UNKNOWN where a reader said nothing.

    The reader axis holds the order of turns (first, second, …), not people: the first reader of one paragraph may be
    the second of another. Whole turns come first, then by time.
    """

    frames: tuple[str, ...]
    languages: tuple[str, ...]
    values: NDArray[np.int8]
    voices: NDArray[np.int8]
    annotators: int = 0

    def take(self, rows: NDArray[np.bool_]) -> "Readings":
        """Return the readings of these paragraphs only; ``rows`` is a mask."""
        languages = tuple(np.array(self.languages)[rows].tolist())
        return replace(self, languages=languages, values=self.values[rows], voices=self.voices[rows])


def read_twice(labels: LabelSet, codebook: Codebook) -> Readings:
    """Return the readings of the paragraphs that two annotators or more read in full.

    An annotator's last word counts, *unsure* counts as missing, and a label of kind ``single`` speaks of its frame
    only. Decisions are not readings and are left out.
    """
    labels = labels.resolve_retired(codebook)
    turns = {paragraph: turns_of(own) for paragraph, own in labels.by_paragraph.items()}
    # Whole turns come first, so a whole second turn means that two annotators read everything.
    turns = {paragraph: each for paragraph, each in turns.items() if len(each) > 1 and is_whole(each[1])}
    paragraphs = [paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in turns]
    readers = range(max(map(len, turns.values()), default=2))
    columns = [_reader(paragraphs, turns, index, codebook) for index in readers]
    return Readings(
        codebook.ids,
        tuple(paragraph.language for paragraph in paragraphs),
        np.stack([values for values, _ in columns], axis=1),
        np.stack([voices for _, voices in columns], axis=1),
        len({turn[0].annotator for each in turns.values() for turn in each}),
    )


def values_by_annotator(labels: LabelSet, codebook: Codebook) -> dict[str, dict[str, NDArray[np.int8]]]:
    """Return the values of each annotator, by annotator and paragraph id, for the paragraphs they read in full."""
    own: dict[str, list[Label]] = defaultdict(list)
    for each in labels.resolve_retired(codebook).by_paragraph.values():
        for turn in filter(is_whole, turns_of(each)):
            own[turn[0].annotator] += turn
    return {name: _values_of_one(labels, rows, codebook) for name, rows in own.items()}


def turns_of(labels: list[Label]) -> list[Turn]:
    """Group the labels of one paragraph into turns, decisions left out: whole turns first, then by time."""
    turns: dict[str, Turn] = defaultdict(list)
    for label in labels:
        if label.kind != "decision":
            turns[label.annotator].append(label)
    return sorted(turns.values(), key=_order)


def is_whole(turn: Turn) -> bool:
    """Return whether a turn includes a reading of the whole codebook."""
    return any(label.kind == "reading" for label in turn)


def _order(turn: Turn) -> tuple[bool, str, str]:
    return not is_whole(turn), min(label.labelled_at for label in turn), turn[0].annotator


def _values_of_one(labels: LabelSet, own: list[Label], codebook: Codebook) -> dict[str, NDArray[np.int8]]:
    # With one annotator there is nothing to disagree about: gold is what that annotator said last.
    ids = {label.paragraph_id for label in own}
    paragraphs = tuple(paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in ids)
    values = gold(LabelSet(paragraphs, tuple(own)), codebook).values
    return {paragraph.paragraph_id: row for paragraph, row in zip(paragraphs, values, strict=True)}


def _reader(
    paragraphs: list[LabelledParagraph], turns: dict[str, list[Turn]], index: int, codebook: Codebook
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return values and voices, n × k, of the reader with this index; UNKNOWN where a paragraph has fewer readers."""
    present = np.array([len(turns[paragraph.paragraph_id]) > index for paragraph in paragraphs], dtype=bool)
    read = tuple(paragraph for paragraph, is_read in zip(paragraphs, present, strict=True) if is_read)
    own = [label for paragraph in read for label in turns[paragraph.paragraph_id][index]]
    truth = gold(LabelSet(read, tuple(own)), codebook)  # one annotator a paragraph: gold is that annotator's last word
    values, voices = np.full((2, len(paragraphs), len(codebook.ids)), UNKNOWN, dtype=np.int8)
    values[present], voices[present] = truth.values, truth.voices
    return values, voices
