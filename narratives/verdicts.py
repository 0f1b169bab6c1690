"""Owns what is said of a row: from the predictions on its paragraphs to frames, voices and probabilities.

Knows no file. Stands above classifier, beside modelfile (floor 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.classifier import Classifier, Predictions
from narratives.codebook import VOICES
from narratives.paragraphs import split


@dataclass(frozen=True)
class Verdicts:
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


def judge(classifier: Classifier, texts: Sequence[str], by_paragraph: bool) -> Verdicts:
    """Split texts into paragraphs, predict, and say what holds for each text or, ``by_paragraph``, for each paragraph.

    A text without words is one empty paragraph and has no frame.
    """
    pieces = [[paragraph.text for paragraph in split(text)] or [""] for text in texts]
    flat = [piece for paragraphs in pieces for piece in paragraphs]
    lengths = [len(paragraphs) for paragraphs in pieces]
    found = _without_empty(_predict(classifier, flat, np.repeat(np.arange(len(texts)), lengths)), flat)
    if by_paragraph:
        places = np.repeat(np.arange(len(texts)), lengths).tolist()
        numbers = [number for length in lengths for number in range(length)]
        return _verdicts(classifier.frames, found, places, numbers, flat)
    if len(flat) > len(texts):
        found = strongest(found, lengths)
    return _verdicts(classifier.frames, found, list(range(len(texts))), [], [])


def _predict(classifier: Classifier, texts: list[str], documents: NDArray[np.int64]) -> Predictions:
    if texts:
        return classifier.predict_texts(texts, documents)
    nothing = np.zeros((0, len(classifier.frames)))
    return Predictions(nothing, nothing.astype(bool), nothing.astype(bool), nothing.astype(np.int8))


def _without_empty(found: Predictions, texts: Sequence[str]) -> Predictions:
    filled = np.array([bool(text) for text in texts], dtype=bool)[:, None]
    voices = np.where(filled, found.voices, -1).astype(np.int8)
    return Predictions(found.probabilities, found.predicted & filled, found.human & filled, voices)


def strongest(found: Predictions, lengths: Sequence[int]) -> Predictions:
    """Bring predictions on paragraphs together for texts of ``lengths`` paragraphs (1 or more each).

    The probability is the highest, a frame is predicted if it is in some paragraph, its voice is that of the most
    probable paragraph with it; it is left for a person where it is so in the most probable paragraph of all.
    """
    ends = np.cumsum(lengths, dtype=np.intp)
    starts: NDArray[np.intp] = ends - np.array(lengths, dtype=np.intp)
    predicted = np.logical_or.reduceat(found.predicted, starts, axis=0)
    human = np.zeros_like(predicted)
    voices = np.full(predicted.shape, -1, dtype=np.int8)
    among = np.where(found.predicted, found.probabilities, -1.0)
    for row, frame in np.argwhere(predicted).tolist():
        best = starts[row] + among[starts[row] : ends[row], frame].argmax()
        voices[row, frame] = found.voices[best, frame]
    for row, frame in np.argwhere(np.logical_or.reduceat(found.human, starts, axis=0)).tolist():
        top = starts[row] + found.probabilities[starts[row] : ends[row], frame].argmax()
        human[row, frame] = found.human[top, frame]
    return Predictions(np.maximum.reduceat(found.probabilities, starts, axis=0), predicted, human, voices)


def _verdicts(
    frames: Sequence[str], found: Predictions, places: list[int], numbers: list[int], texts: list[str]
) -> Verdicts:
    said, spoken, left = ([""] * len(places) for _ in range(3))
    for row in np.flatnonzero(found.predicted.any(axis=1) | found.human.any(axis=1)).tolist():
        order = np.argsort(-found.probabilities[row], kind="stable").tolist()
        predicted = [frame for frame in order if found.predicted[row, frame]]
        said[row] = ";".join(frames[frame] for frame in predicted)
        spoken[row] = ";".join(_voice(found.voices[row, frame]) for frame in predicted)
        left[row] = ";".join(frames[frame] for frame in order if found.human[row, frame])
    counts = found.predicted.sum(axis=0, dtype=np.int64)
    return Verdicts(places, numbers, texts, said, spoken, left, found.probabilities, counts)


def _voice(index: int) -> str:
    return VOICES[index] if index >= 0 else ""
