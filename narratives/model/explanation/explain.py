"""Explains a score: the words that counted for and against a frame.

The score of a linear model is a sum over n-grams, so it can be divided among words without a remainder. The functions
take features, weights and rows; ``classifier`` puts them together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives.codebook.frames import UNSETTLED, VOICES
from narratives.model.features import Features, Word, words
from narratives.model.voice_markers import sentences
from narratives.model.voice_model import against_others

EVIDENCE = 10  # most spans shown on each side, for and against
_FAINT = 0.1  # a word with less than this part of the strongest word's weight is not shown


@dataclass(frozen=True)
class Evidence:
    """A piece of text that counts for (weight > 0) or against a frame, with the span of each occurrence."""

    text: str
    spans: tuple[tuple[int, int], ...]
    weight: float


@dataclass(frozen=True)
class VoiceReading:
    """What counted for and against a voice: evidence + other + bias = score.

    ``score`` is the linear score of the voice less the mean of the other voices' (``against_others``), as only
    differences change a softmax. It is ln p less the mean of the other voices' ln p, for the probabilities p beside it.

    - ``other``: what belongs to no word or mark, and the pieces that are too weak to be shown
    - ``bias``: what the model expects before it reads; in a document, its other paragraphs change it
    """

    evidence: tuple[Evidence, ...] = ()
    other: float = 0.0
    bias: float = 0.0
    score: float = 0.0

    def shifted(self, shift: float) -> "VoiceReading":
        """Return the reading with ``shift`` added to its bias."""
        return replace(self, bias=self.bias + shift, score=self.score + shift)


_NO_VOICE = VoiceReading()


@dataclass(frozen=True)
class FrameReading:
    """A frame in a text: evidence + other + bias = score, and ``probability`` is the calibrated score.

    ``decision`` is ``human`` where the probability lies in ``band`` [low, high) around the threshold.
    ``voice_decision`` is ``human`` where the likeliest ``voice`` is too unlikely to be stated. ``voice_readings`` has
    what counted for and against each voice; it is empty if the model has no voices. ``right_share`` is the share that
    was right on held-out text where the probability was said in the same words; NaN if too few were.
    """

    frame: str
    probability: float
    threshold: float
    band: tuple[float, float]
    decision: str
    voice: str
    voices: dict[str, float]
    voice_decision: str
    evidence: tuple[Evidence, ...]
    other: float
    bias: float
    score: float
    voice_readings: dict[str, VoiceReading] = field(default_factory=dict)
    right_share: float = math.nan

    @property
    def predicted(self) -> bool:
        """Whether the frame is predicted, even if the decision is left to a person."""
        return self.decision != "no" and self.probability >= self.threshold

    @property
    def stated_voice(self) -> str:
        """The voice, or ``unsettled`` where it is left to a person; "" if the model has no voices."""
        return UNSETTLED if self.voice_decision == "human" else self.voice

    @property
    def hedged_voice(self) -> str:
        """The likeliest voice, behind *perhaps* where it is left to a person; "" if the model has no voices."""
        return f"perhaps {self.voice}" if self.voice_decision == "human" else self.voice

    @property
    def voice_reading(self) -> VoiceReading:
        """What counted for and against the likeliest voice, stated or not; all zero if the model has no voices."""
        return self.voice_readings.get(self.voice, _NO_VOICE)

    def left_to_a_person(self) -> "FrameReading":
        """Return the reading with the decision ``human`` where it was ``yes``."""
        return replace(self, decision="human") if self.decision == "yes" else self

    def with_voices(self, voices: dict[str, float], decision: str) -> "FrameReading":
        """Return the reading with these voice probabilities and this ``voice_decision``.

        What is not read from this text is a matter of its bias, which takes up the change of the probabilities.
        """
        shifts = dict(zip(VOICES, (_log_ratios(voices) - _log_ratios(self.voices)).tolist(), strict=True))
        readings = {voice: reading.shifted(shifts[voice]) for voice, reading in self.voice_readings.items()}
        return replace(self, voices=voices, voice=likeliest(voices), voice_decision=decision, voice_readings=readings)


def _log_ratios(voices: dict[str, float]) -> NDArray[np.float64]:
    shares = np.array([voices[voice] for voice in VOICES])
    # The exponential of a very low score is 0, which has no logarithm.
    return against_others(np.log(np.maximum(shares, np.finfo(np.float64).tiny)))


def likeliest(voices: dict[str, float]) -> str:
    """Return the voice with the highest probability, the first one of equals; "" if there are no voices."""
    return max(voices, key=lambda voice: voices[voice], default="")


def occurrences(features: Features, tokens: Sequence[Word]) -> list[tuple[int, int, int]]:
    """Return each occurrence of a known n-gram as (column, index of its first word, index of its last word)."""
    ngrams = []
    for index, word in enumerate(tokens):
        single = features.word_of(word.folded)
        pair = features.word_of(word.folded, tokens[index + 1].folded) if index + 1 < len(tokens) else None
        ngrams += [(column, index, index) for column in features.characters_of(word.folded)[0]]
        ngrams += [(single, index, index)] if single is not None else []
        ngrams += [(pair, index, index + 1)] if pair is not None else []
    return ngrams


def word_shares(
    features: Features,
    weights: NDArray[np.float64],
    row: csr_matrix,
    tokens: Sequence[Word],
    frames: NDArray[np.int64] | slice = slice(None),
) -> NDArray[np.float64]:
    """Divide row · weights among the words of the text: words × frames; a column sums to the score without the bias.

    An n-gram's value is divided equally among its occurrences, and an occurrence's value among the words it covers.
    """
    columns, first, last = np.array(occurrences(features, tokens), dtype=np.int64).reshape(-1, 3).T
    known, index, counts = np.unique(columns, return_inverse=True, return_counts=True)
    # Halved, because each occurrence is added to its first and its last word, which may be the same.
    values = row.data[np.searchsorted(row.indices, known)] / counts / 2
    parts = values[index][:, None] * weights[columns][:, frames]
    shares = np.zeros((len(tokens), parts.shape[1]))
    np.add.at(shares, first, parts)
    np.add.at(shares, last, parts)
    return shares


def ngram_evidence(features: Features, weights: NDArray[np.float64], text: str) -> list[Evidence]:
    """Return every n-gram of ``text`` with its share of one frame's score, strongest first.

    ``weights`` has the frame's weight for each column. N-grams of weight 0 are left out.
    """
    row, tokens = features.transform([text]), words(text)
    spans: dict[int, list[tuple[int, int]]] = {}
    for column, first, last in occurrences(features, tokens):
        spans.setdefault(column, []).append((tokens[first].start, tokens[last].end))
    values = dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))
    items = [
        # Two equal character n-grams of one word have the same span, which is kept once.
        Evidence(features.term(column), tuple(dict.fromkeys(spans[column])), values[column] * weight)
        for column in spans
        if (weight := float(weights[column]))
    ]
    return sorted(items, key=lambda item: -abs(item.weight))


def evidence_sentences(
    features: Features, weights: NDArray[np.float64], row: csr_matrix, text: str, frames: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Return for each of ``frames`` (columns of ``weights``) the span of the sentence with the highest share."""
    spans = sentences(text)
    if len(spans) == 1:
        return spans * len(frames)
    tokens = words(text)
    shares = word_shares(features, weights, row, tokens, frames)
    sentence = np.searchsorted([end for _, end in spans], [word.start for word in tokens], side="right")
    totals = np.zeros((len(spans), len(frames)))
    np.add.at(totals, sentence, shares)
    strongest: list[int] = totals.argmax(axis=0).tolist()
    return [spans[index] for index in strongest]


