"""Owns the explanation of a score: the words that spoke for and against a frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives.model.features import Features, Word, words
from narratives.model.voice_markers import sentences

EVIDENCE = 10  # merged spans shown for and against
_FAINT = 0.1  # share of the strongest word's weight below which a word is not shown as evidence


@dataclass(frozen=True)
class Evidence:
    """A piece of the text that spoke for (weight > 0) or against a frame, with each place where it stands."""

    text: str
    spans: tuple[tuple[int, int], ...]
    weight: float


@dataclass(frozen=True)
class FrameReading:
    """One frame in one text: evidence + other + bias = score, and ``probability`` is its calibration.

    ``decision`` is ``human`` where the probability lies in ``band`` [low, high) around the threshold.
    """

    frame: str
    probability: float
    threshold: float
    band: tuple[float, float]
    decision: str
    voice: str
    voices: dict[str, float]
    evidence: tuple[Evidence, ...]
    other: float
    bias: float
    score: float

    @property
    def predicted(self) -> bool:
        """Whether the frame counts as predicted, be it surely or with a person to decide."""
        return self.decision != "no" and self.probability >= self.threshold

    def with_voices(self, voices: dict[str, float]) -> "FrameReading":
        """Return the reading with these shares of the voices."""
        return replace(self, voices=voices, voice=likeliest(voices))


def likeliest(voices: dict[str, float]) -> str:
    """Return the voice with the highest probability, the first one of equals; "" if there are no voices."""
    return max(voices, key=lambda voice: voices[voice], default="")


def occurrences(features: Features, found: Sequence[Word]) -> list[tuple[int, int, int]]:
    """Return each known n-gram of a text as (column, number of its first word, number of its last word)."""
    places = []
    for number, word in enumerate(found):
        single = features.word_of(word.folded)
        pair = features.word_of(word.folded, found[number + 1].folded) if number + 1 < len(found) else None
        places += [(column, number, number) for column in features.characters_of(word.folded)[0]]
        places += [(single, number, number)] if single is not None else []
        places += [(pair, number, number + 1)] if pair is not None else []
    return places


def word_shares(
    features: Features,
    weights: NDArray[np.float64],
    row: csr_matrix,
    found: Sequence[Word],
    frames: NDArray[np.int64] | slice = slice(None),
) -> NDArray[np.float64]:
    """Deal row · weights to the words of the text: words × frames, whose column sums are the score less the bias.

    An n-gram's value is shared equally by its occurrences, and an occurrence's by the words it covers.
    """
    places = occurrences(features, found)
    columns, first, last = np.array(places, dtype=np.int64).reshape(-1, 3).T
    known, place, counts = np.unique(columns, return_inverse=True, return_counts=True)
    values = row.data[np.searchsorted(row.indices, known)] / counts / 2
    parts = values[place][:, None] * weights[columns][:, frames]
    shares = np.zeros((len(found), parts.shape[1]))
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
        # The dictionary keeps one span of an n-gram that stands twice at one place, such as a character n-gram.
        Evidence(features.term(column), tuple(dict.fromkeys(spans[column])), values[column] * weight)
        for column in spans
        if (weight := float(weights[column]))
    ]
    return sorted(items, key=lambda item: -abs(item.weight))


def evidence_sentences(
    features: Features, weights: NDArray[np.float64], row: csr_matrix, text: str, frames: NDArray[np.int64]
) -> list[tuple[int, int]]:
    """Return for each of ``frames`` (columns of ``weights``) the span of the sentence that speaks most for it."""
    spans = sentences(text)
    if len(spans) == 1:
        return spans * len(frames)
    found = words(text)
    shares = word_shares(features, weights, row, found, frames)
    place = np.searchsorted([end for _, end in spans], [word.start for word in found], side="right")
    totals = np.zeros((len(spans), len(frames)))
    np.add.at(totals, place, shares)
    strongest: list[int] = totals.argmax(axis=0).tolist()
    return [spans[index] for index in strongest]


def strongest_spans(text: str, found: Sequence[Word], shares: NDArray[np.float64]) -> tuple[Evidence, ...]:
    """Merge neighbouring words of one sign into spans; return the ten strongest for, then the ten against."""
    pieces: dict[str, list[tuple[int, int, float]]] = {}
    for first, last, weight in _runs(shares):
        start, end = found[first].start, found[last].end
        pieces.setdefault(" ".join(text[start:end].lower().split()), []).append((start, end, weight))
    items = [_evidence(text, places) for places in pieces.values()]
    ordered = sorted(items, key=lambda item: (-abs(item.weight), item.spans))
    pro = [item for item in ordered if item.weight > 0][:EVIDENCE]
    contra = [item for item in ordered if item.weight < 0][:EVIDENCE]
    return (*pro, *contra)


def _runs(shares: NDArray[np.float64]) -> list[tuple[int, int, float]]:
    """Return (first word, last word, weight) of the runs of words that matter and point the same way."""
    least = _FAINT * float(np.abs(shares).max(initial=0.0))
    runs: list[tuple[int, int, float]] = []
    for number, share in enumerate(shares.tolist()):
        if abs(share) <= least:
            continue
        if runs and runs[-1][1] == number - 1 and (runs[-1][2] > 0) == (share > 0):
            runs[-1] = (runs[-1][0], number, runs[-1][2] + share)
        else:
            runs.append((number, number, share))
    return runs


def _evidence(text: str, places: list[tuple[int, int, float]]) -> Evidence:
    start, end, _ = places[0]
    return Evidence(text[start:end], tuple((a, b) for a, b, _ in places), sum(weight for _, _, weight in places))
