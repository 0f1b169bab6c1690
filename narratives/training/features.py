"""Learns the vocabulary and the idf of a set of texts."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from narratives.model.features import WORD, Features, character_ngrams, fold

UNKNOWN = 0.4  # weight of an n-gram outside the vocabulary in a row's length, as a share of the highest idf


def fit_features(
    texts: Sequence[str],
    extra_terms: Iterable[str] = (),
    min_df: int = 2,
    background: Sequence[str] = (),
    documents: Sequence[str] = (),
) -> Features:
    """Learn the vocabulary and the idf of ``texts``.

    - ``extra_terms``: texts all of whose terms enter the vocabulary.
    - ``min_df``: the number of texts that any other term must occur in.
    - ``background``: texts that count in n and df, but add no terms.
    - ``documents``: for each text that belongs to others the document that it is from, "" for one's own. A term that
      only such texts have must meet ``BORROWED``, so that a model holds nothing of a text but what many share.

    idf is ln((1 + n) / (1 + df)) + 1, the smoothed form of Salton and Buckley (1988) that scikit-learn uses.

    Unknown n-grams weigh ``UNKNOWN`` of the highest idf. At full weight, random real paragraphs lost .02 of micro-F1;
    at none, more of them got a frame that they lack.
    """
    counts = count_terms(texts, documents)
    counters = tuple(count.all for count in counts)
    for count, extra in zip(counts, terms_of(extra_terms), strict=True):
        kept = {term for term, number in count.all.items() if number >= min_df and count.may_be_kept(term)} | extra
        for term in count.all.keys() - kept:
            del count.all[term]
        count.all.update(dict.fromkeys(kept, 0))  # an extra term that no text has still needs a column
    _count_background(background, counters)
    number = len(texts) + len(background)
    # Sorted, so that columns do not depend on the order of the texts or on string hashing.
    word_terms, character_terms = (tuple(sorted(counter)) for counter in counters)
    frequencies = [*(counters[0][term] for term in word_terms), *(counters[1][term] for term in character_terms)]
    idf = np.log((1 + number) / (1 + np.array(frequencies, dtype=np.float64))) + 1
    return Features(word_terms, character_terms, idf, UNKNOWN * float(np.log(1 + number) + 1))


BORROWED = (3, 2)  # paragraphs and documents of others that a term must occur in which one's own texts lack


@dataclass(frozen=True)
class TermCounts:
    """In how many texts each term occurs: in all, in one's own, in those of others, and in how many documents of them.

    Terms are word n-grams or character n-grams.
    """

    all: Counter[str]
    own: Counter[str]
    borrowed: Counter[str]
    documents: Counter[str]

    def may_be_kept(self, term: str) -> bool:
        """Return whether one's own texts have the term, or enough texts and documents of others."""
        paragraphs, documents = BORROWED
        return term in self.own or (self.borrowed[term] >= paragraphs and self.documents[term] >= documents)


def count_terms(texts: Sequence[str], documents: Sequence[str] = ()) -> tuple[TermCounts, TermCounts]:
    """Count the texts that each word n-gram and each character n-gram occurs in; ``documents`` as in ``fit_features``.

    The texts of one document need not be adjacent.
    """
    counts = tuple(TermCounts(Counter(), Counter(), Counter(), Counter()) for _ in range(2))
    by_document: dict[str, list[str]] = defaultdict(list)
    for text, document in zip(texts, documents or ("",) * len(texts), strict=True):
        if document:
            by_document[document].append(text)
        else:
            for count, terms in zip(counts, _terms_of(text), strict=True):
                count.all.update(terms)
                count.own.update(terms)
    for pieces in by_document.values():
        seen: tuple[set[str], set[str]] = set(), set()
        for text in pieces:
            for count, terms, known in zip(counts, _terms_of(text), seen, strict=True):
                count.all.update(terms)
                count.borrowed.update(terms)
                known.update(terms)
        for count, known in zip(counts, seen, strict=True):
            count.documents.update(known)
    return counts[0], counts[1]


def _count_background(background: Sequence[str], counters: Sequence[Counter[str]]) -> None:
    for text in background:
        for counter, terms in zip(counters, _terms_of(text), strict=True):
            counter.update([term for term in terms if term in counter])


def _terms_of(text: str) -> tuple[set[str], set[str]]:
    """Return the distinct word n-grams and character n-grams of a text."""
    tokens = WORD.findall(fold(text))
    characters = {gram for token in set(tokens) for gram in character_ngrams(token)}
    return {*tokens, *map(" ".join, pairwise(tokens))}, characters


def terms_of(texts: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return all word n-grams and all character n-grams of the texts."""
    extra: tuple[set[str], set[str]] = set(), set()
    for text in texts:
        for known, terms in zip(extra, _terms_of(text), strict=True):
            known.update(terms)
    return extra
