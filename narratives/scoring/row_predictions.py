"""Owns what is said of a row: from the predictions on its paragraphs to frames, voices and probabilities.

Knows no file. Stands above classifier, beside modelfile (floor 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES
from narratives.model.classifier import Classifier, Predictions
from narratives.text.paragraphs import split
from narratives.text.spans import spans_of

if TYPE_CHECKING:
    from narratives.kernel.kernel import Kernel


@dataclass(frozen=True)
class RowPredictions:
    """What is said of m output rows. ``places`` is the number of the input text that each belongs to.

    ``frames``, ``voices`` and ``human`` are joined by ``;``. ``paragraphs`` counts from 0 within a text; it and
    ``texts`` are empty unless each paragraph has a row. ``probabilities`` is m × k, ``counts`` how often each of the
    k frames was predicted.
    """

    places: list[int]
    paragraphs: list[int]
    texts: list[str]
    frames: list[str]
    voices: list[str]
    human: list[str]
    probabilities: NDArray[np.float64]
    counts: NDArray[np.int64]


def predict_rows(reader: "Classifier | Kernel", texts: Sequence[str], by_paragraph: bool) -> RowPredictions:
    """Split texts into paragraphs, predict, and say what holds for each text or, ``by_paragraph``, for each paragraph.

    A text without words is one empty paragraph and has no frame.
    """
    found, flat, lengths = read(reader, texts)
    if by_paragraph:
        places = np.repeat(np.arange(len(texts)), lengths).tolist()
        numbers = [number for length in lengths for number in range(length)]
        return _verdicts(reader.frames, found, places, numbers, list(flat))
    return _verdicts(reader.frames, max_pool_paragraphs(found, lengths), list(range(len(texts))), [], [])


def read(
    reader: "Classifier | Kernel", texts: Sequence[str]
) -> tuple[Predictions, Sequence[str], Sequence[int] | NDArray[np.int64]]:
    """Return what is found in each paragraph of ``texts``, the paragraphs, and how many each text has."""
    if hasattr(reader, "read"):
        return reader.read(spans_of(texts))
    pieces = [[paragraph.text for paragraph in split(text)] or [""] for text in texts]
    flat = [piece for paragraphs in pieces for piece in paragraphs]
    lengths = [len(paragraphs) for paragraphs in pieces]
    found = _without_empty(_predict(reader, flat, np.repeat(np.arange(len(texts)), lengths)), flat)
    return found, flat, lengths


def _predict(classifier: Classifier, texts: list[str], documents: NDArray[np.int64]) -> Predictions:
    if texts:
        return classifier.predict_texts(texts, documents)
    nothing = np.zeros((0, len(classifier.frames)))
    return Predictions(nothing, nothing.astype(bool), nothing.astype(bool), nothing.astype(np.int8))


def _without_empty(found: Predictions, texts: Sequence[str]) -> Predictions:
    filled = np.array([bool(text) for text in texts], dtype=bool)[:, None]
    voices = np.where(filled, found.voices, -1).astype(np.int8)
    return Predictions(found.probabilities, found.predicted & filled, found.human & filled, voices)


def max_pool_paragraphs(found: Predictions, lengths: Sequence[int] | NDArray[np.int64]) -> Predictions:
    """Bring predictions on paragraphs together for texts of ``lengths`` paragraphs (1 or more each).

    The probability is the highest, a frame is predicted if it is in some paragraph, its voice is that of the most
    probable paragraph with it; it is left for a person where it is so in the most probable paragraph of all.
    """
    if len(lengths) == len(found.probabilities):
        return found
    ends = np.cumsum(lengths, dtype=np.intp)
    starts: NDArray[np.intp] = ends - np.array(lengths, dtype=np.intp)
    rows = Predictions(found.probabilities[starts], found.predicted[starts], found.human[starts], found.voices[starts])
    for row in np.flatnonzero(ends - starts > 1).tolist():
        _bring_together(found, slice(starts[row], ends[row]), rows, row)
    return rows


def _bring_together(found: Predictions, paragraphs: slice, rows: Predictions, row: int) -> None:
    probabilities, predicted = found.probabilities[paragraphs], found.predicted[paragraphs]
    every = np.arange(probabilities.shape[1])
    best = np.where(predicted, probabilities, -1.0).argmax(axis=0)
    rows.probabilities[row] = probabilities.max(axis=0)
    rows.predicted[row] = predicted.any(axis=0)
    rows.human[row] = found.human[paragraphs][probabilities.argmax(axis=0), every]
    rows.voices[row] = np.where(predicted.any(axis=0), found.voices[paragraphs][best, every], -1)


def _verdicts(
    frames: Sequence[str], found: Predictions, places: list[int], numbers: list[int], texts: list[str]
) -> RowPredictions:
    said, spoken, left = ([""] * len(places) for _ in range(3))
    for row in np.flatnonzero(found.predicted.any(axis=1) | found.human.any(axis=1)).tolist():
        order = np.argsort(-found.probabilities[row], kind="stable").tolist()
        predicted = [frame for frame in order if found.predicted[row, frame]]
        said[row] = ";".join(frames[frame] for frame in predicted)
        spoken[row] = ";".join(_voice(found.voices[row, frame]) for frame in predicted)
        left[row] = ";".join(frames[frame] for frame in order if found.human[row, frame])
    counts = found.predicted.sum(axis=0, dtype=np.int64)
    return RowPredictions(places, numbers, texts, said, spoken, left, found.probabilities, counts)


def _voice(index: int) -> str:
    return VOICES[index] if index >= 0 else ""
