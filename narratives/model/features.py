"""Owns the TF-IDF row of a text: words (1-2) and characters within words (3-5), and where each n-gram stands.

Every other module sees a text only through this row, so page, command and explanation cannot disagree.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

CHARACTERS = range(3, 6)  # lengths of the character n-grams, in code points of the padded word
WORD = re.compile(r"\w+")
_ALIKE = str.maketrans("Σ’‘ʼ“”„«»Ёё", 'σ\'\'\'"""""Ее')  # one code point each, so that spans stay true
_CACHED_WORDS = 200_000  # distinct words whose character n-grams are remembered while a table is scored


def fold(text: str) -> str:
    """Return ``text`` composed (NFC, by cluster), lower-case, with quotation marks and Ё made alike."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text.translate(_ALIKE).lower()
    return "".join(folded for folded, _, _ in _clusters(text))


def _clusters(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each base character with its combining marks: folded, and its start and end in ``text``."""
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not unicodedata.combining(text[end]):
            composed = unicodedata.normalize("NFC", text[start:end])
            yield composed.translate(_ALIKE).lower(), start, end
            start = end


@dataclass(frozen=True)
class Word:
    """One word of a text: folded, and its span (code points, end exclusive) in the text as it was given."""

    folded: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Return the words of ``text`` in order, with their spans in the original."""
    folded = fold(text)
    if len(folded) == len(text) and (text.isascii() or unicodedata.is_normalized("NFC", text)):
        return [Word(found.group(), *found.span()) for found in WORD.finditer(folded)]
    starts, ends = [], []
    for piece, start, end in _clusters(text):
        starts += [start] * len(piece)
        ends += [end] * len(piece)
    return [Word(found.group(), starts[found.start()], ends[found.end() - 1]) for found in WORD.finditer(folded)]


def character_ngrams(word: str) -> list[str]:
    """Return the character n-grams of one folded word, padded by a space at each end; a short word is one n-gram."""
    padded = f" {word} "
    grams = [padded[start : start + n] for n in CHARACTERS for start in range(len(padded) - n + 1)]
    return grams or [padded]


@dataclass(frozen=True)
class Features:
    """A vocabulary with inverse document frequencies: first the word n-grams, then the character n-grams.

    ``idf`` has one value a term. A row holds (1 + ln count) · idf, each of the two blocks scaled to length 1. The
    length counts the n-grams outside the vocabulary too, each with ``unknown_idf``: a text that the model hardly
    knows is a short row, whose score stays near the bias, not a few loud words.
    """

    word_terms: tuple[str, ...]
    character_terms: tuple[str, ...]
    idf: NDArray[np.float64]
    unknown_idf: float

    @property
    def size(self) -> int:
        """The number of columns of a row."""
        return len(self.word_terms) + len(self.character_terms)

    @cached_property
    def _words(self) -> dict[str, int]:
        return {term: index for index, term in enumerate(self.word_terms)}

    @cached_property
    def _characters(self) -> dict[str, int]:
        return {term: index for index, term in enumerate(self.character_terms, len(self.word_terms))}

    @cached_property
    def _character_ids(self) -> dict[str, tuple[list[int], int]]:
        return {}

    def term(self, index: int) -> str:
        """Return the n-gram of a column."""
        border = len(self.word_terms)
        return self.word_terms[index] if index < border else self.character_terms[index - border]

    def characters_of(self, word: str) -> tuple[list[int], int]:
        """Return the columns of a folded word's character n-grams, one an occurrence, and how many are unknown."""
        found = self._character_ids.get(word)
        if found is None:
            grams = character_ngrams(word)
            known = [self._characters[gram] for gram in grams if gram in self._characters]
            found = known, len(grams) - len(known)
            if len(self._character_ids) < _CACHED_WORDS:
                self._character_ids[word] = found
        return found

    def word_of(self, *folded: str) -> int | None:
        """Return the column of a word or a pair of words, or None if the vocabulary lacks it."""
        return self._words.get(" ".join(folded))

    def unknown_shares(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's words that the vocabulary lacks; 0 for a text without a word."""
        known = self._words.__contains__
        found = [WORD.findall(fold(text)) for text in texts]
        lengths = np.array([len(tokens) for tokens in found], dtype=np.float64)
        hits = np.array([sum(map(known, tokens)) for tokens in found], dtype=np.float64)
        return np.asarray((lengths - hits) / np.maximum(1, lengths))

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Return the words that the vocabulary lacks, each once, as first written, in the order of the text."""
        unknown: dict[str, str] = {}
        for word in words(text):
            if word.folded not in self._words:
                unknown.setdefault(word.folded, text[word.start : word.end])
        return tuple(unknown.values())

    def transform(self, texts: Sequence[str]) -> csr_matrix:
        """Return the TF-IDF rows of ``texts`` (n × size, float64)."""
        counted = [self._count(text) for text in texts]
        counts = [row for row, _, _ in counted]
        ends = np.cumsum([0, *(len(row) for row in counts)])
        columns = np.fromiter((column for row in counts for column in row), np.int64, ends[-1])
        values = np.fromiter((count for row in counts for count in row.values()), np.float64, ends[-1])
        unknown = np.array([misses for _, *misses in counted], dtype=np.float64).reshape(-1)
        return self._weigh(columns, values, ends, unknown)

    def _count(self, text: str) -> tuple[Counter[int], int, int]:
        """Return the count of each column, and how many word and character n-grams the vocabulary lacks."""
        tokens = WORD.findall(fold(text))
        found = [self._words.get(token) for token in tokens]
        found += [self._words.get(f"{one} {other}") for one, other in pairwise(tokens)]
        counts = Counter(column for column in found if column is not None)
        word_misses, character_misses = len(found) - counts.total(), 0
        for token in tokens:
            known, misses = self.characters_of(token)
            counts.update(known)
            character_misses += misses
        return counts, word_misses, character_misses

    def _weigh(
        self,
        columns: NDArray[np.int64],
        counted: NDArray[np.float64],
        ends: NDArray[np.int64],
        unknown: NDArray[np.float64],
    ) -> csr_matrix:
        values = (1 + np.log(counted)) * self.idf[columns]
        rows = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        block = rows * 2 + (columns >= len(self.word_terms))
        lengths = np.sqrt(np.bincount(block, values**2, minlength=len(unknown)) + unknown * self.unknown_idf**2)
        matrix = csr_matrix((values / lengths[block], columns, ends), shape=(len(ends) - 1, self.size))
        matrix.sort_indices()
        return matrix
