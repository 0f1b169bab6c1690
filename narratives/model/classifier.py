"""Classifies texts: joins features, frame model, calibration, thresholds and voice model in one object.

``explain`` has the arithmetic of evidence, ``persistence`` saves and loads a classifier.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives.codebook.frames import VOICES, Codebook
from narratives.model.calibration import calibrate, term_numbers
from narratives.model.explanation.explain import (
    Evidence,
    FrameReading,
    VoiceReading,
    evidence_sentences,
    likeliest,
    ngram_evidence,
    spans_of,
    strongest_spans,
    word_shares,
)
from narratives.model.explanation.voice_evidence import voice_readings
from narratives.model.features import FEWEST_WORDS, Features, words
from narratives.model.frame_model import FrameModel, rounded_to_bytes
from narratives.model.scope import outside
from narratives.model.voice_markers import MARKERS, read_markers
from narratives.model.voice_model import VoiceModel, in_documents
from narratives.text.cleaning import plain
from narratives.text.paragraphs import split


@dataclass(frozen=True)
class Predictions:
    """Predictions for n texts and k frames; every array is n × k.

    - ``probabilities``: calibrated probabilities
    - ``predicted``: whether the probability reaches the frame's threshold
    - ``human``: whether it lies in the band around the threshold, where a person decides, predicted or not
    - ``voices``: the likeliest voice, an index into VOICES, -1 where the frame is not predicted
    - ``unsettled``: whether this voice is too unlikely to be stated, so that a person decides
    - ``outside``: why the model cannot read a text (see ``scope.outside``), by its row; such a text has no frame
    - ``cleaned``: the rows whose text had links, tags or characters that are not words
    """

    probabilities: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    human: NDArray[np.bool_]
    voices: NDArray[np.int8]
    unsettled: NDArray[np.bool_]
    outside: Mapping[int, str] = field(default_factory=dict)
    cleaned: frozenset[int] = frozenset()

    @property
    def stated_voices(self) -> NDArray[np.int8]:
        """The voices, with the index after the last of VOICES where one is unsettled."""
        return np.where(self.unsettled, np.int8(len(VOICES)), self.voices)


class Predictor(Protocol):
    """What scoring needs of a model. The classifier has it, and so has the kernel, which is faster."""

    @property
    def frames(self) -> tuple[str, ...]:
        """The frame ids, in the order of the columns."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the calibrated probabilities, n × k."""

    def predict_paragraphs(
        self, texts: Sequence[str]
    ) -> tuple[Predictions, Sequence[str], Sequence[int] | NDArray[np.int64]]:
        """Split texts; return the predictions on all paragraphs, the paragraphs, and how many each text has."""


def without_frames(predictions: Predictions, rows: Sequence[bool]) -> Predictions:
    """Return the predictions without any frame in the rows that are marked."""
    rest = ~np.array(rows, dtype=bool)[:, None]
    voices = np.where(rest, predictions.voices, -1).astype(np.int8)
    predicted, human, unsettled = (
        part & rest for part in (predictions.predicted, predictions.human, predictions.unsettled)
    )
    return replace(predictions, predicted=predicted, human=human, voices=voices, unsettled=unsettled)


