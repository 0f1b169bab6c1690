"""Owns the voice of a paragraph: markers, sentences, shares, and documents read together."""

import numpy as np

from narratives.kernel.compiled import HALF, LOW, ONE, THREE, compiled, inlined
from narratives.kernel.hashing import SEED_WORD, step
from narratives.kernel.layout import FIRST_EMOJI, IN_WORD, LAST_EMOJI, LETTER, PART, SIGNS, SPACE
from narratives.model.voice_markers import MOST
from narratives.model.voice_model import ROUNDS, STREAM

_KINDS = 8  # the six opening quotation marks leave different rests
_EXCLAIMED, _ASKED, _TAGGED, _QUOTES, _QUOTED = range(SIGNS, SIGNS + 5)


@inlined
def _is_tag(letters, place, end, known):
    letter = letters[place]
    if FIRST_EMOJI <= letter <= LAST_EMOJI:
        return True
    return (letter == 35 or letter == 64) and place + 1 < end and (known[letters[place + 1]] & IN_WORD) != 0


@inlined
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


@inlined
def _opens(letter):
    return (
        letter == 0x22 or letter == 0x201C or letter == 0x201E or letter == 0xAB or letter == 0x27 or letter == 0x2018
    )


@compiled
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
        kind = ONE << np.uint64(letter % np.uint32(_KINDS))
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


@compiled
def _quotation_end(mark, last, start, end, space, known):
    """Return the end of the quotation that opens at a mark, 0 if none does, -1 if no mark closes one of its kind."""
    letters, place = space.letters, np.int64(space.marks[mark])
    opened = letters[place]
    single = opened == 0x27 or opened == 0x2018
    if single and place > start and (known[letters[place - 1]] & IN_WORD) != 0:
        return 0
    for after in range(mark + 1, last):
        other = np.int64(space.marks[after])
        if _closes(opened, letters[other]):
            if other == place + 1:
                return 0
            if single and other + 1 < end and (known[letters[other + 1]] & IN_WORD) != 0:
                return 0
            return other + 1
    return -1


@compiled
def _read_words(first, last, space, tables, row):
    """Count the word signs that begin and end between two words (last exclusive)."""
    records, entries = space.records, space.entries
    row[:SIGNS] = 0.0
    for word in range(first, last):
        signs = records[np.uint64(entries[np.uint64(word)]) + THREE]
        if signs == 0:
            continue
        found, phrase = signs & LOW, signs >> HALF
        if phrase:
            found |= _phrases_at(np.int64(phrase) - 1, word, last, space, tables)
        while found:
            row[_lowest(found)] += 1.0
            found &= found - ONE
    for sign in range(SIGNS):
        row[sign] = min(np.float64(MOST), row[sign]) / MOST


@inlined
def _lowest(bits):
    """Return the number of the lowest bit that is set."""
    number = 0
    while not (bits >> np.uint64(number)) & ONE:
        number += 1
    return number


@compiled
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
            found |= ONE << np.uint64(facts[phrase, 0])
        if not facts[phrase, 3]:
            return found
        phrase += 1


@compiled
def _prefix(word, length, space, tables):
    start, state = space.starts[word], SEED_WORD
    if space.ends[word] - start < length:
        return np.uint64(0)
    for place in range(start, start + length):
        state = step(state, tables.letters[space.letters[place]] & LETTER)
    return state


@inlined
def _ends_sentence(letter):
    return letter == 46 or letter == 33 or letter == 63 or letter == 0x2026


@inlined
def _after_sentence(letter):
    return letter == 0x22 or letter == 0x27 or letter == 0x201D or letter == 0x2019 or letter == 0xBB or letter == 41


@compiled
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
        while after < count and (known[letters[after]] & SPACE) != 0:
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


@compiled
def _edge_marks(sentences, marks, space):
    mark = 0
    for sentence in range(1, sentences + 1):
        while mark < marks and np.int64(space.marks[mark]) < space.edges[sentence, 0]:
            mark += 1
        space.edges[sentence, 2] = mark


@compiled
def _deal(of_words, counted, lengths, values, counts):
    """Make of the value of each column counted the share that one occurrence has of the row."""
    for number in range(np.uint64(of_words)):
        values[number] /= lengths[0] * counts[number]
    for number in range(np.uint64(of_words), np.uint64(counted)):
        values[number] /= lengths[1] * counts[number]


@compiled
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
        span, share = space.records[np.uint64(space.entries[word]) + ONE], 0.0
        for _ in range((span >> HALF) - (span & LOW)):
            share += shares[np.uint64(grams[gram])]
            gram += ONE
        if space.own[word] != LOW:
            share += shares[np.uint64(grams[np.uint64(space.own[word])])]
        totals[sentence] += share
        if word + 1 < words and space.pairs[word] != LOW:
            half = shares[np.uint64(grams[np.uint64(space.pairs[word])])] / 2
            totals[sentence] += half
            totals[sentence if word + 1 < edges[sentence + 1, 1] else sentence + 1] += half
    return np.argmax(totals[:sentences])


@compiled
def speak(place, size, block, space, tables, found):
    """Write the shares of the three voices for each predicted frame of the paragraph at hand."""
    predicted, said, (sums, lengths) = found[1][place], found[3][place], block
    frames, signs, edges = len(predicted), space.signs, space.edges
    count, words, marks, of_words, counted, characters = size
    sentences = _sentence_edges((count, words, marks), space, tables)
    if sentences > 1:
        _deal(of_words, counted, lengths, space.values, space.counts)
    _read_marks((0, count), (0, marks), space, tables, signs[:PART])
    _read_words(0, words, space, tables, signs[:PART])
    read = -1
    for frame in range(frames):
        if not predicted[frame]:
            continue
        best = 0
        if sentences > 1:
            best = _strongest_sentence(frame, (sentences, words, counted, characters), space, tables)
        if best != read:
            span, between = (edges[best, 0], edges[best + 1, 0]), (edges[best, 2], edges[best + 1, 2])
            _read_marks(span, between, space, tables, signs[PART:])
            _read_words(edges[best, 1], edges[best + 1, 1], space, tables, signs[PART:])
            read = best
        _say(signs, sums, lengths, tables, said[frame])


@compiled
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


@compiled
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


@compiled
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
