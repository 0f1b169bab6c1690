"""Owns the kernel: a saved model's whole linear map, frames and voices, over UTF-8 text, compiled by Numba.

It says what the classifier says (differences below 1e-6 in a probability), some fifty times as fast: a paragraph is
decoded, folded, cut into words and counted in one pass, and no row of n-grams is ever made. What it leaves to the
classifier, and marks so: paragraphs above 64 kB, and those whose folding needs more than one code point at a time.
"""

import threading
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic
from numpy.typing import NDArray

from narratives.classifier import Classifier, Predictions
from narratives.codebook import VOICES
from narratives.features import CHARACTERS, fold
from narratives.paragraphs import split
from narratives.rows import TextSpans, spans_of
from narratives.signs import LEXICON, MOST, PHRASES
from narratives.voice import ROUNDS, STREAM

LONGEST = 20_000  # bytes of a paragraph; so many hold fewer n-grams than 16 bits count. The rest is the classifier's
_LETTER = 0x1FFFFF  # the folded code point
_IN_WORD, _HARD, _SPACE, _MARK = (np.uint32(1 << bit) for bit in range(21, 25))
_MARKS = frozenset("!?#@.…\"“”„«»'‘’")  # and emoji: what signs and sentences are told by
_KNOWN_LETTERS = 0x20000  # code points beyond the second plane are rare and left to the classifier
_RECORDS, _POOL = 1 << 17, 1 << 21  # of the words remembered between paragraphs, and of their characters' columns
_LOGS = 1024
_KINDS = 8  # the six opening quotation marks leave different rests
_FIRST_EMOJI, _LAST_EMOJI = 0x1F300, 0x1FAFF
_FIRST_LENGTH, _LAST_LENGTH = CHARACTERS.start, CHARACTERS.stop - 1
_SIGNS = len(LEXICON)
_EXCLAIMED, _ASKED, _TAGGED, _QUOTES, _QUOTED = range(_SIGNS, _SIGNS + 5)
_PART = _SIGNS + 5  # signs of one part of the text; SIGNS has them for the paragraph and for the sentence

_compiled = nb.njit(nogil=True, cache=True, error_model="numpy")
_inlined = nb.njit(nogil=True, cache=True, error_model="numpy", inline="always")

_PRIME, _PAIR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_SEED_WORD, _SEED_GRAM = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)
_HALF, _ROTATED, _REST = np.uint64(32), np.uint64(29), np.uint64(35)
_ONE, _TWO, _THREE, _FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
_LOW, _NONE = np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)


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


@intrinsic
def _add_row(typing, weights, at, value, sums, to):
    """Add ``value`` times eight float32 of ``weights`` from ``at`` on to eight float64 of ``sums`` from ``to`` on."""

    def build(context, builder, signature, arguments):
        source, target = (_item(context, builder, signature, arguments, place) for place in (0, 3))
        eight, sixteen = ir.VectorType(ir.FloatType(), 8), ir.VectorType(ir.DoubleType(), 8)
        row = builder.fpext(builder.load(builder.bitcast(source, eight.as_pointer()), align=4), sixteen)
        held = builder.bitcast(target, sixteen.as_pointer())
        spread = builder.insert_element(ir.Constant(sixteen, ir.Undefined), arguments[2], ir.Constant(_I32, 0))
        spread = builder.shuffle_vector(spread, spread, ir.Constant(ir.VectorType(_I32, 8), [0] * 8))
        builder.store(builder.fadd(builder.load(held, align=8), builder.fmul(spread, row)), held, align=8)
        return context.get_dummy_value()

    return nb.types.none(weights, nb.types.uint64, nb.types.float64, sums, nb.types.uint64), build


