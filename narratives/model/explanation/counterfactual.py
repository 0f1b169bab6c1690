"""Finds the fewest words of a text without which a frame is no longer predicted."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from narratives.model.classifier import Classifier, Predictor
from narratives.model.explanation.explain import FrameReading, word_shares
from narratives.model.features import Word, words

MOST = 12  # strongest words that are tried; a longer answer would explain nothing
# (words in a set, strongest words to choose them from): fewer to choose from as sets grow, or they become too many.
_TRIED = ((1, MOST), (2, 8), (3, 6))


def smallest_flip(
    classifier: Classifier, text: str, reading: FrameReading, predictor: Predictor | None = None
) -> tuple[str, ...]:
    """Return the fewest words whose removal takes a predicted frame below its threshold, as written in ``text``.

    A word is removed wherever it occurs and the rest is scored as a new text, so the words returned do flip the
    prediction (a counterfactual explanation of Martens and Provost 2014). The search is not exhaustive: small sets
    are tried among the strongest words; larger sets take the strongest words and drop those that are not needed.

    Empty if the frame is not predicted, or if removing the MOST strongest words does not suffice. A ``predictor``
    that agrees with the classifier may do the scoring.
    """
    if not reading.predicted:
        return ()
    predictor = predictor or classifier
    tokens, k = words(text), classifier.frames.index(reading.frame)
    for sets in _rounds(_strongest_words(classifier, text, tokens, k)):
        probabilities = _probabilities_without(predictor, text, tokens, sets, k)
        best = int(np.argmin(probabilities))
        if probabilities[best] < reading.threshold:
            needed = _needed(predictor, text, tokens, sets[best], (reading.threshold, k))
            return _as_written(text, tokens, needed)
    return ()


def _strongest_words(classifier: Classifier, text: str, tokens: Sequence[Word], k: int) -> list[str]:
    row = classifier.features.transform([text])
    shares = word_shares(classifier.features, classifier.frame_model.weights, row, tokens, np.array([k]))[:, 0]
    totals: dict[str, float] = {}
    for word, share in zip(tokens, shares.tolist(), strict=True):
        totals[word.folded] = totals.get(word.folded, 0.0) + share
    return sorted((word for word in totals if totals[word] > 0), key=lambda word: -totals[word])[:MOST]


def _rounds(strongest: list[str]) -> Iterator[list[tuple[str, ...]]]:
    """Yield lists of sets to try, small sets first, so that the first flip has the fewest words."""
    for size, among in _TRIED:
        if len(strongest) >= size:
            yield list(combinations(strongest[:among], size))
    for size in range(_TRIED[-1][0] + 1, len(strongest) + 1):
        yield [tuple(strongest[:size])]


def _probabilities_without(
    predictor: Predictor, text: str, tokens: Sequence[Word], sets: Sequence[tuple[str, ...]], k: int
) -> list[float]:
    """Return the frame's probability in the text without each of the sets; 0 if no word is left."""
    rests = [_without(text, tokens, removed) for removed in sets]
    probabilities = predictor.predict_proba(rests)[:, k].tolist()
    # A text without words is never predicted, whatever its probability, which is that of the bias.
    return [p if words(rest) else 0.0 for p, rest in zip(probabilities, rests, strict=True)]


def _without(text: str, tokens: Sequence[Word], removed: tuple[str, ...]) -> str:
    pieces, position = [], 0
    for word in tokens:
        if word.folded in removed:
            pieces.append(text[position : word.start])
            position = word.end
    return "".join([*pieces, text[position:]])


def _needed(
    predictor: Predictor, text: str, tokens: Sequence[Word], removed: tuple[str, ...], frame: tuple[float, int]
) -> tuple[str, ...]:
    """Return ``removed`` without the words, weakest first, that the flip does not need.

    ``frame`` is the threshold and the column of the frame.
    """
    threshold, k = frame
    for word in reversed(removed):
        fewer = tuple(other for other in removed if other != word)
        if fewer and _probabilities_without(predictor, text, tokens, [fewer], k)[0] < threshold:
            removed = fewer
    return removed


def _as_written(text: str, tokens: Sequence[Word], removed: tuple[str, ...]) -> tuple[str, ...]:
    first = {word.folded: text[word.start : word.end] for word in reversed(tokens)}
    return tuple(first[word] for word in removed)
