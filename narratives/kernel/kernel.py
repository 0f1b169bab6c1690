"""Owns the kernel: a saved model's whole linear map, frames and voices, over UTF-8 text, compiled by Numba.

It says what the classifier says (differences below 1e-6 in a probability), some fifty times as fast: a paragraph is
decoded, folded, cut into words and counted in one pass, and no row of n-grams is ever made. What it leaves to the
classifier, and marks so: paragraphs above ``LONGEST`` bytes, and those whose folding needs more than one code point at
a time.
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
from narratives.model.classifier import Classifier, Predictions
from narratives.text.paragraphs import split
from narratives.text.spans import TextSpans, spans_of


@compiled
def read_paragraphs(data, spans, easy, tables, space, found):
    """Read paragraphs (byte spans of UTF-8 ``data``) and write what is found into ``found``, a row each.

    ``found``: probabilities (n × k), predicted, human (n × k), said (n × k × 3, only where predicted) and hard (n),
    which marks the paragraphs that are left to the classifier. ``easy`` tells that folding one by one is right.
    """
    probabilities, predicted, human, _, hard = found
    starts, ends = spans
    frames, sums = len(tables.bias), np.zeros((2, tables.width), np.float64)
    for number in range(len(starts)):
        size = ends[number] - starts[number]
        hard[number] = size > LONGEST
        if hard[number]:
            continue
        count, marks, any_of = decode(data, starts[number], ends[number], space, tables.letters)
        hard[number] = not easy and (any_of & HARD) != 0
        if hard[number]:
            continue
        make_room(size, space)
        words = cut_words(count, space, tables)
        of_words, distinct, word_misses, character_misses, characters = count_all(words, space, tables)
        lengths = (
            value_all(0, of_words, word_misses, space, tables),
            value_all(of_words, distinct, character_misses, space, tables),
        )
        weigh(0, of_words, space, tables, sums[0])
        weigh(of_words, distinct, space, tables, sums[1])
        any_frame = False
        for frame in range(frames):
            score = tables.bias[frame]
            for block in range(2):
                if lengths[block] > 0:
                    score += sums[block, frame] / lengths[block]
            curve = score * tables.sigmoids[frame, 0] + tables.sigmoids[frame, 1]
            probability = 1.0 / (1.0 + np.exp(-curve))
            probabilities[number, frame] = probability
            predicted[number, frame] = distinct > 0 and probability >= tables.thresholds[frame]
            low, high = tables.band[frame]
            human[number, frame] = distinct > 0 and low <= probability < high
            any_frame |= predicted[number, frame]
        if any_frame and tables.voice_bias.size:
            size = count, words, marks, of_words, distinct, characters
            speak(number, size, (sums, lengths), space, tables, found)
        for place in range(distinct):
            space.numbers[np.uint64(space.touched[np.uint64(place)])] = 0


class Found(NamedTuple):
    """What is found in n paragraphs; see ``read_paragraphs``."""

    probabilities: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    human: NDArray[np.bool_]
    said: NDArray[np.float64]
    hard: NDArray[np.bool_]


class Kernel:
    """A classifier laid out for speed. Threads may read with it side by side; each has a workspace of its own."""

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
        """Which model it is."""
        return self.classifier.name

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the calibrated probabilities, n × k."""
        return self.predict_texts(texts).probabilities

    def predict_texts(self, texts: Sequence[str], documents: NDArray[np.int64] | None = None) -> Predictions:
        """Return what ``Classifier.predict_texts`` says of ``texts``."""
        spans = spans_of(texts)
        edges = None if documents is None else np.flatnonzero(np.diff(documents, prepend=-1, append=-1))
        return self.predict(spans.data, spans.starts, spans.ends, edges)

    def predict_paragraphs(self, texts: Sequence[str]) -> tuple[Predictions, TextSpans, NDArray[np.int64]]:
        """Split texts; return the predictions on all paragraphs, the paragraphs, and how many each text has.

        A text without words is one empty paragraph.
        """
        pieces, lengths = self._split(spans_of(texts))
        edges = np.concatenate([[0], np.cumsum(lengths)])
        return self.predict(pieces.data, pieces.starts, pieces.ends, edges), pieces, lengths

    def _split(self, texts: TextSpans) -> tuple[TextSpans, NDArray[np.int64]]:
        starts, ends = np.empty_like(texts.starts), np.empty_like(texts.ends)
        broken = np.zeros(len(texts), np.bool_)
        trim(texts.data, (texts.starts, texts.ends), self.tables.letters, (starts, ends), broken)
        lengths = np.ones(len(texts), np.int64)
        if not broken.any():
            return TextSpans(texts.data, starts, ends), lengths
        cut = {
            number: _paragraphs(texts[number], int(texts.starts[number])) for number in np.flatnonzero(broken).tolist()
        }
        lengths[list(cut)] = [len(spans) for spans in cut.values()]
        firsts = np.cumsum(lengths) - lengths
        spans = np.empty((int(lengths.sum()), 2), np.int64)
        spans[firsts, 0], spans[firsts, 1] = starts, ends
        for number, found in cut.items():
            spans[firsts[number] : firsts[number] + len(found)] = found
        return TextSpans(texts.data, spans[:, 0].copy(), spans[:, 1].copy()), lengths

    def predict(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        edges: NDArray[np.int64] | None = None,
    ) -> Predictions:
        """Return what ``Classifier.predict_texts`` says of paragraphs, given as spans of valid UTF-8.

        ``edges`` has the number of each document's first paragraph, and in the end that of all paragraphs; without it
        each stands alone.
        """
        found = self._found(len(starts))
        read_paragraphs(data, (starts, ends), False, self.tables, self._workspace(), found)
        if found.hard.any():
            self._read_hard(data, starts, ends, found)
        if edges is not None and len(edges) - 1 < len(starts) and self.tables.voice_bias.size:
            settle_documents(found.said, found.predicted, edges, self.tables.voice_prior)
        voices = np.full(found.predicted.shape, -1, np.int8)
        if self.tables.voice_bias.size:
            voices[found.predicted] = found.said[found.predicted].argmax(axis=1)
        return Predictions(found.probabilities, found.predicted, found.human, voices)

    def _found(self, number: int) -> Found:
        shape = number, len(self.classifier.frames)
        predicted, human = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        return Found(np.zeros(shape), predicted, human, np.zeros((*shape, len(VOICES))), np.zeros(number, np.bool_))

    def _workspace(self) -> Workspace:
        if not hasattr(self._threads, "space"):
            self._threads.space = make_workspace(self.tables)
        space: Workspace = self._threads.space
        return space

    def _read_hard(
        self, data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64], found: Found
    ) -> None:
        """Read again what the first reading left: with a look at the whole text, or by the classifier."""
        for number in np.flatnonzero(found.hard).tolist():
            text = data[starts[number] : ends[number]].tobytes().decode("utf-8", "surrogatepass")
            one = Found(*(part[number : number + 1] for part in found))  # type: ignore[arg-type]
            if _is_easy(text) and ends[number] - starts[number] <= LONGEST:
                span = slice(number, number + 1)
                read_paragraphs(data, (starts[span], ends[span]), True, self.tables, self._workspace(), one)
            else:
                self._read_plainly(text, one)

    def _read_plainly(self, text: str, one: Found) -> None:
        rows, said = self.classifier.features.transform([text]), self.classifier.predict_texts([text])
        one.probabilities[:], one.predicted[:], one.human[:] = said.probabilities, said.predicted, said.human
        if self.classifier.voice_model is not None and said.predicted.any():
            one.said[said.predicted] = self.classifier.voice_shares([text], rows, said.predicted)


def _paragraphs(text: str, start: int) -> list[tuple[int, int]]:
    """Return the bytes of the paragraphs of a text that begins at byte ``start``."""
    spans = []
    for piece in split(text):
        first = start + len(text[: piece.start].encode("utf-8", "surrogatepass"))
        spans.append((first, first + len(piece.text.encode("utf-8", "surrogatepass"))))
    return spans


def _is_easy(text: str) -> bool:
    """Return whether a text is folded code point by code point, although some of its marks need not be."""
    return unicodedata.is_normalized("NFC", text) and "\u0130" not in text and ord(max(text)) < KNOWN_LETTERS