@intrinsic
def _prefetch(typing, values, at):
    """Ask for the cache line of ``values`` at ``at``."""

    def build(context, builder, signature, arguments):
        place = builder.bitcast(_item(context, builder, signature, arguments, 0), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, _I32, _I32, _I32])
        fetch = get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(fetch, [place, *(ir.Constant(_I32, number) for number in (0, 3, 1))])
        return context.get_dummy_value()

    return nb.types.none(values, nb.types.uint64), build


_I32 = ir.IntType(32)


def _item(context: Any, builder: Any, signature: Any, arguments: Any, place: int) -> Any:
    """Return the address of an array's item; the argument after the array is its number."""
    data = context.make_array(signature.args[place])(context, builder, arguments[place]).data
    return builder.gep(data, [arguments[place + 1]])


@_inlined
def _step(state, letter):
    state = (state ^ np.uint64(letter)) * _PRIME
    return state ^ (state >> _HALF)


@_inlined
def _joined(one, other):
    state = (one ^ ((other << _ROTATED) | (other >> _REST))) * _PAIR
    return state ^ (state >> _HALF)


@_inlined
def _find(key, table):
    """Return the value of a key in an open-addressing table (key, value, key, ...), ``_NONE`` if it lacks it."""
    mask = np.uint64(len(table) - 2)
    at = (key << _ONE) & mask
    while table[at] != 0:
        if table[at] == key:
            return table[at + _ONE]
        at = (at + _TWO) & mask
    return _NONE


@_compiled
def _fill(hashes, table):
    """Put each hash with its number into a table. Return whether all are distinct."""
    mask = np.uint64(len(table) - 2)
    for number in range(len(hashes)):
        at = (hashes[number] << _ONE) & mask
        while table[at] != 0:
            if table[at] == hashes[number]:
                return False
            at = (at + _TWO) & mask
        table[at], table[at + _ONE] = hashes[number], number
    return True


@_compiled
def _hash_terms(letters, ends, words):
    """Return the hash of each term, its code points up to ``ends``: of one or two words, or of characters."""
    hashes = np.empty(len(ends), np.uint64)
    start = 0
    for number in range(len(ends)):
        state = _SEED_WORD if words else _SEED_GRAM
        first = np.uint64(0)
        for place in range(start, ends[number]):
            if words and letters[place] == 32:
                first, state = state, _SEED_WORD
            else:
                state = _step(state, letters[place])
        hashes[number] = _joined(first, state) if first else state
        start = ends[number]
    return hashes


@_inlined
def _letter_at(data, place):
    """Return the code point of UTF-8 that begins at a byte, and how many bytes it has."""
    byte = np.uint32(data[place])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return ((byte & np.uint32(0x1F)) << np.uint32(6)) | _rest(data, place + 1), 2
    if byte < 0xF0:
        high = ((byte & np.uint32(0x0F)) << np.uint32(12)) | (_rest(data, place + 1) << np.uint32(6))
        return high | _rest(data, place + 2), 3
    high = ((byte & np.uint32(0x07)) << np.uint32(18)) | (_rest(data, place + 1) << np.uint32(12))
    return high | (_rest(data, place + 2) << np.uint32(6)) | _rest(data, place + 3), 4


@_inlined
def _rest(data, place):
    return np.uint32(data[place]) & np.uint32(0x3F)


@_compiled
def _decode(data, start, end, space, known):
    """Decode UTF-8 into code points. Return how many there are, how many are marks, and what holds of any of them."""
    letters, marks = space.letters, space.marks
    count, marked, any_of, place = np.uint64(0), np.uint64(0), np.uint32(0), start
    while place < end:
        letter, size = _letter_at(data, place)
        place += size
        letters[count] = letter
        told = known[letter] if letter < len(known) else _HARD
        any_of |= told
        marks[marked] = count
        marked += np.uint64((told & _MARK) != 0)
        count += _ONE
    return np.int64(count), np.int64(marked), any_of


