"""Decodes UTF-8, cuts words, and remembers the words of earlier paragraphs.

Most words of a stream were seen before. A word's record holds all that the kernel wants to know of it, so that its
character n-grams are hashed and looked up once, not once an occurrence.
"""

import numpy as np

from narratives.kernel.compiled import FOUR, HALF, LOW, NONE, ONE, THREE, TWO, compiled, inlined, prefetch
from narratives.kernel.hashing import SEED_GRAM, SEED_WORD, find, step
from narratives.kernel.layout import CYRILLIC, HARD, IN_WORD, LATIN, LETTER, MARK, SPACE
from narratives.model.features import CHARACTERS
from narratives.text.cleaning import SPACED_OUT

_SHORTEST, _LONGEST = CHARACTERS.start, CHARACTERS.stop - 1


@inlined
def _letter_at(data, offset):
    """Return the code point of valid UTF-8 that begins at a byte, and how many bytes it has."""
    byte = np.uint32(data[offset])
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return ((byte & np.uint32(0x1F)) << np.uint32(6)) | _six_bits(data, offset + 1), 2
    if byte < 0xF0:
        high = ((byte & np.uint32(0x0F)) << np.uint32(12)) | (_six_bits(data, offset + 1) << np.uint32(6))
        return high | _six_bits(data, offset + 2), 3
    high = ((byte & np.uint32(0x07)) << np.uint32(18)) | (_six_bits(data, offset + 1) << np.uint32(12))
    return high | (_six_bits(data, offset + 2) << np.uint32(6)) | _six_bits(data, offset + 3), 4


@inlined
def _six_bits(data, offset):
    return np.uint32(data[offset]) & np.uint32(0x3F)


@compiled
def decode(data, start, end, space, known):
    """Decode UTF-8 into code points.

    Return how many there are, how many of them are marks, and the properties that any of them has.
    """
    letters, marks = space.letters, space.marks
    count, marked, any_of, offset = np.uint64(0), np.uint64(0), np.uint32(0), start
    while offset < end:
        letter, size = _letter_at(data, offset)
        offset += size
        letters[count] = letter
        properties = known[letter] if letter < len(known) else HARD
        any_of |= properties
        # Written always and counted only for a mark: a branch that is rarely taken would be mispredicted at each mark.
        marks[marked] = count
        marked += np.uint64((properties & MARK) != 0)
        count += ONE
    return np.int64(count), np.int64(marked), any_of


@compiled
def cut_words(count, space, tables):
    """Find the words among the first ``count`` code points, with their hashes.

    Return their number, and whether one has letters of two scripts or several are single letters in a row: cleaning
    may change such words.
    """
    words, offset, letters, known = 0, 0, space.letters, tables.letters
    suspect, singles = False, 0
    while offset < count:
        properties = known[letters[offset]]
        if not properties & IN_WORD:
            offset += 1
            continue
        space.starts[words], state, any_of = offset, SEED_WORD, np.uint32(0)
        while properties & IN_WORD:
            state = step(state, properties & LETTER)
            any_of |= properties
            offset += 1
            if offset == count:
                break
            properties = known[letters[offset]]
        space.ends[words], space.hashes[words] = offset, state
        singles = singles + 1 if offset - space.starts[words] == 1 else 0
        suspect |= singles == SPACED_OUT or ((any_of & LATIN) != 0 and (any_of & CYRILLIC) != 0)
        # The record is needed when all words are cut; by then its cache line has come.
        prefetch(space.records, (state << TWO) & np.uint64(len(space.records) - 4))
        words += 1
    return words, suspect


@inlined
def seek(key, records):
    """Return the slot of a word's record, or the free slot for it."""
    mask = np.uint64(len(records) - 4)
    slot = (key << TWO) & mask
    while records[slot] != 0 and records[slot] != key:
        slot = (slot + FOUR) & mask
    return slot


@compiled
def learn(slot, word, space, tables):
    """Write a new word's record: the span of its n-grams' columns, its unknown n-grams, its column, its markers."""
    start, end = space.starts[word], space.ends[word]
    space.records[slot] = space.hashes[word]
    space.used[0] += 1
    first, unknown = space.used[1], np.uint64(0)
    top, length = first, end - start + 2  # with the space at each end
    for size in range(_SHORTEST, _LONGEST + 1):
        for position in range(length - size + 1):
            state = SEED_GRAM
            for letter in range(position, position + size):
                edge = letter == 0 or letter == length - 1
                folded = np.uint32(32) if edge else tables.letters[space.letters[start + letter - 1]] & LETTER
                state = step(state, folded)
            column = find(state, tables.vocabulary)
            if column == NONE:
                unknown += ONE
            else:
                space.pool[top] = column
                top += 1
    space.used[1] = top
    own = find(space.records[slot], tables.vocabulary) & LOW
    markers, phrases = _markers_of_word(start, end, space, tables)
    space.records[slot + ONE] = np.uint64(first) | (np.uint64(top) << HALF)
    space.records[slot + TWO] = unknown | (own << HALF)
    space.records[slot + THREE] = markers | (phrases << HALF)


@compiled
def _markers_of_word(start, end, space, tables):
    """Return the voice markers that a word is, a bit each, and one more than the first phrase that it begins, or 0.

    A marker with an open ending fits every word that begins so: each prefix of the word is looked up.
    """
    state, markers, phrases = SEED_WORD, np.uint64(0), np.uint64(0)
    for offset in range(start, end):
        state = step(state, tables.letters[space.letters[offset]] & LETTER)
        index = find(state, tables.sign_words)
        if index != NONE:
            markers |= tables.sign_masks[index, 1]
            if offset == end - 1:
                markers |= tables.sign_masks[index, 0]
                phrases = tables.sign_masks[index, 2]
    return markers, phrases


@compiled
def make_room(size, space):
    """Forget all words if those of a paragraph of ``size`` bytes might not fit beside them.

    Done before the paragraph is cut: a record that vanished in the middle would leave ``entries`` pointing nowhere.
    """
    if space.used[0] + size // 2 + 1 > len(space.records) // 8 or space.used[1] + 6 * size + 6 > len(space.pool):
        space.records[:] = 0
        space.used[:] = 0


@compiled
def trim(data, spans, letters, trimmed, broken):
    """Write spans without the white space at their ends, and whether each then holds the end of a line."""
    for index in range(len(spans[0])):
        start, end = spans[0][index], spans[1][index]
        while start < end:
            letter, size = _letter_at(data, start)
            if letter >= len(letters) or (letters[letter] & SPACE) == 0:
                break
            start += size
        while start < end:
            last = end - 1
            while data[last] & 0xC0 == 0x80:  # a byte inside a character; its first byte is further to the left
                last -= 1
            letter, _ = _letter_at(data, last)
            if letter >= len(letters) or (letters[letter] & SPACE) == 0:
                break
            end = last
        trimmed[0][index], trimmed[1][index] = start, end
        broken[index] = _breaks(data, start, end)


@compiled
def _breaks(data, start, end):
    """Return whether a span holds a line feed, a carriage return, or U+2028 or U+2029."""
    for offset in range(np.uint64(start), np.uint64(end)):
        byte = data[offset]
        if byte > 13 and byte != 0xE2:  # nearly every byte: one comparison and on
            continue
        if byte == 10 or byte == 13:
            return True
        if byte == 0xE2 and data[offset + ONE] == 0x80 and (data[offset + TWO] & 0xFE) == 0xA8:
            return True
    return False
