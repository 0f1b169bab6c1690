"""Lays out a model for the kernel, and the memory that one thread writes while it reads."""

import re
import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES
from narratives.kernel.hashing import hash_table, hashes_of
from narratives.model.classifier import Classifier
from narratives.model.features import fold
from narratives.model.frame_model import as_bytes
from narratives.model.voice_markers import (
    EMOJI,
    LEXICON,
    PHRASES,
    QUOTATION_MARKS,
    SENTENCE_CLOSERS,
    SENTENCE_ENDS,
    SINGLE_QUOTATION_MARKS,
    TAGS,
)
from narratives.text import cleaning
from narratives.text.cleaning import SUSPECT_LETTERS

LONGEST = (
    20_000  # bytes of a paragraph: such a one has fewer n-grams than 16 bits count. The classifier reads longer ones
)
KNOWN_LETTERS = 0x20000  # code points beyond the second plane are rare and left to the classifier
_RECORDS, _POOL = 1 << 17, 1 << 21  # of the words remembered between paragraphs, and of their characters' columns
OF_FRAMES, OF_VOICES, OF_IDF = 3, 4, 6  # bytes after the lanes of a record; the voices themselves are the first three
_LINE = 64  # bytes of a cache line
LOGS = 1024  # logarithms of counts that are looked up instead of computed
FIRST_EMOJI, LAST_EMOJI = map(ord, EMOJI)
SIGNS = len(LEXICON)
PART = SIGNS + 5  # markers of one part of the text: the paragraph has them, and so has the sentence with the evidence

# What the table of letters says of a code point: in the low bits what it folds to, above that one bit a property.
LETTER = KNOWN_LETTERS - 1
LATIN, CYRILLIC = np.uint32(1 << 17), np.uint32(1 << 18)
IN_WORD, HARD, SPACE, MARK, OPENS, ENDS_SENTENCE, CLOSES_SENTENCE = (np.uint32(1 << bit) for bit in range(21, 28))
QUOTATION_SHIFT, QUOTATION_MASK = np.uint32(28), np.uint32(7)  # which of QUOTATION_MARKS it opens
SINGLE = np.uint32(1 << 31)
CLOSING = np.array([[ord(closing[0]), ord(closing[-1])] for _, closing in QUOTATION_MARKS], np.uint32)
_SUSPECT, _LATIN, _CYRILLIC = (re.compile(f"[{some}]") for some in (SUSPECT_LETTERS, cleaning.LATIN, cleaning.CYRILLIC))
_OPENING = "".join(opening for opening, _ in QUOTATION_MARKS)
_MARKS = frozenset("!?" + TAGS + SENTENCE_ENDS + _OPENING + "".join(closing for _, closing in QUOTATION_MARKS))


class Tables(NamedTuple):
    """What the kernel reads of a model.

    - ``letters``: for each known code point its folded form and properties.
    - ``vocabulary``: open-addressing table from a term's hash to its column.
    - ``pairs``: a bit table that says at once that most pairs of words are no term.
    - ``weights``: one record a term of ``width`` bytes, all in one cache line or from the start of one: ``lanes`` bytes
      of the frames (a multiple of eight, the lanes of one addition), then those of the three voices, the exponents of
      both (see ``frame_model.as_bytes``), and which of ``idf`` the term has. The commonest terms come first, so that
      hot records share cache lines.
    - ``scales``: the powers of two, by exponent as an unsigned byte.
    - ``idf``: the distinct inverse document frequencies.
    - ``terms``: how many terms the vocabulary has.
    - ``unknown``: the square of the idf of an n-gram outside the vocabulary.
    - ``logs``: logarithms of small counts.
    - ``bias``, ``sigmoids``, ``thresholds``, ``band``: those of the classifier, by frame.
    - ``sign_words``, ``sign_masks``, ``phrase_facts``, ``phrase_hashes``: the lexicon of voice markers, see
      ``_sign_tables``.
    - ``sign_weights``, ``voice_bias``, ``voice_prior``: those of the voice model, empty if there is none.
    """

    letters: NDArray[np.uint32]
    vocabulary: NDArray[np.uint64]
    pairs: NDArray[np.uint64]
    weights: NDArray[np.int8]
    width: int
    lanes: int
    scales: NDArray[np.float64]
    idf: NDArray[np.float64]
    terms: int
    unknown: float
    logs: NDArray[np.float64]
    bias: NDArray[np.float64]
    sigmoids: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    band: NDArray[np.float64]
    sign_words: NDArray[np.uint64]
    sign_masks: NDArray[np.uint64]
    phrase_facts: NDArray[np.int32]
    phrase_hashes: NDArray[np.uint64]
    sign_weights: NDArray[np.float64]
    voice_bias: NDArray[np.float64]
    voice_prior: NDArray[np.float64]


