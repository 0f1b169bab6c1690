"""Predicts with a saved model's whole linear map, frames and voices, over UTF-8 text, compiled by Numba.

The kernel makes the classifier's predictions (probabilities differ by less than 1e-6), much faster: it decodes, folds,
cuts and counts a paragraph in one pass and never makes a TF-IDF row. It leaves two kinds of paragraphs to the
classifier: those longer than ``LONGEST``, and those that cannot be folded code point by code point.
"""

import threading
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES
from narratives.kernel.compiled import compiled
from narratives.kernel.layout import HARD, KNOWN_LETTERS, LONGEST, Workspace, make_tables, make_workspace
from narratives.kernel.tfidf import count_all, value_all, weigh
from narratives.kernel.voice import settle_documents, speak
from narratives.kernel.words import cut_words, decode, make_room, trim
from narratives.model.calibration import KNEE
from narratives.model.classifier import Classifier, Predictions
from narratives.model.features import FEWEST_WORDS
from narratives.model.scope import ASKED, outside
from narratives.text.cleaning import plain
from narratives.text.paragraphs import split
from narratives.text.spans import TextSpans, spans_of


class Results(NamedTuple):
    """Predictions on n paragraphs and k frames.

    - ``probabilities``, ``predicted``, ``human``: n × k.
    - ``voices``: n × k × 3 shares, set only where a frame is predicted.
    - ``hard``: n; marks the paragraphs that are left to the classifier.
    - ``unknown``: n; the share of words that the model does not know.
    """

    probabilities: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    human: NDArray[np.bool_]
    voices: NDArray[np.float64]
    hard: NDArray[np.bool_]
    unknown: NDArray[np.float64]


@compiled
def read_paragraphs(data, spans, easy, tables, space, found):
    """Predict paragraphs (byte spans of UTF-8 ``data``) and write into ``found``, the fields of ``Results``.

    ``easy`` says that the caller has checked that folding code point by code point is right.
    """
    probabilities, predicted, human, _, hard, unknown = found
    starts, ends = spans
    frames, sums = len(tables.bias), np.zeros((2, tables.lanes), np.float64)
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        hard[row] = size > LONGEST
        if hard[row]:
            continue
        count, marks, any_of = decode(data, starts[row], ends[row], space, tables.letters)
        hard[row] = not easy and (any_of & HARD) != 0
        if hard[row]:
            continue
        make_room(size, space)
        words, suspect = cut_words(count, space, tables)
        hard[row] = not easy and suspect
        if hard[row]:
            continue
        of_words, distinct, unknown_words, alone, unknown_characters, characters = count_all(words, space, tables)
        unknown[row] = alone / max(words, 1)
        # The row's two blocks, words and characters, are each scaled to length 1.
        lengths = (
            value_all(0, of_words, unknown_words, space, tables),
            value_all(of_words, distinct, unknown_characters, space, tables),
        )
        weigh(0, of_words, space, tables, sums[0])
        weigh(of_words, distinct, space, tables, sums[1])
        any_frame = False
        for frame in range(frames):
            score = tables.bias[frame]
            for block in range(2):
                if lengths[block] > 0:
                    score += sums[block, frame] / lengths[block]
            logit = score * tables.sigmoids[frame, 0] + tables.sigmoids[frame, 1]
            if logit > KNEE:
                logit = KNEE + tables.sigmoids[frame, 2] * (logit - KNEE)
            probability = 1.0 / (1.0 + np.exp(-logit))
            probabilities[row, frame] = probability
            # A text without a known word has no frame, whatever the bias says.
            predicted[row, frame] = distinct > 0 and probability >= tables.thresholds[frame]
            low, high = tables.band[frame]
            few = words < FEWEST_WORDS and predicted[row, frame]
            human[row, frame] = distinct > 0 and (low <= probability < high or few)
            any_frame |= predicted[row, frame]
        if any_frame and tables.voice_bias.size:
            size = count, words, marks, of_words, distinct, characters
            speak(row, size, lengths, space, tables, found)
        # Only what was counted is zeroed: ``numbers`` is as long as the vocabulary.
        for index in range(distinct):
            space.numbers[np.uint64(space.touched[np.uint64(index)])] = 0


