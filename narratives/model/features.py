"""Turns a text into a TF-IDF row over n-grams of words and of characters within words.

Prediction and explanation see a text only through this row, so pages, commands and explanations cannot disagree.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from narratives.text.cleaning import clean, clusters, is_plain

CHARACTERS = range(3, 6)  # lengths of the character n-grams, in code points of the padded word
WORD = re.compile(r"\w+")
_ALIKE = str.maketrans("Σ’‘ʼ“”„«»Ёё", 'σ\'\'\'"""""Ее')  # one code point for one, so that spans stay valid
_CACHED_WORDS = 200_000  # distinct words whose character n-grams are cached; the limit bounds memory on large tables


def fold(text: str) -> str:
    """Return ``text`` cleaned, in NFC (cluster by cluster) and lower case, with quotation marks and Ё unified."""
    if _folds_in_place(text):
        return _folded(text)
    return "".join(folded for folded, _, _ in clusters(clean(text), _folded))


def _folds_in_place(text: str) -> bool:
    return is_plain(text) and (text.isascii() or unicodedata.is_normalized("NFC", text))


def _folded(text: str) -> str:
    return text.translate(_ALIKE).lower()


@dataclass(frozen=True)
class Word:
    """A folded word and its span (code points, end exclusive) in the original text."""

    folded: str
    start: int
    end: int


def words(text: str) -> list[Word]:
    """Return the words of ``text`` in order, with their spans in the original text."""
    if _folds_in_place(text):
        folded = _folded(text)
        if len(folded) == len(text):
            return [Word(match.group(), *match.span()) for match in WORD.finditer(folded)]
    # Cleaning or folding changed the length somewhere: map each folded code point back to its cluster.
    pieces = clusters(clean(text), _folded)
    folded = "".join(piece for piece, _, _ in pieces)
    starts = [start for piece, start, _ in pieces for _ in piece]
    ends = [end for piece, _, end in pieces for _ in piece]
    return [Word(match.group(), starts[match.start()], ends[match.end() - 1]) for match in WORD.finditer(folded)]


def character_ngrams(word: str) -> list[str]:
    """Return the character n-grams of a folded word padded by a space at each end; the shortest word is one n-gram."""
    padded = f" {word} "
    grams = [padded[start : start + n] for n in CHARACTERS for start in range(len(padded) - n + 1)]
    return grams or [padded]


@dataclass(frozen=True)
class Features:
    """A vocabulary of word n-grams and character n-grams with their inverse document frequencies.

    - ``word_terms``, ``character_terms``: the terms of the columns, word n-grams first
    - ``idf``: one value per column
    - ``unknown_idf``: the value of every n-gram outside the vocabulary

    A row holds (1 + ln count) · idf, and each of its two blocks is scaled to length 1. N-grams outside the vocabulary
    count towards that length. So a text with few known words is a short row, and its score stays near the bias
    instead of following a few words.
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
        """Return the columns of a folded word's known character n-grams, with repeats, and how many are unknown."""
        cached = self._character_ids.get(word)
        if cached is None:
            grams = character_ngrams(word)
            known = [self._characters[gram] for gram in grams if gram in self._characters]
            cached = known, len(grams) - len(known)
            if len(self._character_ids) < _CACHED_WORDS:
                self._character_ids[word] = cached
        return cached

    def word_of(self, *folded: str) -> int | None:
        """Return the column of a folded word or pair of words, or None if it is outside the vocabulary."""
        return self._words.get(" ".join(folded))

    def unknown_shares(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each text's words that are outside the vocabulary; 0 for a text without words."""
        known = self._words.__contains__
        tokenised = [WORD.findall(fold(text)) for text in texts]
        lengths = np.array([len(tokens) for tokens in tokenised], dtype=np.float64)
        known_words = np.array([sum(map(known, tokens)) for tokens in tokenised], dtype=np.float64)
        return np.asarray((lengths - known_words) / np.maximum(1, lengths))

    def unknown_words(self, text: str) -> tuple[str, ...]:
        """Return the words outside the vocabulary in the order of the text, each once, as first written."""
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
        unknown = np.array([numbers for _, *numbers in counted], dtype=np.float64).reshape(-1)
        return self._weigh(columns, values, ends, unknown)

    def _count(self, text: str) -> tuple[Counter[int], int, int]:
        """Return the count of each column, and the numbers of unknown word n-grams and character n-grams."""
        tokens = WORD.findall(fold(text))
        columns = [self._words.get(token) for token in tokens]
        columns += [self._words.get(f"{first} {second}") for first, second in pairwise(tokens)]
        counts = Counter(column for column in columns if column is not None)
        unknown_words, unknown_characters = len(columns) - counts.total(), 0
        for token in tokens:
            known, unknown = self.characters_of(token)
            counts.update(known)
            unknown_characters += unknown
        return counts, unknown_words, unknown_characters

    def _weigh(
        self,
        columns: NDArray[np.int64],
        counted: NDArray[np.float64],
        ends: NDArray[np.int64],
        unknown: NDArray[np.float64],
    ) -> csr_matrix:
        values = (1 + np.log(counted)) * self.idf[columns]
        rows = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        block = rows * 2 + (columns >= len(self.word_terms))  # two blocks per row, as in ``unknown``
        lengths = np.sqrt(np.bincount(block, values**2, minlength=len(unknown)) + unknown * self.unknown_idf**2)
        matrix = csr_matrix((values / lengths[block], columns, ends), shape=(len(ends) - 1, self.size))
        matrix.sort_indices()  # explanations search a row's columns by bisection
        return matrix