@dataclass(frozen=True)
class Classifier:
    """A trained model for k frames.

    - ``sigmoids``: k × 3, each frame's calibration, see ``calibrate``
    - ``thresholds``: k probabilities from which on a frame is predicted
    - ``band``: k × 2, [low, high) around each threshold, where a person decides
    - ``voice_model``: None if the labels it was trained on have no voices
    - ``word_shares``: for each of TERMS the share that was right on held-out text, NaN where it was said too rarely
    - ``languages``: those it was trained on; empty if any may be among them
    - ``name``: ``name@hash`` of its folder
    """

    codebook: Codebook
    features: Features
    frame_model: FrameModel
    sigmoids: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    band: NDArray[np.float64]
    voice_model: VoiceModel | None = None
    word_shares: tuple[float, ...] = ()
    languages: tuple[str, ...] = ()
    name: str = ""

    @property
    def frames(self) -> tuple[str, ...]:
        """The frame ids, in the order of the columns of every result."""
        return self.codebook.ids

    def rounded(self) -> "Classifier":
        """Return the classifier with the weights that a model folder keeps of it."""
        frames = replace(self.frame_model, weights=rounded_to_bytes(self.frame_model.weights))
        voices = self.voice_model
        if voices is not None:
            voices = replace(voices, row_weights=rounded_to_bytes(voices.row_weights))
        return replace(self, frame_model=frames, voice_model=voices)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return n × k calibrated probabilities."""
        return self._probabilities(self.features.transform(texts))

    def predict(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the ids of each text's predicted frames, most probable first."""
        predictions = self.predict_texts(texts)
        orders = np.argsort(-predictions.probabilities, axis=1, kind="stable")
        return [
            tuple(self.frames[k] for k in order if predicted[k])
            for order, predicted in zip(orders, predictions.predicted, strict=True)
        ]

    def predict_texts(self, texts: Sequence[str], documents: NDArray[np.int64] | None = None) -> Predictions:
        """Return probabilities, predicted frames and their voices; a text without a known n-gram has no frame.

        ``documents`` gives each text the number of its document. The texts of a document must be adjacent; their
        voices are then predicted together. Without it each text stands alone.
        """
        rows = self.features.transform(texts)
        probabilities = self._probabilities(rows)
        # An empty row scores the bias alone, which says how common a frame is and nothing about the text.
        known = (np.diff(rows.indptr) > 0)[:, None]
        outside = self.outside(texts)
        known[list(outside)] = False
        predicted = (probabilities >= self.thresholds) & known
        human = (probabilities >= self.band[:, 0]) & (probabilities < self.band[:, 1]) & known
        for row in np.flatnonzero(predicted.any(axis=1)).tolist():
            human[row] |= predicted[row] & (len(words(texts[row])) < FEWEST_WORDS)
        voices, unsettled = self._read_voices(texts, rows, predicted, documents)
        cleaned = frozenset(row for row, text in enumerate(texts) if plain(text) != text)
        return Predictions(probabilities, predicted, human, voices, unsettled, outside, cleaned)

    def outside(self, texts: Sequence[str]) -> dict[int, str]:
        """Return why the model cannot read a text, by the row of the text; those that it can read are left out."""
        shares = self.features.unknown_shares(texts).tolist()
        reasons = [outside(text, share, self.languages) for text, share in zip(texts, shares, strict=True)]
        return {row: reason for row, reason in enumerate(reasons) if reason}

    def predict_paragraphs(self, texts: Sequence[str]) -> tuple[Predictions, list[str], list[int]]:
        """Split texts; return the predictions on all paragraphs, the paragraphs, and how many each text has.

        A text without words is one empty paragraph, which has no frame. Voices are read by text.
        """
        split_texts = [[paragraph.text for paragraph in split(text)] or [""] for text in texts]
        paragraphs = [paragraph for pieces in split_texts for paragraph in pieces]
        lengths = [len(pieces) for pieces in split_texts]
        if not paragraphs:
            none = np.zeros((0, len(self.frames)))
            nowhere = none.astype(bool)
            return Predictions(none, nowhere, nowhere, none.astype(np.int8), nowhere), [], []
        predictions = self.predict_texts(paragraphs, np.repeat(np.arange(len(texts)), lengths))
        return without_frames(predictions, [not paragraph for paragraph in paragraphs]), paragraphs, lengths

    def voices_of(
        self,
        texts: Sequence[str],
        rows: csr_matrix,
        pairs: NDArray[np.bool_],
        documents: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int8]:
        """Return the likeliest voice (index into VOICES) of each marked pair of text and frame, -1 elsewhere.

        ``rows`` are the TF-IDF rows of ``texts`` and ``pairs`` is the n × k mask; ``documents`` as in
        ``predict_texts``.
        """
        return self._read_voices(texts, rows, pairs, documents)[0]

    def stated_voices_of(self, texts: Sequence[str], rows: csr_matrix, pairs: NDArray[np.bool_]) -> NDArray[np.int8]:
        """Return what ``voices_of`` does, with the index after the last of VOICES where the voice is unsettled."""
        voices, unsettled = self._read_voices(texts, rows, pairs, None)
        return np.where(unsettled, np.int8(len(VOICES)), voices)

    def _read_voices(
        self,
        texts: Sequence[str],
        rows: csr_matrix,
        pairs: NDArray[np.bool_],
        documents: NDArray[np.int64] | None,
    ) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """Return the likeliest voice of each marked pair, -1 elsewhere, and whether it is unsettled (both n × k)."""
        voices, unsettled = np.full(pairs.shape, -1, dtype=np.int8), np.zeros(pairs.shape, dtype=bool)
        indices, columns = np.nonzero(pairs)
        if len(indices) and self.voice_model is not None:
            probabilities = self.voice_probabilities(texts, rows, pairs)
            if documents is not None:
                probabilities = in_documents(probabilities, indices, documents[indices], self.voice_model)
            voices[indices, columns] = probabilities.argmax(axis=1)
            unsettled[indices, columns] = self.voice_model.unsettled(probabilities)
        return voices, unsettled

    def voice_probabilities(
        self, texts: Sequence[str], rows: csr_matrix, pairs: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return m × 3 voice probabilities of the m marked pairs, in row-major order, each text read alone.

        Only for a model with voices.
        """
        assert self.voice_model is not None
        return self.voice_model.probabilities(rows[np.nonzero(pairs)[0]], self.voice_markers_of(texts, rows, pairs))

    def voice_markers_of(self, texts: Sequence[str], rows: csr_matrix, pairs: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the voice markers (m × len(MARKERS)) of the m marked pairs, in row-major order.

        The sentence markers are those of the sentence with the most evidence for the pair's frame.
        """
        markers = [np.empty((0, len(MARKERS)))]
        for index in np.flatnonzero(pairs.any(axis=1)).tolist():
            text, columns = plain(texts[index]), np.flatnonzero(pairs[index])
            spans = evidence_sentences(self.features, self.frame_model.weights, rows[index], text, columns)
            markers.append(read_markers(text, spans))
        return np.concatenate(markers)

    def explain(self, text: str) -> list[FrameReading]:
        """Return the reading of every frame with its evidence, most probable first.

        Each n-gram's share of the score is divided among the words it covers; neighbouring words that count in the
        same direction are shown as one span.
        """
        row, tokens = self.features.transform([text]), words(text)
        shares = word_shares(self.features, self.frame_model.weights, row, tokens)
        readings = [
            self._reading(row, strongest_spans(text, spans_of(tokens), shares[:, k]), voices, k)
            for k, voices in enumerate(self._voices_of_text(text, row))
        ]
        if len(tokens) < FEWEST_WORDS:
            readings = [reading.left_to_a_person() for reading in readings]
        if self.outside([text]):
            readings = [replace(reading, decision="no") for reading in readings]
        return sorted(readings, key=lambda reading: -reading.probability)

    def evidence_ngrams(self, text: str, frame: str) -> list[Evidence]:
        """Return every n-gram of ``text`` with its share of the frame's score, strongest first."""
        return ngram_evidence(self.features, self.frame_model.weights[:, self.frames.index(frame)], text)

    def _probabilities(self, rows: csr_matrix) -> NDArray[np.float64]:
        return calibrate(self.frame_model.scores(rows), self.sigmoids)

    def _reading(
        self,
        row: csr_matrix,
        evidence: tuple[Evidence, ...],
        voiced: tuple[dict[str, float], dict[str, VoiceReading]],
        k: int,
    ) -> FrameReading:
        voices, readings = voiced
        scores = self.frame_model.scores(row)
        score, probability = float(scores[0, k]), float(calibrate(scores, self.sigmoids)[0, k])
        bias = float(self.frame_model.bias[k])
        return FrameReading(
            frame=self.frames[k],
            probability=probability,
            threshold=float(self.thresholds[k]),
            band=(float(self.band[k, 0]), float(self.band[k, 1])),
            decision=self._decision(probability, k) if row.nnz else "no",
            voice=likeliest(voices),
            voices=voices,
            voice_decision=self.voice_decision(voices),
            evidence=evidence,
            other=score - bias - sum(item.weight for item in evidence),
            bias=bias,
            score=score,
            voice_readings=readings,
            right_share=self.word_shares[int(term_numbers(np.array(probability)))] if self.word_shares else math.nan,
        )

    def voice_decision(self, voices: dict[str, float]) -> str:
        """Return ``yes`` where the likeliest voice is stated, ``human`` where a person decides, "" without voices."""
        if self.voice_model is None or not voices:
            return ""
        shares = np.array([voices[voice] for voice in VOICES])
        return "human" if self.voice_model.unsettled(shares) else "yes"

    def _decision(self, probability: float, k: int) -> str:
        low, high = self.band[k]
        if low <= probability < high:
            return "human"
        return "yes" if probability >= high else "no"

    def _voices_of_text(self, text: str, row: csr_matrix) -> list[tuple[dict[str, float], dict[str, VoiceReading]]]:
        """Return for each frame the probability of each voice, and what counted for and against it."""
        columns = np.arange(len(self.frames))
        if self.voice_model is None:
            return [({}, {})] * len(columns)
        seen = plain(text)
        sentences = evidence_sentences(self.features, self.frame_model.weights, row, seen, columns)
        read = row[np.zeros_like(columns)], read_markers(seen, sentences)
        probabilities, scores = self.voice_model.probabilities(*read), self.voice_model.scores(*read)
        voices = [dict(zip(VOICES, shares, strict=True)) for shares in probabilities.tolist()]
        readings = voice_readings(self.voice_model, self.features, row, text, sentences, scores)
        return list(zip(voices, readings, strict=True))
