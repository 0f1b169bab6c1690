"""Owns the flip: the fewest words of a text without which a frame is not predicted any more. Knows no page."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from narratives.model.classifier import Classifier
from narratives.model.explain import FrameReading, word_shares
from narratives.model.features import Word, words

MOST = 12  # words that are tried; who needs more of them gone has no short answer
_TRIED = ((1, MOST), (2, 8), (3, 6))  # every set of so many words, out of so many strongest ones


class Reader(Protocol):
    """What tells probabilities of texts: a classifier, or the kernel, which is quicker."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return n × k probabilities."""


def smallest_flip(
    classifier: Classifier, text: str, reading: FrameReading, reader: Reader | None = None
) -> tuple[str, ...]:
    """Return the fewest words whose removal takes a predicted frame under its threshold, as they stand in ``text``.

    A word is removed wherever it stands, and the rest is read again as a text of its own, so the answer is exact
    (a counterfactual of evidence, Martens and Provost 2014). Sets of up to three are searched among the strongest
    words, larger ones grown from the strongest down and thinned out. Empty where the frame is not predicted, or no
    twelve words suffice.
    """
    if not reading.predicted:
        return ()
    reader = reader or classifier
    found, k = words(text), classifier.frames.index(reading.frame)
    strongest = _strongest(classifier, text, found, k)
    for sets in _rounds(strongest):
        without = _probabilities(reader, text, found, sets, k)
        best = int(np.argmin(without))
        if without[best] < reading.threshold:
            return _as_written(text, found, _thinned(reader, text, found, sets[best], (reading.threshold, k)))
    return ()


def _strongest(classifier: Classifier, text: str, found: Sequence[Word], k: int) -> list[str]:
    row = classifier.features.transform([text])
    shares = word_shares(classifier.features, classifier.frame_model.weights, row, found, np.array([k]))[:, 0]
    totals: dict[str, float] = {}
    for word, share in zip(found, shares.tolist(), strict=True):
        totals[word.folded] = totals.get(word.folded, 0.0) + share
    return sorted((word for word in totals if totals[word] > 0), key=lambda word: -totals[word])[:MOST]


def _rounds(strongest: list[str]) -> Iterator[list[tuple[str, ...]]]:
    """Yield lists of sets to try, small sets first."""
    for size, among in _TRIED:
        if len(strongest) >= size:
            yield list(combinations(strongest[:among], size))
    for size in range(_TRIED[-1][0] + 1, len(strongest) + 1):
        yield [tuple(strongest[:size])]


def _probabilities(
    reader: Reader, text: str, found: Sequence[Word], sets: Sequence[tuple[str, ...]], k: int
) -> list[float]:
    """Return the frame's probability in what is left of the text without each of the sets; 0 if no word is left."""
    left = [_without(text, found, gone) for gone in sets]
    probabilities = reader.predict_proba(left)[:, k].tolist()
    return [p if words(rest) else 0.0 for p, rest in zip(probabilities, left, strict=True)]


def _without(text: str, found: Sequence[Word], gone: tuple[str, ...]) -> str:
    pieces, position = [], 0
    for word in found:
        if word.folded in gone:
            pieces.append(text[position : word.start])
            position = word.end
    return "".join([*pieces, text[position:]])


def _thinned(
    reader: Reader, text: str, found: Sequence[Word], gone: tuple[str, ...], aim: tuple[float, int]
) -> tuple[str, ...]:
    """Return ``gone`` without the words, from the weakest on, that need not be removed for the flip.

    ``aim`` is the threshold and the column of the frame.
    """
    threshold, k = aim
    for word in reversed(gone):
        fewer = tuple(other for other in gone if other != word)
        if fewer and _probabilities(reader, text, found, [fewer], k)[0] < threshold:
            gone = fewer
    return gone


def _as_written(text: str, found: Sequence[Word], gone: tuple[str, ...]) -> tuple[str, ...]:
    first = {word.folded: text[word.start : word.end] for word in reversed(found)}
    return tuple(first[word] for word in gone)
