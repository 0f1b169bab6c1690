"""Owns decoding UTF-8, cutting words, and the memory of words seen before."""

import numpy as np

from narratives.kernel.compiled import FOUR, HALF, LOW, NONE, ONE, THREE, TWO, compiled, inlined, prefetch
from narratives.kernel.hashing import SEED_GRAM, SEED_WORD, find, step
from narratives.kernel.layout import HARD, IN_WORD, LETTER, MARK, SPACE
from narratives.model.features import CHARACTERS

_FIRST_LENGTH, _LAST_LENGTH = CHARACTERS.start, CHARACTERS.stop - 1


@inlined
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


@inlined
def _rest(data, place):
    return np.uint32(data[place]) & np.uint32(0x3F)


@compiled
def decode(data, start, end, space, known):
    """Decode UTF-8 into code points. Return how many there are, how many are marks, and what holds of any of them."""
    letters, marks = space.letters, space.marks
    count, marked, any_of, place = np.uint64(0), np.uint64(0), np.uint32(0), start
    while place < end:
        letter, size = _letter_at(data, place)
        place += size
        letters[count] = letter
        told = known[letter] if letter < len(known) else HARD
        any_of |= told
        marks[marked] = count
        marked += np.uint64((told & MARK) != 0)
        count += ONE
    return np.int64(count), np.int64(marked), any_of


@compiled
def cut_words(count, space, tables):
    """Find the words among the code points of the paragraph, with their hashes. Return their number."""
    words, place, letters, known = 0, 0, space.letters, tables.letters
    while place < count:
        mark = known[letters[place]]
        if not mark & IN_WORD:
            place += 1
            continue
        space.starts[words], state = place, SEED_WORD
        while mark & IN_WORD:
            state = step(state, mark & LETTER)
            place += 1
            if place == count:
                break
            mark = known[letters[place]]
        space.ends[words], space.hashes[words] = place, state
        prefetch(space.records, (state << TWO) & np.uint64(len(space.records) - 4))
        words += 1
    return words


@inlined
def seek(key, records):
    """Return where the record of a word is among those seen before, or the free place for it."""
    mask = np.uint64(len(records) - 4)
    at = (key << TWO) & mask
    while records[at] != 0 and records[at] != key:
        at = (at + FOUR) & mask
    return at


@compiled
def learn(at, word, space, tables):
    """Write a new word's record: its characters' columns (first, last), the unknown, its own column, its signs."""
    start, end = space.starts[word], space.ends[word]
    space.records[at] = space.hashes[word]
    space.used[0] += 1
    first, missed = space.used[1], np.uint64(0)
    top, length = first, end - start + 2
    for size in range(_FIRST_LENGTH, _LAST_LENGTH + 1):
        for place in range(length - size + 1):
            state = SEED_GRAM
            for letter in range(place, place + size):
                edge = letter == 0 or letter == length - 1
                folded = np.uint32(32) if edge else tables.letters[space.letters[start + letter - 1]] & LETTER
                state = step(state, folded)
            column = find(state, tables.vocabulary)
            if column == NONE:
                missed += ONE
            else:
                space.pool[top] = column
                top += 1
    space.used[1] = top
    own = find(space.records[at], tables.vocabulary) & LOW
    found, phrases = _signs_of_word(start, end, space, tables)
    space.records[at + ONE] = np.uint64(first) | (np.uint64(top) << HALF)
    space.records[at + TWO] = missed | (own << HALF)
    space.records[at + THREE] = found | (phrases << HALF)


@compiled
def _signs_of_word(start, end, space, tables):
    """Return the signs that a word is (a bit each), and one more than the first phrase that begins with it, or 0."""
    state, found, phrases = SEED_WORD, np.uint64(0), np.uint64(0)
    for place in range(start, end):
        state = step(state, tables.letters[space.letters[place]] & LETTER)
        number = find(state, tables.sign_words)
        if number != NONE:
            found |= tables.sign_masks[number, 1]
            if place == end - 1:
                found |= tables.sign_masks[number, 0]
                phrases = tables.sign_masks[number, 2]
    return found, phrases


@compiled
def make_room(size, space):
    """Forget the words seen before where those of a paragraph of ``size`` bytes might not find room beside them."""
    if space.used[0] + size // 2 + 1 > len(space.records) // 8 or space.used[1] + 6 * size + 6 > len(space.pool):
        space.records[:] = 0
        space.used[:] = 0


@compiled
def trim(data, spans, letters, trimmed, broken):
    """Write spans without the white at their ends, and which of them hold the end of a line then."""
    for number in range(len(spans[0])):
        start, end = spans[0][number], spans[1][number]
        while start < end:
            letter, size = _letter_at(data, start)
            if letter >= len(letters) or (letters[letter] & SPACE) == 0:
                break
            start += size
        while start < end:
            last = end - 1
            while data[last] & 0xC0 == 0x80:
                last -= 1
            letter, _ = _letter_at(data, last)
            if letter >= len(letters) or (letters[letter] & SPACE) == 0:
                break
            end = last
        trimmed[0][number], trimmed[1][number] = start, end
        broken[number] = _breaks(data, start, end)


@compiled
def _breaks(data, start, end):
    """Return whether a span holds the end of a line: a feed, a return or one of the two separators of Unicode."""
    for place in range(np.uint64(start), np.uint64(end)):
        byte = data[place]
        if byte > 13 and byte != 0xE2:
            continue
        if byte == 10 or byte == 13:
            return True
        if byte == 0xE2 and data[place + ONE] == 0x80 and (data[place + TWO] & 0xFE) == 0xA8:
            return True
    return False