@_compiled
def _cut_words(count, space, tables):
    """Find the words among the code points of the paragraph, with their hashes. Return their number."""
    words, place, letters, known = 0, 0, space.letters, tables.letters
    while place < count:
        mark = known[letters[place]]
        if not mark & _IN_WORD:
            place += 1
            continue
        space.starts[words], state = place, _SEED_WORD
        while mark & _IN_WORD:
            state = _step(state, mark & _LETTER)
            place += 1
            if place == count:
                break
            mark = known[letters[place]]
        space.ends[words], space.hashes[words] = place, state
        _prefetch(space.records, (state << _TWO) & np.uint64(len(space.records) - 4))
        words += 1
    return words


@_inlined
def _seek(key, records):
    """Return where the record of a word is among those seen before, or the free place for it."""
    mask = np.uint64(len(records) - 4)
    at = (key << _TWO) & mask
    while records[at] != 0 and records[at] != key:
        at = (at + _FOUR) & mask
    return at


@_compiled
def _learn(at, word, space, tables):
    """Write a new word's record: its characters' columns (first, last), the unknown, its own column, its signs."""
    start, end = space.starts[word], space.ends[word]
    space.records[at] = space.hashes[word]
    space.used[0] += 1
    first, missed = space.used[1], np.uint64(0)
    top, length = first, end - start + 2
    for size in range(_FIRST_LENGTH, _LAST_LENGTH + 1):
        for place in range(length - size + 1):
            state = _SEED_GRAM
            for letter in range(place, place + size):
                edge = letter == 0 or letter == length - 1
                folded = np.uint32(32) if edge else tables.letters[space.letters[start + letter - 1]] & _LETTER
                state = _step(state, folded)
            column = _find(state, tables.vocabulary)
            if column == _NONE:
                missed += _ONE
            else:
                space.pool[top] = column
                top += 1
    space.used[1] = top
    own = _find(space.records[at], tables.vocabulary) & _LOW
    found, phrases = _signs_of_word(start, end, space, tables)
    space.records[at + _ONE] = np.uint64(first) | (np.uint64(top) << _HALF)
    space.records[at + _TWO] = missed | (own << _HALF)
    space.records[at + _THREE] = found | (phrases << _HALF)


@_compiled
def _signs_of_word(start, end, space, tables):
    """Return the signs that a word is (a bit each), and one more than the first phrase that begins with it, or 0."""
    state, found, phrases = _SEED_WORD, np.uint64(0), np.uint64(0)
    for place in range(start, end):
        state = _step(state, tables.letters[space.letters[place]] & _LETTER)
        number = _find(state, tables.sign_words)
        if number != _NONE:
            found |= tables.sign_masks[number, 1]
            if place == end - 1:
                found |= tables.sign_masks[number, 0]
                phrases = tables.sign_masks[number, 2]
    return found, phrases


@_compiled
def _count_all(words, space, tables):
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


@_compiled
def _list_words(words, space, tables):
    records, grams, top, misses = space.records, space.grams, np.uint64(0), 0
    for word in range(words):
        at = _seek(space.hashes[word], records)
        if records[at] == 0:
            _learn(at, word, space, tables)
        space.entries[word] = at
        column = records[at + _TWO] >> _HALF
        space.own[word] = _LOW
        if column == _LOW:
            misses += 1
        else:
            space.own[word], grams[top] = top, column
            top += _ONE
    return np.int64(top), misses


@_compiled
def _list_pairs(words, top, space, tables):
    hashes, grams, top, misses = space.hashes, space.grams, np.uint64(top), 0
    for word in range(words - 1):
        key = _joined(hashes[word], hashes[word + 1])
        known = _may_be_pair(key, tables.pairs)
        space.joined[word] = key if known else _NONE
        if known:
            _prefetch(tables.vocabulary, (key << _ONE) & np.uint64(len(tables.vocabulary) - 2))
    for word in range(words - 1):
        key = space.joined[word]
        column = _NONE if key == _NONE else _find(key, tables.vocabulary)
        space.pairs[word] = _LOW
        if column == _NONE:
            misses += 1
        else:
            space.pairs[word], grams[top] = top, column
            top += _ONE
    return np.int64(top), misses


