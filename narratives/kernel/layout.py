"""Owns the layout of a model for the kernel, and of what a thread writes while it reads."""

import unicodedata
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES
from narratives.kernel.hashing import hash_table, hashes_of
from narratives.model.classifier import Classifier
from narratives.model.features import fold
from narratives.model.voice_markers import LEXICON, PHRASES

LONGEST = 20_000  # bytes of a paragraph; so many hold fewer n-grams than 16 bits count. The rest is the classifier's
LETTER = 0x1FFFFF  # the folded code point
IN_WORD, HARD, SPACE, MARK = (np.uint32(1 << bit) for bit in range(21, 25))
_MARKS = frozenset("!?#@.…\"“”„«»'‘’")  # and emoji: what signs and sentences are told by
KNOWN_LETTERS = 0x20000  # code points beyond the second plane are rare and left to the classifier
_RECORDS, _POOL = 1 << 17, 1 << 21  # of the words remembered between paragraphs, and of their characters' columns
LOGS = 1024
FIRST_EMOJI, LAST_EMOJI = 0x1F300, 0x1FAFF
SIGNS = len(LEXICON)
PART = SIGNS + 5  # signs of one part of the text; SIGNS has them for the paragraph and for the sentence


class Tables(NamedTuple):
    """What the kernel reads of a model: hashed vocabulary, one row of weights a term, signs, curves and thresholds.

    ``weights`` has ``width`` values a term, a multiple of eight: the frames, the three voices, the idf at the end. The
    commonest terms come first, so that what is needed most lies together.
    """

    letters: NDArray[np.uint32]
    vocabulary: NDArray[np.uint64]
    pairs: NDArray[np.uint64]
    weights: NDArray[np.float32]
    width: int
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
    """What one thread writes while it reads: the paragraph at hand, its counts, and the words seen before."""

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
    weights = _weight_rows(classifier)[common]
    nothing = np.zeros((0, 3))
    return Tables(
        letters=_letters(),
        vocabulary=hash_table(hashes),
        pairs=_bits(word_hashes[of_words]),
        weights=weights.ravel(),
        width=weights.shape[1],
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
    """Make what one thread writes while it reads."""
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


def _weight_rows(classifier: Classifier) -> NDArray[np.float32]:
    size, frames = classifier.frame_model.weights.shape
    width = -(-(frames + len(VOICES) + 1) // 8) * 8
    rows = np.zeros((size, width), np.float32)
    rows[:, :frames] = classifier.frame_model.weights
    if classifier.voice_model is not None:
        rows[:, frames : frames + len(VOICES)] = classifier.voice_model.row_weights
    rows[:, -1] = classifier.features.idf
    return rows


def _bits(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a table of bits, at least sixteen times as many as hashes, in which each hash has set the one it names."""
    size = 1 << (16 * len(hashes) + 1024).bit_length()
    bits = np.zeros(size, np.uint8)
    bits[hashes & np.uint64(size - 1)] = 1
    return np.packbits(bits, bitorder="little").view(np.uint64)


def _sign_tables() -> tuple[NDArray[Any], ...]:
    """Return the hashes of words that begin signs, their numbers, what they begin, and the phrases of several words.

    The masks have for each: the signs that the word alone is, those that any word is which begins so, and one more
    than the number of the first phrase. A phrase's facts: sign, number of words, letters of an open last word (0 if it
    is closed), whether one of the same first word follows.
    """
    lone = [phrase for phrase in PHRASES if len(phrase.words) == 1]
    several = sorted((phrase for phrase in PHRASES if len(phrase.words) > 1), key=lambda phrase: phrase.words[0])
    firsts = sorted({phrase.words[0] for phrase in PHRASES})
    masks = np.zeros((len(firsts), 3), np.uint64)
    for phrase in lone:
        masks[firsts.index(phrase.words[0]), int(phrase.open)] |= np.uint64(1 << phrase.sign)
    facts = np.zeros((len(several), 4), np.int32)
    hashes = np.zeros((len(several), max((len(phrase.words) for phrase in several), default=1) - 1), np.uint64)
    for number, phrase in enumerate(several):
        more = number + 1 < len(several) and several[number + 1].words[0] == phrase.words[0]
        facts[number] = phrase.sign, len(phrase.words), len(phrase.words[-1]) * phrase.open, more
        hashes[number, : len(phrase.words) - 1] = hashes_of(phrase.words[1:], True)
        first = masks[firsts.index(phrase.words[0])]
        first[2] = first[2] or number + 1
    return hash_table(hashes_of(tuple(firsts), True)), masks, facts, hashes


def _letters() -> NDArray[np.uint32]:
    """Return for each code point what it is folded to, and whether it is in a word, white, or hard to fold."""
    seconds = _second_letters()
    letters = np.full(KNOWN_LETTERS, HARD, np.uint32)
    for code in range(KNOWN_LETTERS):
        character = chr(code)
        folded = fold(character)
        hard = len(folded) != 1 or code in seconds or not unicodedata.is_normalized("NFC", character)
        one = folded if len(folded) == 1 else character
        mark = int(IN_WORD) * (one.isalnum() or one == "_") | int(SPACE) * character.isspace() | int(HARD) * hard
        mark |= int(MARK) * (character in _MARKS or FIRST_EMOJI <= code <= LAST_EMOJI)
        letters[code] = ord(one) | mark
    return letters


def _second_letters() -> set[int]:
    """Return the code points that may combine with the one before them, or be moved past it, in NFC."""
    seconds = {code for code in range(KNOWN_LETTERS) if unicodedata.combining(chr(code))}
    seconds |= {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # Hangul vowels and finals
    for code in range(KNOWN_LETTERS):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(int(parts[1], 16))
    return seconds