def spans_of(tokens: Sequence[Word]) -> list[tuple[int, int]]:
    """Return the span of each word."""
    return [(word.start, word.end) for word in tokens]


def strongest_spans(text: str, spans: Sequence[tuple[int, int]], shares: NDArray[np.float64]) -> tuple[Evidence, ...]:
    """Merge neighbouring words of the same sign into spans; return the strongest for, then those against.

    ``shares`` has the share of each word, whose place is in ``spans``, in one score. The same words elsewhere are one
    piece of evidence.
    """
    pieces: dict[str, list[tuple[int, int, float]]] = {}
    for first, last, weight in _runs(shares):
        start, end = spans[first][0], spans[last][1]
        pieces.setdefault(" ".join(text[start:end].lower().split()), []).append((start, end, weight))
    items = [_evidence(text, places) for places in pieces.values()]
    ordered = sorted(items, key=lambda item: (-abs(item.weight), item.spans))
    pro = [item for item in ordered if item.weight > 0][:EVIDENCE]
    contra = [item for item in ordered if item.weight < 0][:EVIDENCE]
    return (*pro, *contra)


def _runs(shares: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Return (first word, last word, weight) of each run of words that are not faint and have the same sign."""
    least = _FAINT * float(np.abs(shares).max(initial=0.0))
    runs: list[tuple[int, int, float]] = []
    for index, share in enumerate(shares.tolist()):
        if abs(share) <= least:
            continue
        if runs and runs[-1][1] == index - 1 and (runs[-1][2] > 0) == (share > 0):
            runs[-1] = (runs[-1][0], index, runs[-1][2] + share)
        else:
            runs.append((index, index, share))
    return runs


def _evidence(text: str, spans: list[tuple[int, int, float]]) -> Evidence:
    start, end, _ = spans[0]
    return Evidence(text[start:end], tuple((a, b) for a, b, _ in spans), sum(weight for _, _, weight in spans))
