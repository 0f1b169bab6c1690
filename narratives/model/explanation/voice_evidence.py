"""Explains a voice: the words and marks that counted for it and against it.

The score of a voice is linear in the TF-IDF row and in the voice markers, so both can be divided among the words and
marks of the text without a remainder. Markers are read in the cleaned text; their places are given in the text itself.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives.codebook.frames import VOICES
from narratives.model.explanation.explain import VoiceReading, spans_of, strongest_spans, word_shares
from narratives.model.features import Features, words
from narratives.model.voice_markers import MarkerPart, marker_parts
from narratives.model.voice_model import VoiceModel, against_others
from narratives.text.cleaning import clean, clusters, plain

Span = tuple[int, int]


def voice_readings(
    model: VoiceModel,
    features: Features,
    row: csr_matrix,
    text: str,
    sentences: Sequence[Span],
    scores: NDArray[np.float64],
) -> list[dict[str, VoiceReading]]:
    """Return what counted for and against each voice, for each of n sentences.

    - ``row``: the TF-IDF row of ``text``
    - ``sentences``: spans in ``plain(text)`` of the sentences that carry a frame's evidence
    - ``scores``: the scores of the voices for each sentence, n × 3
    """
    # Frames mostly share a sentence, and then all that is read of their voices.
    first = [sentences.index(sentence) for sentence in sentences]
    distinct = sorted(set(first))
    shares = voice_shares(model, features, row, text, [sentences[index] for index in distinct])
    relative, biases = against_others(scores), against_others(model.bias)
    readings = {
        index: _readings(text, *share, biases, relative[index]) for index, share in zip(distinct, shares, strict=True)
    }
    return [readings[index] for index in first]


def _readings(
    text: str,
    spans: Sequence[Span],
    shares: NDArray[np.float64],
    biases: NDArray[np.float64],
    scores: NDArray[np.float64],
) -> dict[str, VoiceReading]:
    return {
        voice: _reading(text, spans, shares[:, index], float(biases[index]), float(scores[index]))
        for index, voice in enumerate(VOICES)
    }


def _reading(text: str, spans: Sequence[Span], shares: NDArray[np.float64], bias: float, score: float) -> VoiceReading:
    evidence = strongest_spans(text, spans, shares)
    return VoiceReading(evidence, score - bias - sum(item.weight for item in evidence), bias, score)


def voice_shares(
    model: VoiceModel, features: Features, row: csr_matrix, text: str, sentences: Sequence[Span]
) -> list[tuple[list[Span], NDArray[np.float64]]]:
    """Divide the scores of the voices (``against_others``) among the words and marks of ``text``.

    Returns for each of ``sentences`` the spans in order, and their shares (n × 3), of which a column sums to the score
    without the bias.
    """
    tokens = words(text)
    of_words = dict(zip(spans_of(tokens), word_shares(features, model.row_weights, row, tokens), strict=True))
    seen, origins = seen_with_origins(text)
    return [_shares(of_words, parts, origins, model) for parts in marker_parts(seen, sentences)]


def _shares(
    of_words: Mapping[Span, NDArray[np.float64]],
    parts: Iterable[MarkerPart],
    origins: Sequence[Span],
    model: VoiceModel,
) -> tuple[list[Span], NDArray[np.float64]]:
    """Add the ``parts`` of markers to the shares of words."""
    by_span = dict(of_words)
    for part in parts:
        start, end = part.span
        span = origins[start][0], origins[end - 1][1]
        by_span[span] = by_span.get(span, 0.0) + part.value * model.sign_weights[part.marker]
    spans = sorted(by_span)
    return spans, against_others(np.array([by_span[span] for span in spans]).reshape(-1, len(VOICES)))


def seen_with_origins(text: str) -> tuple[str, list[Span]]:
    """Return ``plain(text)`` and, for each of its characters, the span in ``text`` from which it comes."""
    seen = plain(text)
    if seen == text:
        return seen, [(index, index + 1) for index in range(len(text))]
    characters = [(character, start, end) for piece, start, end in clusters(clean(text)) for character in piece]
    # As in ``plain``: runs of spaces are one, and none is at either end.
    kept = [
        (start, end)
        for (character, start, end), before in zip(characters, [" ", *(known[0] for known in characters)], strict=False)
        if character != " " or before != " "
    ]
    return seen, kept[: len(seen)]
