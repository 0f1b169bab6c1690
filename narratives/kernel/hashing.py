"""Hashes terms, and finds them in open-addressing tables.

A term is only ever compared by its 64-bit hash: comparing code points would touch the text of the vocabulary, which is
then not needed at all. ``hash_table`` refuses a vocabulary in which two terms have one hash.
"""

import numpy as np
from numpy.typing import NDArray

from narratives.kernel.compiled import HALF, NONE, ONE, REST, ROTATED, TWO, compiled, inlined

# Odd multipliers with well-mixed bits: the golden ratio's, and one of xxHash's. Two seeds keep a word and the
# character n-gram of the same letters apart.
_PRIME, _PAIR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
SEED_WORD, SEED_GRAM = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)


@inlined
def step(state, letter):
    """Return the hash of a term after one more code point."""
    state = (state ^ np.uint64(letter)) * _PRIME
    return state ^ (state >> HALF)


@inlined
def joined(first, second):
    """Return the hash of a pair of words from the hashes of both.

    The second is rotated, so that "a b" and "b a" differ.
    """
    state = (first ^ ((second << ROTATED) | (second >> REST))) * _PAIR
    return state ^ (state >> HALF)


@inlined
def find(key, table):
    """Return the value of a key in an open-addressing table (key, value, key, ...), ``NONE`` if it lacks it.

    Key and value lie side by side, so that a look-up waits for one cache line. The size of a table is a power of two:
    a bit mask takes the place of a division.
    """
    mask = np.uint64(len(table) - 2)
    slot = (key << ONE) & mask
    while table[slot] != 0:
        if table[slot] == key:
            return table[slot + ONE]
        slot = (slot + TWO) & mask
    return NONE


@compiled
def _fill(hashes, table):
    """Put each hash with its index into a table. Return whether all are distinct."""
    mask = np.uint64(len(table) - 2)
    for index in range(len(hashes)):
        slot = (hashes[index] << ONE) & mask
        while table[slot] != 0:
            if table[slot] == hashes[index]:
                return False
            slot = (slot + TWO) & mask
        table[slot], table[slot + ONE] = hashes[index], index
    return True


@compiled
def _hash_terms(letters, ends, words):
    """Return the hash of each term, its code points up to ``ends``: of one or two words, or of characters."""
    hashes = np.empty(len(ends), np.uint64)
    start = 0
    for index in range(len(ends)):
        state = SEED_WORD if words else SEED_GRAM
        first = np.uint64(0)
        for offset in range(start, ends[index]):
            if words and letters[offset] == 32:
                first, state = state, SEED_WORD
            else:
                state = step(state, letters[offset])
        hashes[index] = joined(first, state) if first else state
        start = ends[index]
    return hashes


def hashes_of(terms: tuple[str, ...], words: bool) -> NDArray[np.uint64]:
    """Return the hash of each term: of one or two words where ``words``, else of characters."""
    letters = np.frombuffer("".join(terms).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum(np.fromiter(map(len, terms), np.int64, len(terms)))
    hashes: NDArray[np.uint64] = _hash_terms(letters, ends, words)
    return hashes


def hash_table(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return an open-addressing table of hashes with their indices. Raises ValueError where two are the same.

    Fewer than half of the slots are filled, so that a look-up of a term that is not there ends after a step or two.
    """
    table = np.zeros(2 << (2 * len(hashes) + 16).bit_length(), np.uint64)
    if not _fill(hashes, table):
        raise ValueError("two terms of the vocabulary have one hash")
    return table