class Workspace(NamedTuple):
    """The memory that one thread writes while it reads, allocated once: a paragraph allocates nothing.

    Of the paragraph:

    - ``letters``: its code points. ``marks``: the offsets of those that are marks.
    - ``starts``, ``ends``, ``hashes``: its words. ``joined``: the hashes of its pairs of words.
    - ``entries``: for each word the slot of its record.
    - ``grams``: for each occurrence of a term the index of its column in ``touched``. ``own`` and ``pairs`` say which
      occurrence a word and a pair of words is.
    - ``touched``: the distinct columns; ``counts``, ``values`` and ``shares`` belong to them. ``numbers`` says of each
      column of the vocabulary which place in ``touched`` it has, plus one; zero means none, so it must be zero again
      after each paragraph.
    - ``edges``: code point, word and mark before which each sentence ends. ``totals``: the weight of each sentence.
    - ``signs``: the voice markers.

    Between paragraphs:

    - ``records``: open-addressing table of the words seen before, four values each: hash; span in ``pool``; unknown
      n-grams and own column; markers and phrases. ``pool`` has the columns of their character n-grams.
    - ``used``: how many records and how many values of the pool are used.
    """

    letters: NDArray[np.uint32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    entries: NDArray[np.uint32]
    joined: NDArray[np.uint64]
    own: NDArray[np.uint32]
    pairs: NDArray[np.uint32]
    grams: NDArray[np.uint32]
    marks: NDArray[np.uint32]
    numbers: NDArray[np.uint16]
    counts: NDArray[np.uint32]
    touched: NDArray[np.uint32]
    values: NDArray[np.float64]
    shares: NDArray[np.float64]
    edges: NDArray[np.int64]
    totals: NDArray[np.float64]
    signs: NDArray[np.float64]
    records: NDArray[np.uint64]
    pool: NDArray[np.uint32]
    used: NDArray[np.int64]


def make_tables(classifier: Classifier) -> Tables:
    """Lay out a classifier's weights for the kernel. Raises ValueError where two terms have one hash."""
    features, model = classifier.features, classifier.frame_model
    common = np.argsort(features.idf, kind="stable")
    of_words = np.array([" " in term for term in features.word_terms], dtype=bool)
    word_hashes = hashes_of(features.word_terms, True)
    hashes = np.concatenate([word_hashes, hashes_of(features.character_terms, False)])[common]
    sign_words, sign_masks, phrase_facts, phrase_hashes = _sign_tables()
    voice = classifier.voice_model
    weights, lanes, idf = _records(classifier, common)
    nothing = np.zeros((0, 3))
    return Tables(
        letters=_letters(),
        vocabulary=hash_table(hashes),
        pairs=_bits(word_hashes[of_words]),
        weights=weights.ravel(),
        width=weights.shape[1],
        lanes=lanes,
        scales=np.ldexp(1.0, np.arange(256, dtype=np.uint8).view(np.int8).astype(np.int64)),
        idf=idf,
        terms=len(hashes),
        unknown=float(features.unknown_idf) ** 2,
        logs=np.log(np.maximum(1, np.arange(LOGS))),
        bias=model.bias,
        sigmoids=np.ascontiguousarray(classifier.sigmoids),
        thresholds=classifier.thresholds,
        band=np.ascontiguousarray(classifier.band),
        sign_words=sign_words,
        sign_masks=sign_masks,
        phrase_facts=phrase_facts,
        phrase_hashes=phrase_hashes,
        sign_weights=nothing if voice is None else np.ascontiguousarray(voice.sign_weights),
        voice_bias=np.zeros(0) if voice is None else voice.bias,
        voice_prior=np.zeros(0) if voice is None else voice.prior,
    )


def make_workspace(tables: Tables) -> Workspace:
    """Allocate the memory of one thread."""
    words, terms = LONGEST // 2 + 2, tables.terms
    return Workspace(
        letters=np.empty(LONGEST + 1, np.uint32),
        starts=np.empty(words, np.int32),
        ends=np.empty(words, np.int32),
        hashes=np.empty(words, np.uint64),
        entries=np.empty(words, np.uint32),
        joined=np.empty(words, np.uint64),
        pairs=np.empty(words, np.uint32),
        own=np.empty(words, np.uint32),
        grams=np.empty(8 * LONGEST + 8, np.uint32),
        marks=np.empty(LONGEST + 2, np.uint32),
        numbers=np.zeros(terms, np.uint16),
        counts=np.empty(terms, np.uint32),
        touched=np.empty(terms, np.uint32),
        values=np.empty(terms, np.float64),
        shares=np.empty(terms, np.float64),
        edges=np.empty((words, 3), np.int64),
        totals=np.empty(words, np.float64),
        signs=np.empty(2 * PART, np.float64),
        records=np.zeros(4 * _RECORDS, np.uint64),
        pool=np.empty(_POOL, np.uint32),
        used=np.zeros(2, np.int64),
    )


def _records(classifier: Classifier, order: NDArray[np.int64]) -> tuple[NDArray[np.int8], int, NDArray[np.float64]]:
    """Return the records of the terms in this order, the number of lanes, and the distinct idf."""
    size, frames = classifier.frame_model.weights.shape
    lanes = -(-frames // 8) * 8
    records = _aligned(size, lanes + 8)
    weights, exponents = as_bytes(classifier.frame_model.weights)
    records[:, :frames], records[:, lanes + OF_FRAMES] = weights[order], exponents[order]
    if classifier.voice_model is not None:
        weights, exponents = as_bytes(classifier.voice_model.row_weights)
        records[:, lanes : lanes + len(VOICES)], records[:, lanes + OF_VOICES] = weights[order], exponents[order]
    idf, numbers = np.unique(classifier.features.idf, return_inverse=True)
    if len(idf) > 1 << 16:
        raise ValueError(f"{len(idf)} distinct document frequencies are more than two bytes can name")
    records[:, lanes + OF_IDF : lanes + OF_IDF + 2] = numbers[order].astype("<u2")[:, None].view(np.int8)
    return records, lanes, idf


def _aligned(rows: int, used: int) -> NDArray[np.int8]:
    """Return zeroed records of ``used`` bytes or some more, so that none crosses a border of cache lines needlessly."""
    width = next((size for size in (16, 32, _LINE) if used <= size), -(-used // _LINE) * _LINE)
    memory = np.zeros(rows * width + _LINE, np.int8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + rows * width].reshape(rows, width)


def _bits(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a table of bits in which each hash has set the one that its low bits name.

    It has at least sixteen bits a hash, so that fifteen of sixteen absent hashes are told apart without a look at the
    vocabulary, which is too large for the cache.
    """
    size = 1 << (16 * len(hashes) + 1024).bit_length()
    bits = np.zeros(size, np.uint8)
    bits[hashes & np.uint64(size - 1)] = 1
    return np.packbits(bits, bitorder="little").view(np.uint64)


def _sign_tables() -> tuple[NDArray[Any], ...]:
    """Return the lexicon of voice markers as four arrays.

    - A hash table of the words that begin a phrase, with their indices.
    - For each such word, three masks: the markers that the word alone is, the markers of any word that begins so, and
      one more than the index of the first longer phrase (0: none).
    - For each longer phrase: its marker, its number of words, the number of letters of its last word if that is open
      (0 if it is closed), and whether the next phrase begins with the same word.
    - For each longer phrase the hashes of its words but the first.
    """
    longer = sorted((phrase for phrase in PHRASES if len(phrase.words) > 1), key=lambda phrase: phrase.words[0])
    firsts = sorted({phrase.words[0] for phrase in PHRASES})
    masks = np.zeros((len(firsts), 3), np.uint64)
    for phrase in PHRASES:
        if len(phrase.words) == 1:
            masks[firsts.index(phrase.words[0]), int(phrase.open)] |= np.uint64(1 << phrase.marker)
    facts = np.zeros((len(longer), 4), np.int32)
    hashes = np.zeros((len(longer), max((len(phrase.words) for phrase in longer), default=1) - 1), np.uint64)
    for index, phrase in enumerate(longer):
        more = index + 1 < len(longer) and longer[index + 1].words[0] == phrase.words[0]
        facts[index] = phrase.marker, len(phrase.words), len(phrase.words[-1]) * phrase.open, more
        hashes[index, : len(phrase.words) - 1] = hashes_of(phrase.words[1:], True)
        first = masks[firsts.index(phrase.words[0])]
        first[2] = first[2] or index + 1
    return hash_table(hashes_of(tuple(firsts), True)), masks, facts, hashes


@cache
def _letters() -> NDArray[np.uint32]:
    """Return for each code point what it folds to, and its properties."""
    seconds = _second_letters()
    letters = np.full(KNOWN_LETTERS, HARD, np.uint32)
    for code in range(KNOWN_LETTERS):
        character = chr(code)
        folded = fold(character)
        hard = len(folded) != 1 or code in seconds or not unicodedata.is_normalized("NFC", character)
        hard |= _SUSPECT.match(character) is not None  # cleaning may change the text
        single = folded if len(folded) == 1 else character
        letters[code] = ord(single) | _properties(character, single, hard)
    return letters


def _properties(character: str, folded: str, hard: bool) -> int:
    mark = character in _MARKS or FIRST_EMOJI <= ord(character) <= LAST_EMOJI
    opens = character in _OPENING
    properties = {
        IN_WORD: folded.isalnum() or folded == "_",
        HARD: hard,
        SPACE: character.isspace(),
        MARK: mark,
        OPENS: opens,
        ENDS_SENTENCE: character in SENTENCE_ENDS,
        CLOSES_SENTENCE: character in SENTENCE_CLOSERS,
        SINGLE: character in SINGLE_QUOTATION_MARKS,
        LATIN: _LATIN.match(character) is not None,
        CYRILLIC: _CYRILLIC.match(character) is not None,
    }
    kind = _OPENING.index(character) << int(QUOTATION_SHIFT) if opens else 0
    return kind | sum(int(bit) for bit, holds in properties.items() if holds)


def _second_letters() -> set[int]:
    """Return the code points that NFC may compose with the one before, or move past it.

    A paragraph with one of them cannot be folded code point by code point.
    """
    seconds = {code for code in range(KNOWN_LETTERS) if unicodedata.combining(chr(code))}
    # Composed by rule, without an entry in the table of decompositions.
    seconds |= {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # Hangul vowels and finals
    for code in range(KNOWN_LETTERS):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(int(parts[1], 16))
    return seconds
