"""Owns the classifier: features, frame model, calibration, thresholds and voice as one thing that reads texts.

Knows no file; ``modelfile`` saves and loads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives.calibration import calibrate
from narratives.codebook import VOICES, Codebook
from narratives.features import Features, Word, words
from narratives.model import FrameModel
from narratives.signs import read_signs, sentences
from narratives.voice import VoiceModel

EVIDENCE = 10  # merged spans shown for and against
_FAINT = 0.1  # share of the strongest word's weight below which a word is not shown as evidence


@dataclass(frozen=True)
class Predictions:
    """What the model says of n texts and k frames. ``voices`` is an index into VOICES, -1 where not predicted.

    ``human`` marks what is left for a person; it stays empty until the model has a band.
    """

    probabilities: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    human: NDArray[np.bool_]
    voices: NDArray[np.int8]


@dataclass(frozen=True)
class Evidence:
    """A piece of the text that spoke for (weight > 0) or against a frame, with each place where it stands."""

    text: str
    spans: tuple[tuple[int, int], ...]
    weight: float


@dataclass(frozen=True)
class FrameReading:
    """One frame in one text: evidence + other + bias = score, and ``probability`` is its calibration."""

    frame: str
    probability: float
    threshold: float
    decision: str
    voice: str
    voices: dict[str, float]
    evidence: tuple[Evidence, ...]
    other: float
    bias: float
    score: float


@dataclass(frozen=True)
class Classifier:
    """A trained model. ``sigmoids`` is k × 2 (slope, shift), ``thresholds`` has k values.

    ``voice_model`` is None where the labels know no voices; ``name`` says which model it is.
    """

    codebook: Codebook
    features: Features
    frame_model: FrameModel
    sigmoids: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    voice_model: VoiceModel | None = None
    name: str = ""

    @property
    def frames(self) -> tuple[str, ...]:
        """The frame ids, in the order of the columns."""
        return self.codebook.ids

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the calibrated probabilities, n × k."""
        return self._probabilities(self.features.transform(texts))

    def predict(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return for each text the ids of the predicted frames, most probable first."""
        found = self.predict_texts(texts)
        orders = np.argsort(-found.probabilities, axis=1, kind="stable")
        return [
            tuple(self.frames[k] for k in order if predicted[k])
            for order, predicted in zip(orders, found.predicted, strict=True)
        ]

    def predict_texts(self, texts: Sequence[str]) -> Predictions:
        """Return probabilities, predicted frames and their voices. A text without a word has no frame."""
        rows = self.features.transform(texts)
        probabilities = self._probabilities(rows)
        predicted = (probabilities >= self.thresholds) & (np.diff(rows.indptr) > 0)[:, None]
        voices = self.voices_of(texts, rows, predicted)
        return Predictions(probabilities, predicted, np.zeros_like(predicted), voices)

    def voices_of(self, texts: Sequence[str], rows: csr_matrix, pairs: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Return the likeliest voice (index into VOICES) of each marked pair of text and frame, -1 elsewhere."""
        voices = np.full(pairs.shape, -1, dtype=np.int8)
        text_numbers, columns = np.nonzero(pairs)
        if len(text_numbers) and self.voice_model is not None:
            places = zip(text_numbers.tolist(), columns.tolist(), strict=True)
            signs = np.array([self.signs_of(texts[n], k) for n, k in places])
            likeliest = self.voice_model.probabilities(rows[text_numbers], signs).argmax(axis=1)
            voices[text_numbers, columns] = likeliest
        return voices

    def explain(self, text: str) -> list[FrameReading]:
        """Return the reading of every frame, most probable first, with its evidence.

        A linear score is the sum of its n-grams' shares; each n-gram's share is dealt to the words it covers, and
        neighbouring words that point the same way are shown as one span.
        """
        row, found = self.features.transform([text]), words(text)
        shares = word_shares(self.features, self.frame_model.weights, row, found)
        readings = [
            self._read(text, row, strongest_spans(text, found, shares[:, k]), k) for k in range(len(self.frames))
        ]
        return sorted(readings, key=lambda reading: -reading.probability)

    def evidence_ngrams(self, text: str, frame: str) -> list[Evidence]:
        """Return every n-gram of ``text`` with its share of the frame's score, strongest first."""
        row, k, found = self.features.transform([text]), self.frames.index(frame), words(text)
        places: dict[int, list[tuple[int, int]]] = {}
        for column, first, last in occurrences(self.features, found):
            places.setdefault(column, []).append((found[first].start, found[last].end))
        values = dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))
        items = [
            Evidence(self.features.term(column), tuple(dict.fromkeys(spans)), values[column] * weight)
            for column, spans in places.items()
            if (weight := float(self.frame_model.weights[column, k]))
        ]
        return sorted(items, key=lambda item: -abs(item.weight))

    def _probabilities(self, rows: csr_matrix) -> NDArray[np.float64]:
        return calibrate(self.frame_model.scores(rows), self.sigmoids)

    def signs_of(self, text: str, k: int) -> NDArray[np.float64]:
        """Return the signs of voice of a text, read around the evidence of frame number ``k``."""
        return read_signs(text, evidence_sentence(self.features, self.frame_model.weights[:, k], text))

    def _read(self, text: str, row: csr_matrix, evidence: tuple[Evidence, ...], k: int) -> FrameReading:
        score = float(self.frame_model.scores(row)[0, k])
        probability = float(calibrate(np.full((1, len(self.frames)), score), self.sigmoids)[0, k])
        voices = self._voice_shares(text, row, k)
        bias = float(self.frame_model.bias[k])
        return FrameReading(
            frame=self.frames[k],
            probability=probability,
            threshold=float(self.thresholds[k]),
            decision="yes" if probability >= self.thresholds[k] and row.nnz else "no",
            voice=max(voices, key=lambda voice: voices[voice]) if voices else "",
            voices=voices,
            evidence=evidence,
            other=score - bias - sum(item.weight for item in evidence),
            bias=bias,
            score=score,
        )

    def _voice_shares(self, text: str, row: csr_matrix, k: int) -> dict[str, float]:
        if self.voice_model is None:
            return {}
        shares = self.voice_model.probabilities(row, self.signs_of(text, k)[None, :])[0]
        return dict(zip(VOICES, shares.tolist(), strict=True))


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
    features: Features, weights: NDArray[np.float64], row: csr_matrix, found: Sequence[Word]
) -> NDArray[np.float64]:
    """Deal row · weights to the words of the text: words × frames, whose column sums are the score less the bias.

    An n-gram's value is shared equally by its occurrences, and an occurrence's by the words it covers.
    """
    shares = np.zeros((len(found), weights.shape[1]))
    places = occurrences(features, found)
    if not places:
        return shares
    columns, first, last = np.array(places).T
    counts = np.bincount(columns, minlength=features.size)
    values = np.zeros(features.size)
    values[row.indices] = row.data
    parts = (values[columns] / counts[columns] / 2)[:, None] * weights[columns]
    np.add.at(shares, first, parts)
    np.add.at(shares, last, parts)
    return shares


def evidence_sentence(features: Features, weights: NDArray[np.float64], text: str) -> tuple[int, int]:
    """Return the span of the sentence that speaks most for a frame, by the frame's column of ``weights``."""
    spans = sentences(text)
    if len(spans) == 1:
        return spans[0]
    found = words(text)
    shares = word_shares(features, weights[:, None], features.transform([text]), found)[:, 0]
    starts = np.array([word.start for word in found])
    totals = [shares[(starts >= start) & (starts < end)].sum() for start, end in spans]
    return spans[int(np.argmax(totals))]


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