@_compiled
def _list_characters(words, top, space):
    records, pool, grams, top, misses = space.records, space.pool, space.grams, np.uint64(top), np.uint64(0)
    for word in range(words):
        at = np.uint64(space.entries[word])
        span = records[at + _ONE]
        misses += records[at + _TWO] & _LOW
        for place in range(span & _LOW, span >> _HALF):
            grams[top] = pool[place]
            top += _ONE
    return np.int64(top), np.int64(misses)


@_compiled
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
            _prefetch(weights, column * width)
            _prefetch(weights, column * width + width - _ONE)
            distinct += _ONE
            numbers[column] = number = distinct
        else:
            counts[number - _ONE] += np.uint32(1)
        grams[place] = number - _ONE
    return np.int64(distinct)


@_inlined
def _may_be_pair(key, pairs):
    """Return whether a pair of words may be a term; most are none, which a small table tells without a wait."""
    bit = key & np.uint64(64 * len(pairs) - 1)
    return (pairs[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & _ONE != 0


@_compiled
def _value_all(first, last, unknown, space, tables):
    """Write the value of each counted column from ``first`` to ``last``. Return the length of the block."""
    length = unknown * tables.unknown
    for number in range(np.uint64(first), np.uint64(last)):
        column = np.uint64(space.touched[number])
        value = _value(space.counts[number], tables.weights[(column + _ONE) * np.uint64(tables.width) - _ONE], tables)
        space.values[number] = value
        length += value * value
    return np.sqrt(length)


@_compiled
def _weigh(first, last, space, tables, sums):
    """Add up the weights of the columns counted from ``first`` to ``last``."""
    width = np.uint64(tables.width)
    sums[:] = 0.0
    for number in range(np.uint64(first), np.uint64(last)):
        at = np.uint64(space.touched[number]) * width
        for lane in range(np.uint64(0), width, np.uint64(8)):
            _add_row(tables.weights, at + lane, space.values[number], sums, lane)


@_inlined
def _value(count, idf, tables):
    logarithm = tables.logs[np.uint64(count)] if count < _LOGS else np.log(count)
    return (1.0 + logarithm) * np.float64(idf)


@_inlined
def _is_tag(letters, place, end, known):
    letter = letters[place]
    if _FIRST_EMOJI <= letter <= _LAST_EMOJI:
        return True
    return (letter == 35 or letter == 64) and place + 1 < end and (known[letters[place + 1]] & _IN_WORD) != 0


@_inlined
def _closes(opened, letter):
    if opened == 0x201E:  # „ closes with either of the two
        return letter == 0x201C or letter == 0x201D
    if opened == 0x201C:
        return letter == 0x201D
    if opened == 0xAB:
        return letter == 0xBB
    if opened == 0x2018:
        return letter == 0x2019
    return letter == opened


@_inlined
def _opens(letter):
    return (
        letter == 0x22 or letter == 0x201C or letter == 0x201E or letter == 0xAB or letter == 0x27 or letter == 0x2018
    )


@_compiled
def _read_marks(span, marks, space, tables, row):
    """Count exclamations, questions, tags and quotations between two code points, and the share that is quoted.

    ``marks`` are the first and the last of the marks between them.
    """
    letters, known, (start, end) = space.letters, tables.letters, span
    row[_EXCLAIMED : _QUOTED + 1] = 0.0
    quoted, closed_after = 0, 0
    barren = np.uint64(0)  # a bit a kind of quotation mark of which none closes from here on
    for mark in range(marks[0], marks[1]):
        place = np.int64(space.marks[mark])
        letter = letters[place]
        row[_EXCLAIMED] += letter == 33
        row[_ASKED] += letter == 63
        row[_TAGGED] += _is_tag(letters, place, end, known)
        kind = _ONE << np.uint64(letter % np.uint32(_KINDS))
        if place < closed_after or not _opens(letter) or barren & kind:
            continue
        last = _quotation_end(mark, marks[1], start, end, space, known)
        if last < 0:
            barren |= kind
        if last > 0:
            row[_QUOTES] += 1
            quoted += last - place
            closed_after = last
    for sign in range(_EXCLAIMED, _QUOTED):
        row[sign] = min(np.float64(MOST), row[sign]) / MOST
    row[_QUOTED] = quoted / max(1, end - start)


@_compiled
def _quotation_end(mark, last, start, end, space, known):
    """Return the end of the quotation that opens at a mark, 0 if none does, -1 if no mark closes one of its kind."""
    letters, place = space.letters, np.int64(space.marks[mark])
    opened = letters[place]
    single = opened == 0x27 or opened == 0x2018
    if single and place > start and (known[letters[place - 1]] & _IN_WORD) != 0:
        return 0
    for after in range(mark + 1, last):
        other = np.int64(space.marks[after])
        if _closes(opened, letters[other]):
            if other == place + 1:
                return 0
            if single and other + 1 < end and (known[letters[other + 1]] & _IN_WORD) != 0:
                return 0
            return other + 1
    return -1


@_compiled
def _read_words(first, last, space, tables, row):
    """Count the word signs that begin and end between two words (last exclusive)."""
    records, entries = space.records, space.entries
    row[:_SIGNS] = 0.0
    for word in range(first, last):
        signs = records[np.uint64(entries[np.uint64(word)]) + _THREE]
        if signs == 0:
            continue
        found, phrase = signs & _LOW, signs >> _HALF
        if phrase:
            found |= _phrases_at(np.int64(phrase) - 1, word, last, space, tables)
        while found:
            row[_lowest(found)] += 1.0
            found &= found - _ONE
    for sign in range(_SIGNS):
        row[sign] = min(np.float64(MOST), row[sign]) / MOST


@_inlined
def _lowest(bits):
    """Return the number of the lowest bit that is set."""
    number = 0
    while not (bits >> np.uint64(number)) & _ONE:
        number += 1
    return number


@_compiled
def _phrases_at(phrase, word, last, space, tables):
    """Return the signs of the phrases that begin at a word; those of one first word stand side by side."""
    facts, hashes, wanted = tables.phrase_facts, space.hashes, tables.phrase_hashes
    found = np.uint64(0)
    while True:
        length, opened = facts[phrase, 1], facts[phrase, 2]
        fits = word + length <= last
        place = 1
        while fits and place < length:
            key = hashes[word + place]
            if opened and place == length - 1:
                key = _prefix(word + place, opened, space, tables)
            fits = key == wanted[phrase, place - 1]
            place += 1
        if fits:
            found |= _ONE << np.uint64(facts[phrase, 0])
        if not facts[phrase, 3]:
            return found
        phrase += 1


@_compiled
def _prefix(word, length, space, tables):
    start, state = space.starts[word], _SEED_WORD
    if space.ends[word] - start < length:
        return np.uint64(0)
    for place in range(start, start + length):
        state = _step(state, tables.letters[space.letters[place]] & _LETTER)
    return state


@_inlined
def _ends_sentence(letter):
    return letter == 46 or letter == 33 or letter == 63 or letter == 0x2026


@_inlined
def _after_sentence(letter):
    return letter == 0x22 or letter == 0x27 or letter == 0x201D or letter == 0x2019 or letter == 0xBB or letter == 41


@_compiled
def _sentence_edges(size, space, tables):
    """Write for each sentence the code point, the word and the mark before which it ends. Return how many there are."""
    letters, known, edges = space.letters, tables.letters, space.edges
    count, words, marks = size
    number = word = 0
    last = np.int64(0)
    edges[0, 0] = edges[0, 1] = edges[0, 2] = 0
    for mark in range(marks):
        place = np.int64(space.marks[mark]) + 1
        if place <= last or not _ends_sentence(letters[place - 1]):
            continue
        white = place
        while white < count and _after_sentence(letters[white]):
            white += 1
        after = white
        while after < count and (known[letters[after]] & _SPACE) != 0:
            after += 1
        if white < after < count:
            number += 1
            last = after
            while word < words and space.starts[word] < after:
                word += 1
            edges[number, 0], edges[number, 1] = after, word
    number += 1
    edges[number, 0], edges[number, 1] = count, words
    _edge_marks(number, marks, space)
    return number


@_compiled
def _edge_marks(sentences, marks, space):
    mark = 0
    for sentence in range(1, sentences + 1):
        while mark < marks and np.int64(space.marks[mark]) < space.edges[sentence, 0]:
            mark += 1
        space.edges[sentence, 2] = mark


@_compiled
def _deal(of_words, counted, lengths, values, counts):
    """Make of the value of each column counted the share that one occurrence has of the row."""
    for number in range(np.uint64(of_words)):
        values[number] /= lengths[0] * counts[number]
    for number in range(np.uint64(of_words), np.uint64(counted)):
        values[number] /= lengths[1] * counts[number]


@_compiled
def _strongest_sentence(frame, size, space, tables):
    """Return the number of the sentence whose words speak most for a frame."""
    shares, totals, edges = space.shares, space.totals, space.edges
    sentences, words, counted, characters = size
    for number in range(np.uint64(counted)):
        at = np.uint64(space.touched[number]) * np.uint64(tables.width) + np.uint64(frame)
        shares[number] = space.values[number] * tables.weights[at]
    totals[:sentences] = 0.0
    grams, sentence, gram = space.grams, 0, np.uint64(characters)
    for word in range(words):
        while word >= edges[sentence + 1, 1]:
            sentence += 1
        span, share = space.records[np.uint64(space.entries[word]) + _ONE], 0.0
        for _ in range((span >> _HALF) - (span & _LOW)):
            share += shares[np.uint64(grams[gram])]
            gram += _ONE
        if space.own[word] != _LOW:
            share += shares[np.uint64(grams[np.uint64(space.own[word])])]
        totals[sentence] += share
        if word + 1 < words and space.pairs[word] != _LOW:
            half = shares[np.uint64(grams[np.uint64(space.pairs[word])])] / 2
            totals[sentence] += half
            totals[sentence if word + 1 < edges[sentence + 1, 1] else sentence + 1] += half
    return np.argmax(totals[:sentences])


@_compiled
def _speak(place, size, block, space, tables, found):
    """Write the shares of the three voices for each predicted frame of the paragraph at hand."""
    predicted, said, (sums, lengths) = found[1][place], found[3][place], block
    frames, signs, edges = len(predicted), space.signs, space.edges
    count, words, marks, of_words, counted, characters = size
    sentences = _sentence_edges((count, words, marks), space, tables)
    if sentences > 1:
        _deal(of_words, counted, lengths, space.values, space.counts)
    _read_marks((0, count), (0, marks), space, tables, signs[:_PART])
    _read_words(0, words, space, tables, signs[:_PART])
    read = -1
    for frame in range(frames):
        if not predicted[frame]:
            continue
        best = 0
        if sentences > 1:
            best = _strongest_sentence(frame, (sentences, words, counted, characters), space, tables)
        if best != read:
            span, between = (edges[best, 0], edges[best + 1, 0]), (edges[best, 2], edges[best + 1, 2])
            _read_marks(span, between, space, tables, signs[_PART:])
            _read_words(edges[best, 1], edges[best + 1, 1], space, tables, signs[_PART:])
            read = best
        _say(signs, sums, lengths, tables, said[frame])


@_compiled
def _say(signs, sums, lengths, tables, shares):
    frames, top = len(tables.bias), -np.inf
    for voice in range(3):
        score = tables.voice_bias[voice]
        for block in range(2):
            if lengths[block] > 0:
                score += sums[block, frames + voice] / lengths[block]
        for sign in range(len(signs)):
            score += signs[sign] * tables.sign_weights[sign, voice]
        shares[voice] = score
        top = max(top, score)
    total = 0.0
    for voice in range(3):
        shares[voice] = np.exp(shares[voice] - top)
        total += shares[voice]
    for voice in range(3):
        shares[voice] /= total


@_compiled
def _make_room(size, space):
    """Forget the words seen before where those of a paragraph of ``size`` bytes might not find room beside them."""
    if space.used[0] + size // 2 + 1 > len(space.records) // 8 or space.used[1] + 6 * size + 6 > len(space.pool):
        space.records[:] = 0
        space.used[:] = 0


@_compiled
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
        count, marks, any_of = _decode(data, starts[number], ends[number], space, tables.letters)
        hard[number] = not easy and (any_of & _HARD) != 0
        if hard[number]:
            continue
        _make_room(size, space)
        words = _cut_words(count, space, tables)
        of_words, distinct, word_misses, character_misses, characters = _count_all(words, space, tables)
        lengths = (
            _value_all(0, of_words, word_misses, space, tables),
            _value_all(of_words, distinct, character_misses, space, tables),
        )
        _weigh(0, of_words, space, tables, sums[0])
        _weigh(of_words, distinct, space, tables, sums[1])
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
            _speak(number, size, (sums, lengths), space, tables, found)
        for place in range(distinct):
            space.numbers[np.uint64(space.touched[np.uint64(place)])] = 0


@_compiled
def settle_documents(said, predicted, edges, prior):
    """Read the voices of each document's paragraphs (from one of ``edges`` to the next) together, in place.

    As ``voice.in_document`` does; a document with one paragraph that has a frame stays as it is.
    """
    for document in range(len(edges) - 1):
        first, last = edges[document], edges[document + 1]
        with_frame = 0
        for paragraph in range(first, last):
            with_frame += predicted[paragraph].any()
        if with_frame > 1:
            _settle(said[first:last], predicted[first:last], prior)


@_compiled
def _settle(said, predicted, prior):
    alone, pairs = said.copy(), predicted.sum(axis=1).astype(np.float64)
    sums, every = np.zeros((len(said), 3)), pairs.sum()
    for _ in range(ROUNDS):
        for paragraph in range(len(said)):
            sums[paragraph] = 0.0
            for frame in np.flatnonzero(predicted[paragraph]):
                sums[paragraph] += said[paragraph, frame]
        total = sums.sum(axis=0)
        for paragraph in range(len(said)):
            shares = (total - sums[paragraph] + STREAM * prior) / (every - pairs[paragraph] + STREAM) / prior
            for frame in np.flatnonzero(predicted[paragraph]):
                weighed = alone[paragraph, frame] * shares
                said[paragraph, frame] = weighed / weighed.sum()


@_compiled
def trim(data, spans, letters, trimmed, broken):
    """Write spans without the white at their ends, and which of them hold the end of a line then."""
    for number in range(len(spans[0])):
        start, end = spans[0][number], spans[1][number]
        while start < end:
            letter, size = _letter_at(data, start)
            if letter >= len(letters) or (letters[letter] & _SPACE) == 0:
                break
            start += size
        while start < end:
            last = end - 1
            while data[last] & 0xC0 == 0x80:
                last -= 1
            letter, _ = _letter_at(data, last)
            if letter >= len(letters) or (letters[letter] & _SPACE) == 0:
                break
            end = last
        trimmed[0][number], trimmed[1][number] = start, end
        broken[number] = _breaks(data, start, end)


@_compiled
def _breaks(data, start, end):
    """Return whether a span holds the end of a line: a feed, a return or one of the two separators of Unicode."""
    for place in range(np.uint64(start), np.uint64(end)):
        byte = data[place]
        if byte > 13 and byte != 0xE2:
            continue
        if byte == 10 or byte == 13:
            return True
        if byte == 0xE2 and data[place + _ONE] == 0x80 and (data[place + _TWO] & 0xFE) == 0xA8:
            return True
    return False


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

    def read(self, texts: TextSpans) -> tuple[Predictions, TextSpans, NDArray[np.int64]]:
        """Split texts into paragraphs and predict: what is found in each, where it is, how many each text has.

        As ``paragraphs.split`` does, but a text without words is one empty paragraph.
        """
        pieces, lengths = self._split(texts)
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
    return unicodedata.is_normalized("NFC", text) and "\u0130" not in text and ord(max(text)) < _KNOWN_LETTERS


def make_tables(classifier: Classifier) -> Tables:
    """Lay out a classifier's weights for the kernel. Raises ValueError where two terms have one hash."""
    features, model = classifier.features, classifier.frame_model
    common = np.argsort(features.idf, kind="stable")
    of_words = np.array([" " in term for term in features.word_terms], dtype=bool)
    word_hashes = _hashes(features.word_terms, True)
    hashes = np.concatenate([word_hashes, _hashes(features.character_terms, False)])[common]
    sign_words, sign_masks, phrase_facts, phrase_hashes = _sign_tables()
    voice = classifier.voice_model
    weights = _weight_rows(classifier)[common]
    nothing = np.zeros((0, 3))
    return Tables(
        letters=_letters(),
        vocabulary=_table(hashes),
        pairs=_bits(word_hashes[of_words]),
        weights=weights.ravel(),
        width=weights.shape[1],
        terms=len(hashes),
        unknown=float(features.unknown_idf) ** 2,
        logs=np.log(np.maximum(1, np.arange(_LOGS))),
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
        signs=np.empty(2 * _PART, np.float64),
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


def _hashes(terms: tuple[str, ...], words: bool) -> NDArray[np.uint64]:
    letters = np.frombuffer("".join(terms).encode("utf-32-le", "surrogatepass"), np.uint32)
    ends = np.cumsum(np.fromiter(map(len, terms), np.int64, len(terms)))
    hashes: NDArray[np.uint64] = _hash_terms(letters, ends, words)
    return hashes


def _table(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    table = np.zeros(2 << (2 * len(hashes) + 16).bit_length(), np.uint64)
    if not _fill(hashes, table):
        raise ValueError("two terms of the vocabulary have one hash")
    return table


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
        hashes[number, : len(phrase.words) - 1] = _hashes(phrase.words[1:], True)
        first = masks[firsts.index(phrase.words[0])]
        first[2] = first[2] or number + 1
    return _table(_hashes(tuple(firsts), True)), masks, facts, hashes


def _letters() -> NDArray[np.uint32]:
    """Return for each code point what it is folded to, and whether it is in a word, white, or hard to fold."""
    seconds = _second_letters()
    letters = np.full(_KNOWN_LETTERS, _HARD, np.uint32)
    for code in range(_KNOWN_LETTERS):
        character = chr(code)
        folded = fold(character)
        hard = len(folded) != 1 or code in seconds or not unicodedata.is_normalized("NFC", character)
        one = folded if len(folded) == 1 else character
        mark = int(_IN_WORD) * (one.isalnum() or one == "_") | int(_SPACE) * character.isspace() | int(_HARD) * hard
        mark |= int(_MARK) * (character in _MARKS or _FIRST_EMOJI <= code <= _LAST_EMOJI)
        letters[code] = ord(one) | mark
    return letters


def _second_letters() -> set[int]:
    """Return the code points that may combine with the one before them, or be moved past it, in NFC."""
    seconds = {code for code in range(_KNOWN_LETTERS) if unicodedata.combining(chr(code))}
    seconds |= {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # Hangul vowels and finals
    for code in range(_KNOWN_LETTERS):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            seconds.add(int(parts[1], 16))
    return seconds