class Kernel:
    """A classifier laid out for speed. Threads may predict side by side; each has a workspace of its own."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.tables = make_tables(classifier)
        self._threads = threading.local()

    @property
    def frames(self) -> tuple[str, ...]:
        """The frame ids, in the order of the columns."""
        return self.classifier.frames

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.classifier.name

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the calibrated probabilities, n × k."""
        return self.predict_texts(texts).probabilities

    def predict_texts(self, texts: Sequence[str], documents: NDArray[np.int64] | None = None) -> Predictions:
        """Return what ``Classifier.predict_texts`` returns for ``texts``."""
        spans = spans_of(texts)
        edges = None if documents is None else np.flatnonzero(np.diff(documents, prepend=-1, append=-1))
        return self.predict(spans, edges)

    def predict_paragraphs(self, texts: Sequence[str]) -> tuple[Predictions, TextSpans, NDArray[np.int64]]:
        """Split texts; return the predictions on all paragraphs, the paragraphs, and how many each text has.

        A text without words is one empty paragraph.
        """
        paragraphs, lengths = split_spans(spans_of(texts), self.tables.letters)
        edges = np.concatenate([[0], np.cumsum(lengths)])
        return self.predict(paragraphs, edges), paragraphs, lengths

    def predict(self, paragraphs: TextSpans, edges: NDArray[np.int64] | None = None) -> Predictions:
        """Return what ``Classifier.predict_texts`` returns for paragraphs, spans of valid UTF-8.

        ``edges`` holds the index of each document's first paragraph, and the number of paragraphs at its end. Without
        it each paragraph is a document.
        """
        results = self._empty_results(len(paragraphs))
        spans = paragraphs.starts, paragraphs.ends
        read_paragraphs(paragraphs.data, spans, False, self.tables, self._workspace(), results)
        cleaned = self._predict_hard(paragraphs, results) if results.hard.any() else frozenset()
        outside = self._leave_out(paragraphs, results)
        if edges is not None and len(edges) - 1 < len(paragraphs) and self.tables.voice_bias.size:
            settle_documents(results.voices, results.predicted, edges, self.tables.voice_prior)
        voices, unsettled = np.full(results.predicted.shape, -1, np.int8), np.zeros(results.predicted.shape, np.bool_)
        if self.classifier.voice_model is not None:
            shares = results.voices[results.predicted]
            voices[results.predicted] = shares.argmax(axis=1)
            unsettled[results.predicted] = self.classifier.voice_model.unsettled(shares)
        of_frames = results.probabilities, results.predicted, results.human
        return Predictions(*of_frames, voices, unsettled, outside, cleaned)

    def _leave_out(self, paragraphs: TextSpans, results: Results) -> dict[int, str]:
        """Find no frame in paragraphs that the model cannot read; return why it cannot, by the row."""
        reasons: dict[int, str] = {}
        for row in np.flatnonzero(results.unknown > ASKED).tolist():
            reason = outside(paragraphs[row], results.unknown[row], self.classifier.languages)
            if reason:
                reasons[row] = reason
                results.predicted[row] = results.human[row] = False
        return reasons

    def _empty_results(self, rows: int) -> Results:
        shape = rows, len(self.classifier.frames)
        predicted, human = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        voices, hard, unknown = np.zeros((*shape, len(VOICES))), np.zeros(rows, np.bool_), np.zeros(rows)
        return Results(np.zeros(shape), predicted, human, voices, hard, unknown)

    def _workspace(self) -> Workspace:
        if not hasattr(self._threads, "space"):
            self._threads.space = make_workspace(self.tables)
        space: Workspace = self._threads.space
        return space

    def _predict_hard(self, paragraphs: TextSpans, results: Results) -> frozenset[int]:
        """Predict what the first pass left, after a look at the whole text or by the classifier.

        Return the rows whose text had to be cleaned.
        """
        cleaned = set[int]()
        for index in np.flatnonzero(results.hard).tolist():
            text, row = paragraphs[index], slice(index, index + 1)
            single = Results(*(part[row] for part in results))  # type: ignore[arg-type]
            start, end = paragraphs.starts[row], paragraphs.ends[row]
            seen = plain(text)
            if seen != text:
                cleaned.add(index)
            if folds_by_letter(seen) and end[0] - start[0] <= LONGEST:
                spans = spans_of([seen])
                read_paragraphs(spans.data, (spans.starts, spans.ends), True, self.tables, self._workspace(), single)
            else:
                self._ask_classifier(text, single)
        return frozenset(cleaned)

    def _ask_classifier(self, text: str, single: Results) -> None:
        rows, answer = self.classifier.features.transform([text]), self.classifier.predict_texts([text])
        single.probabilities[:], single.predicted[:], single.human[:] = (
            answer.probabilities,
            answer.predicted,
            answer.human,
        )
        single.unknown[:] = self.classifier.features.unknown_shares([text])
        if self.classifier.voice_model is not None and answer.predicted.any():
            single.voices[answer.predicted] = self.classifier.voice_probabilities([text], rows, answer.predicted)


def split_spans(texts: TextSpans, letters: NDArray[np.uint32]) -> tuple[TextSpans, NDArray[np.int64]]:
    """Split texts into paragraphs as ``text.paragraphs.split`` does; return them and how many each text has.

    A text without words is one empty paragraph. ``letters`` is the kernel's table of letters.
    """
    starts, ends = np.empty_like(texts.starts), np.empty_like(texts.ends)
    broken = np.zeros(len(texts), np.bool_)
    trim(texts.data, (texts.starts, texts.ends), letters, (starts, ends), broken)
    lengths = np.ones(len(texts), np.int64)
    # Most texts are one line. Only the others are decoded, by the code that everything else splits with.
    if not broken.any():
        return TextSpans(texts.data, starts, ends), lengths
    cut = {index: _paragraphs(texts[index], int(texts.starts[index])) for index in np.flatnonzero(broken).tolist()}
    lengths[list(cut)] = [len(spans) for spans in cut.values()]
    firsts = np.cumsum(lengths) - lengths
    all_spans = np.empty((int(lengths.sum()), 2), np.int64)
    all_spans[firsts, 0], all_spans[firsts, 1] = starts, ends
    for index, spans in cut.items():
        all_spans[firsts[index] : firsts[index] + len(spans)] = spans
    return TextSpans(texts.data, all_spans[:, 0].copy(), all_spans[:, 1].copy()), lengths


def _paragraphs(text: str, start: int) -> list[tuple[int, int]]:
    """Return the bytes of the paragraphs of a text that begins at byte ``start``."""
    spans = []
    for piece in split(text):
        first = start + len(text[: piece.start].encode("utf-8", "surrogatepass"))
        spans.append((first, first + len(piece.text.encode("utf-8", "surrogatepass"))))
    return spans


def folds_by_letter(text: str) -> bool:
    """Return whether folding a text code point by code point is right.

    The first pass marks any text with a combining mark as hard; one that is in NFC all the same is not.
    """
    return (
        unicodedata.is_normalized("NFC", text) and "\u0130" not in text and ord(max(text, default=" ")) < KNOWN_LETTERS
    )
