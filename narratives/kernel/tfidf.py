"""Owns counting the terms of a paragraph and adding up their weights."""

import numpy as np

from narratives.kernel.compiled import HALF, LOW, NONE, ONE, TWO, add_row, compiled, inlined, prefetch
from narratives.kernel.hashing import find, joined
from narratives.kernel.layout import LOGS
from narratives.kernel.words import learn, seek


@compiled
def count_all(words, space, tables):
    """Count the columns of the paragraph: first those of words, then those of characters.

    Return how many distinct ones of both kinds, and the unknown of both. ``grams`` has for each occurrence the number
    of its column among those counted; ``own`` and ``pairs`` say which occurrence a word and a pair of words is.
    """
    top, misses = _list_words(words, space, tables)
    top, more = _list_pairs(words, top, space, tables)
    last, character_misses = _list_characters(words, top, space)
    of_words = _number(0, top, 0, space, tables)
    distinct = _number(top, last, of_words, space, tables)
    return of_words, distinct, np.float64(misses + more), np.float64(character_misses), top


@compiled
def _list_words(words, space, tables):
    records, grams, top, misses = space.records, space.grams, np.uint64(0), 0
    for word in range(words):
        at = seek(space.hashes[word], records)
        if records[at] == 0:
            learn(at, word, space, tables)
        space.entries[word] = at
        column = records[at + TWO] >> HALF
        space.own[word] = LOW
        if column == LOW:
            misses += 1
        else:
            space.own[word], grams[top] = top, column
            top += ONE
    return np.int64(top), misses


@compiled
def _list_pairs(words, top, space, tables):
    hashes, grams, top, misses = space.hashes, space.grams, np.uint64(top), 0
    for word in range(words - 1):
        key = joined(hashes[word], hashes[word + 1])
        known = _may_be_pair(key, tables.pairs)
        space.joined[word] = key if known else NONE
        if known:
            prefetch(tables.vocabulary, (key << ONE) & np.uint64(len(tables.vocabulary) - 2))
    for word in range(words - 1):
        key = space.joined[word]
        column = NONE if key == NONE else find(key, tables.vocabulary)
        space.pairs[word] = LOW
        if column == NONE:
            misses += 1
        else:
            space.pairs[word], grams[top] = top, column
            top += ONE
    return np.int64(top), misses


@compiled
def _list_characters(words, top, space):
    records, pool, grams, top, misses = space.records, space.pool, space.grams, np.uint64(top), np.uint64(0)
    for word in range(words):
        at = np.uint64(space.entries[word])
        span = records[at + ONE]
        misses += records[at + TWO] & LOW
        for place in range(span & LOW, span >> HALF):
            grams[top] = pool[place]
            top += ONE
    return np.int64(top), np.int64(misses)


@compiled
def _number(first, last, distinct, space, tables):
    """Count the columns listed and write over each its number among the distinct ones. Return how many there are.

    The weights of a new one are asked for at once: until they are needed, they will have come.
    """
    numbers, counts, touched, grams, weights = space.numbers, space.counts, space.touched, space.grams, tables.weights
    width, distinct = np.uint64(tables.width), np.uint64(distinct)
    for place in range(np.uint64(first), np.uint64(last)):
        column = np.uint64(grams[place])
        number = np.uint64(numbers[column])
        if number == 0:
            touched[distinct], counts[distinct] = column, np.uint32(1)
            prefetch(weights, column * width)
            prefetch(weights, column * width + width - ONE)
            distinct += ONE
            numbers[column] = number = distinct
        else:
            counts[number - ONE] += np.uint32(1)
        grams[place] = number - ONE
    return np.int64(distinct)


@inlined
def _may_be_pair(key, pairs):
    """Return whether a pair of words may be a term; most are none, which a small table tells without a wait."""
    bit = key & np.uint64(64 * len(pairs) - 1)
    return (pairs[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & ONE != 0


@compiled
def value_all(first, last, unknown, space, tables):
    """Write the value of each counted column from ``first`` to ``last``. Return the length of the block."""
    length = unknown * tables.unknown
    for number in range(np.uint64(first), np.uint64(last)):
        column = np.uint64(space.touched[number])
        value = _value(space.counts[number], tables.weights[(column + ONE) * np.uint64(tables.width) - ONE], tables)
        space.values[number] = value
        length += value * value
    return np.sqrt(length)


@compiled
def weigh(first, last, space, tables, sums):
    """Add up the weights of the columns counted from ``first`` to ``last``."""
    width = np.uint64(tables.width)
    sums[:] = 0.0
    for number in range(np.uint64(first), np.uint64(last)):
        at = np.uint64(space.touched[number]) * width
        for lane in range(np.uint64(0), width, np.uint64(8)):
            add_row(tables.weights, at + lane, space.values[number], sums, lane)


@inlined
def _value(count, idf, tables):
    logarithm = tables.logs[np.uint64(count)] if count < LOGS else np.log(count)
    return (1.0 + logarithm) * np.float64(idf)
