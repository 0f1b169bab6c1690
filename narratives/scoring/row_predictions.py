"""Turns predictions on paragraphs into predictions on the rows of a table: frames, voices, probabilities.

Knows no file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import UNSETTLED, VOICES, voice_name
from narratives.model.classifier import Predictions, Predictor

COUNTED = ("", *VOICES, UNSETTLED)  # the voices by which rows are counted; "" in a model without voices


@dataclass(frozen=True)
class RowPredictions:
    """Predictions on m output rows and k frames.

    - ``rows``: for each output row, the index of its input row.
    - ``paragraphs``: for each output row, the index of the paragraph within its text. Empty unless each paragraph has
      an output row; so is ``texts``, the text of the paragraph.
    - ``frames``, ``voices``, ``human``: ids joined by ``;``, the most probable first.
    - ``scopes``: ``outside:`` and the reason where the model cannot read the row, else empty.
    - ``predictions``: what the cells were made of, m × k.
    """

    rows: list[int]
    paragraphs: list[int]
    texts: list[str]
    frames: list[str]
    voices: list[str]
    human: list[str]
    scopes: list[str]
    predictions: Predictions

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The probabilities, m × k."""
        return self.predictions.probabilities


def predict_rows(predictor: Predictor, texts: Sequence[str], by_paragraph: bool) -> RowPredictions:
    """Split n texts into paragraphs and predict: a row for each text or, ``by_paragraph``, for each paragraph.

    A text without words is one empty paragraph and has no frame.
    """
    predictions, paragraphs, lengths = predictor.predict_paragraphs(texts)
    if not by_paragraph:
        pooled = max_pool_paragraphs(predictions, lengths)
        return _row_predictions(predictor.frames, pooled, list(range(len(texts))), [], [])
    rows = np.repeat(np.arange(len(texts)), lengths).tolist()
    numbers = [number for length in lengths for number in range(length)]
    return _row_predictions(predictor.frames, predictions, rows, numbers, list(paragraphs))


def count_frames(predictions: Predictions) -> NDArray[np.int64]:
    """Return how many rows have each of the k frames in each voice of COUNTED: k × 5."""
    rows, columns = np.nonzero(predictions.predicted)
    # A row without a voice has -1, the column of "".
    cells = columns * len(COUNTED) + predictions.stated_voices[rows, columns] + 1
    size = predictions.predicted.shape[1] * len(COUNTED)
    return np.bincount(cells, minlength=size).reshape(-1, len(COUNTED)).astype(np.int64)


def max_pool_paragraphs(predictions: Predictions, lengths: Sequence[int] | NDArray[np.int64]) -> Predictions:
    """Pool predictions on paragraphs into predictions on texts of ``lengths`` paragraphs each (1 or more).

    - The probability of a frame is the highest of the text's paragraphs.
    - A frame is predicted if it is predicted in some paragraph. Its voice is that of the most probable such paragraph.
    - A frame goes to a person if it does in the text's most probable paragraph.
    - A text is outside of what the model reads if all of its paragraphs are, for the reason of the first; it was
      cleaned if one of them was.
    """
    if len(lengths) == len(predictions.probabilities):
        return predictions
    ends = np.cumsum(lengths, dtype=np.intp)
    starts: NDArray[np.intp] = ends - np.array(lengths, dtype=np.intp)
    pooled = Predictions(
        predictions.probabilities[starts],
        predictions.predicted[starts],
        predictions.human[starts],
        predictions.voices[starts],
        predictions.unsettled[starts],
        _all_outside(predictions.outside, starts, ends),
        frozenset(np.searchsorted(ends, sorted(predictions.cleaned), side="right").tolist()),
    )
    # Most texts are one paragraph: only the others need the work.
    for row in np.flatnonzero(ends - starts > 1).tolist():
        _pool_text(predictions, slice(starts[row], ends[row]), pooled, row)
    return pooled


def _all_outside(outside: Mapping[int, str], starts: NDArray[np.intp], ends: NDArray[np.intp]) -> dict[int, str]:
    texts = dict.fromkeys(np.searchsorted(ends, list(outside), side="right").tolist())
    whole = [text for text in texts if all(row in outside for row in range(starts[text], ends[text]))]
    return {text: outside[int(starts[text])] for text in whole}


def _pool_text(predictions: Predictions, paragraphs: slice, pooled: Predictions, row: int) -> None:
    probabilities, predicted = predictions.probabilities[paragraphs], predictions.predicted[paragraphs]
    columns = np.arange(probabilities.shape[1])
    likeliest = np.where(predicted, probabilities, -1.0).argmax(axis=0)
    pooled.probabilities[row] = probabilities.max(axis=0)
    pooled.predicted[row] = predicted.any(axis=0)
    pooled.human[row] = predictions.human[paragraphs][probabilities.argmax(axis=0), columns]
    pooled.voices[row] = np.where(predicted.any(axis=0), predictions.voices[paragraphs][likeliest, columns], -1)
    pooled.unsettled[row] = predicted.any(axis=0) & predictions.unsettled[paragraphs][likeliest, columns]


def _row_predictions(
    frames: Sequence[str], predictions: Predictions, rows: list[int], paragraphs: list[int], texts: list[str]
) -> RowPredictions:
    named, voices, human = ([""] * len(rows) for _ in range(3))
    stated = predictions.stated_voices
    # Sorting every row costs more than predicting it, and most rows have no frame.
    for row in np.flatnonzero(predictions.predicted.any(axis=1) | predictions.human.any(axis=1)).tolist():
        order = np.argsort(-predictions.probabilities[row], kind="stable").tolist()
        predicted = [k for k in order if predictions.predicted[row, k]]
        named[row] = ";".join(frames[k] for k in predicted)
        voices[row] = ";".join(voice_name(stated[row, k]) for k in predicted)
        human[row] = ";".join(frames[k] for k in order if predictions.human[row, k])
    scopes = [""] * len(rows)
    for row, reason in predictions.outside.items():
        scopes[row] = scope_of(reason)
    return RowPredictions(rows, paragraphs, texts, named, voices, human, scopes, predictions)


def scope_of(reason: str) -> str:
    """Return the cell of the column ``scope`` for a reason why the model cannot read a row."""
    return f"outside:{reason}"
