"""Owns the hashing of terms and the open-addressing table that finds them."""

import numpy as np
from numpy.typing import NDArray

from narratives.kernel.compiled import HALF, NONE, ONE, REST, ROTATED, TWO, compiled, inlined

_PRIME, _PAIR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
SEED_WORD, SEED_GRAM = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)


@inlined
def step(state, letter):
    """Return the hash of a term after one more code point."""
    state = (state ^ np.uint64(letter)) * _PRIME
    return state ^ (state >> HALF)


@inlined
def joined(one, other):
    """Return the hash of a pair of words from those of both."""
    state = (one ^ ((other << ROTATED) | (other >> REST))) * _PAIR
    return state ^ (state >> HALF)


@inlined
def find(key, table):
    """Return the value of a key in an open-addressing table (key, value, key, ...), ``NONE`` if it lacks it."""
    mask = np.uint64(len(table) - 2)
    at = (key << ONE) & mask
    while table[at] != 0:
        if table[at] == key:
            return table[at + ONE]
        at = (at + TWO) & mask
    return NONE


@compiled
def _fill(hashes, table):
    """Put each hash with its number into a table. Return whether all are distinct."""
    mask = np.uint64(len(table) - 2)
    for number in range(len(hashes)):
        at = (hashes[number] << ONE) & mask
        while table[at] != 0:
            if table[at] == hashes[number]:
                return False
            at = (at + TWO) & mask
        table[at], table[at + ONE] = hashes[number], number
    return True


@compiled
def _hash_terms(letters, ends, words):
    """Return the hash of each term, its code points up to ``ends``: of one or two words, or of characters."""
    hashes = np.empty(len(ends), np.uint64)
    start = 0
    for number in range(len(ends)):
        state = SEED_WORD if words else SEED_GRAM
        first = np.uint64(0)
        for place in range(start, ends[number]):
            if words and letters[place] == 32:
                first, state = state, SEED_WORD
            else:
                state = step(state, letters[place])
        hashes[number] = joined(first, state) if first else state
        start = ends[number]
    return hashes


def hashes_of(terms: tuple[str, ...], words: bool) -> NDArray[np.uint64]:
    """Return the hash of each term: of one or two words where ``words``, else of characters."""
    letters = np.frombuffer("".join(terms).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum(np.fromiter(map(len, terms), np.int64, len(terms)))
    hashes: NDArray[np.uint64] = _hash_terms(letters, ends, words)
    return hashes


def hash_table(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return an open-addressing table of hashes with their numbers. Raises ValueError where two are the same."""
    table = np.zeros(2 << (2 * len(hashes) + 16).bit_length(), np.uint64)
    if not _fill(hashes, table):
        raise ValueError("two terms of the vocabulary have one hash")
    return table
