"""Counts the terms of a paragraph and adds up their weights, without ever making a TF-IDF row."""

import numpy as np

from narratives.kernel.compiled import HALF, LOW, NONE, ONE, TWO, add_row, compiled, inlined, prefetch
from narratives.kernel.hashing import find, joined
from narratives.kernel.layout import LOGS, OF_FRAMES, OF_IDF, OF_VOICES
from narratives.kernel.words import learn, seek

_LINE, _BYTE = np.uint64(64), np.uint64(8)
_OF_FRAMES, _OF_VOICES, _OF_IDF = np.uint64(OF_FRAMES), np.uint64(OF_VOICES), np.uint64(OF_IDF)


@compiled
def count_all(words, space, tables):
    """Count the columns of the paragraph: first those of words and pairs, then those of characters.

    Return the number of distinct columns of words, the number of distinct columns in all, how many word n-grams, how
    many of these that are single words, and how many character n-grams are unknown, and the first occurrence of a
    character n-gram.
    """
    top, unknown = _list_words(words, space, tables)
    top, unknown_pairs = _list_pairs(words, top, space, tables)
    last, unknown_characters = _list_characters(words, top, space)
    of_words = _number(0, top, 0, space, tables)
    distinct = _number(top, last, of_words, space, tables)
    unknown_words = np.float64(unknown + unknown_pairs)
    return of_words, distinct, unknown_words, np.float64(unknown), np.float64(unknown_characters), top


@compiled
def _list_words(words, space, tables):
    records, grams, top, unknown = space.records, space.grams, np.uint64(0), 0
    for word in range(words):
        slot = seek(space.hashes[word], records)
        if records[slot] == 0:
            learn(slot, word, space, tables)
        space.entries[word] = slot
        column = records[slot + TWO] >> HALF
        space.own[word] = LOW
        if column == LOW:
            unknown += 1
        else:
            space.own[word], grams[top] = top, column
            top += ONE
    return np.int64(top), unknown


@compiled
def _list_pairs(words, top, space, tables):
    hashes, grams, top, unknown = space.hashes, space.grams, np.uint64(top), 0
    # Two loops: the first asks for the cache lines of all candidates, the second finds them loaded.
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
            unknown += 1
        else:
            space.pairs[word], grams[top] = top, column
            top += ONE
    return np.int64(top), unknown


@compiled
def _list_characters(words, top, space):
    records, pool, grams, top, unknown = space.records, space.pool, space.grams, np.uint64(top), np.uint64(0)
    for word in range(words):
        slot = np.uint64(space.entries[word])
        span = records[slot + ONE]
        unknown += records[slot + TWO] & LOW
        for offset in range(span & LOW, span >> HALF):
            grams[top] = pool[offset]
            top += ONE
    return np.int64(top), np.int64(unknown)


@compiled
def _number(first, last, distinct, space, tables):
    """Count the listed columns; put its index in ``touched`` for each in ``grams``. Return how many are distinct.

    Each new column's weights are asked for at once; they are needed when the whole paragraph is counted.
    """
    numbers, counts, touched, grams, weights = space.numbers, space.counts, space.touched, space.grams, tables.weights
    width, distinct = np.uint64(tables.width), np.uint64(distinct)
    for occurrence in range(np.uint64(first), np.uint64(last)):
        column = np.uint64(grams[occurrence])
        number = np.uint64(numbers[column])
        if number == 0:
            touched[distinct], counts[distinct] = column, np.uint32(1)
            for line in range(np.uint64(0), width, _LINE):
                prefetch(weights, column * width + line)
            distinct += ONE
            numbers[column] = number = distinct
        else:
            counts[number - ONE] += np.uint32(1)
        grams[occurrence] = number - ONE
    return np.int64(distinct)


@inlined
def _may_be_pair(key, pairs):
    """Return whether a pair of words may be a term. Most are none; the small bit table says so without a wait."""
    bit = key & np.uint64(64 * len(pairs) - 1)
    return (pairs[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & ONE != 0


@compiled
def value_all(first, last, unknown, space, tables):
    """Write the TF-IDF value of each counted column from ``first`` to ``last``. Return the Euclidean length.

    Values stay undivided: the sums of weights are divided by the length once, instead of each value.
    """
    length = unknown * tables.unknown
    for index in range(np.uint64(first), np.uint64(last)):
        column = np.uint64(space.touched[index])
        # Which idf the column has stands in its record, which is in the cache already.
        at = column * np.uint64(tables.width) + np.uint64(tables.lanes) + _OF_IDF
        number = _unsigned(tables.weights[at]) | _unsigned(tables.weights[at + ONE]) << _BYTE
        value = _value(space.counts[index], tables.idf[number], tables)
        space.values[index] = value
        length += value * value
    return np.sqrt(length)


@compiled
def weigh(first, last, space, tables, sums):
    """Add up the weights of the frames over the columns counted from ``first`` to ``last``."""
    width, lanes = np.uint64(tables.width), np.uint64(tables.lanes)
    sums[:] = 0.0
    for index in range(np.uint64(first), np.uint64(last)):
        row = np.uint64(space.touched[index]) * width
        value = space.values[index] * tables.scales[_unsigned(tables.weights[row + lanes + _OF_FRAMES])]
        for lane in range(np.uint64(0), lanes, np.uint64(8)):
            add_row(tables.weights, row + lane, value, sums, lane)


@compiled
def weigh_voices(first, last, space, tables, sums):
    """Add up the weights of the three voices over the columns counted from ``first`` to ``last``."""
    width, lanes = np.uint64(tables.width), np.uint64(tables.lanes)
    sums[:] = 0.0
    for index in range(np.uint64(first), np.uint64(last)):
        row = np.uint64(space.touched[index]) * width + lanes
        value = space.values[index] * tables.scales[_unsigned(tables.weights[row + _OF_VOICES])]
        add_row(tables.weights, row, value, sums, np.uint64(0))  # the lanes behind the voices are of no use


@inlined
def _unsigned(byte):
    """Return a signed byte as the number that it is without a sign."""
    return np.uint64(np.uint8(byte))


@inlined
def _value(count, idf, tables):
    logarithm = tables.logs[np.uint64(count)] if count < LOGS else np.log(count)
    return (1.0 + logarithm) * np.float64(idf)
