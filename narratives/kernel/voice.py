"""Reads the voice of a paragraph: its markers, the sentence with the evidence, the rest of its document.

Only paragraphs with a predicted frame come here.
"""

import numpy as np

from narratives.kernel.compiled import HALF, LOW, ONE, THREE, compiled, inlined
from narratives.kernel.hashing import SEED_WORD, step
from narratives.kernel.layout import (
    CLOSES_SENTENCE,
    CLOSING,
    ENDS_SENTENCE,
    FIRST_EMOJI,
    IN_WORD,
    LAST_EMOJI,
    LETTER,
    OF_FRAMES,
    OPENS,
    PART,
    QUOTATION_MASK,
    QUOTATION_SHIFT,
    SIGNS,
    SINGLE,
    SPACE,
)
from narratives.kernel.tfidf import weigh_voices
from narratives.model.voice_markers import MOST, TAGS
from narratives.model.voice_model import ROUNDS, STREAM

_EXCLAIMED, _ASKED, _TAGGED, _QUOTES, _QUOTED = range(SIGNS, SIGNS + 5)
_EXCLAMATION, _QUESTION = ord("!"), ord("?")
_HASH = ord(TAGS)


@inlined
def _is_tag(letters, offset, end, known):
    letter = letters[offset]
    if FIRST_EMOJI <= letter <= LAST_EMOJI:
        return True
    return letter == _HASH and offset + 1 < end and (known[letters[offset + 1]] & IN_WORD) != 0


@inlined
def _kind_of_quotation(properties):
    return np.uint64((properties >> QUOTATION_SHIFT) & QUOTATION_MASK)


@compiled
def _read_marks(span, marks, space, tables, row):
    """Count exclamations, questions, tags and quotations between two code points, and the share that is quoted.

    ``marks`` are the first and the last of the marks between them: the code points between marks are never looked at.
    """
    letters, known, (start, end) = space.letters, tables.letters, span
    row[_EXCLAIMED : _QUOTED + 1] = 0.0
    quoted, closed_after = 0, 0
    # A bit for each kind of quotation of which none closes from here on. Without it a text of opening marks only would
    # be searched to its end from each of them: quadratic time, which somebody could provoke.
    barren = np.uint64(0)
    for mark in range(marks[0], marks[1]):
        offset = np.int64(space.marks[mark])
        letter = letters[offset]
        properties = known[letter]
        row[_EXCLAIMED] += letter == _EXCLAMATION
        row[_ASKED] += letter == _QUESTION
        row[_TAGGED] += _is_tag(letters, offset, end, known)
        if offset < closed_after or (properties & OPENS) == 0 or barren & (ONE << _kind_of_quotation(properties)):
            continue
        last = _quotation_end(mark, marks[1], start, end, space, known)
        if last < 0:
            barren |= ONE << _kind_of_quotation(properties)
        if last > 0:
            row[_QUOTES] += 1
            quoted += last - offset
            closed_after = last
    for marker in range(_EXCLAIMED, _QUOTED):
        row[marker] = min(np.float64(MOST), row[marker]) / MOST
    row[_QUOTED] = quoted / max(1, end - start)


@compiled
def _quotation_end(mark, last, start, end, space, known):
    """Return the end of the quotation that opens at a mark, 0 if it is none, -1 if no mark closes one of its kind."""
    letters, offset = space.letters, np.int64(space.marks[mark])
    properties = known[letters[offset]]
    kind, single = _kind_of_quotation(properties), (properties & SINGLE) != 0
    if single and offset > start and (known[letters[offset - 1]] & IN_WORD) != 0:
        return 0
    for after in range(mark + 1, last):
        other = np.int64(space.marks[after])
        if letters[other] == CLOSING[kind, 0] or letters[other] == CLOSING[kind, 1]:
            if other == offset + 1:
                return 0
            if single and other + 1 < end and (known[letters[other + 1]] & IN_WORD) != 0:
                return 0
            return other + 1
    return -1


@compiled
def _read_words(first, last, space, tables, row):
    """Count the word markers that begin and end between two words (``last`` exclusive)."""
    records, entries = space.records, space.entries
    row[:SIGNS] = 0.0
    for word in range(first, last):
        facts = records[np.uint64(entries[np.uint64(word)]) + THREE]
        if facts == 0:
            continue
        markers, phrase = facts & LOW, facts >> HALF
        if phrase:
            markers |= _phrases_at(np.int64(phrase) - 1, word, last, space, tables)
        while markers:
            row[_lowest(markers)] += 1.0
            markers &= markers - ONE  # clears the lowest bit that is set
    for marker in range(SIGNS):
        row[marker] = min(np.float64(MOST), row[marker]) / MOST


@inlined
def _lowest(bits):
    """Return the number of the lowest bit that is set."""
    number = 0
    while not (bits >> np.uint64(number)) & ONE:
        number += 1
    return number


@compiled
def _phrases_at(phrase, word, last, space, tables):
    """Return the markers of the phrases that begin at a word; phrases with one first word lie side by side."""
    facts, hashes, wanted = tables.phrase_facts, space.hashes, tables.phrase_hashes
    markers = np.uint64(0)
    while True:
        length, opened = facts[phrase, 1], facts[phrase, 2]
        fits = word + length <= last
        position = 1
        while fits and position < length:
            key = hashes[word + position]
            if opened and position == length - 1:
                key = _prefix(word + position, opened, space, tables)
            fits = key == wanted[phrase, position - 1]
            position += 1
        if fits:
            markers |= ONE << np.uint64(facts[phrase, 0])
        if not facts[phrase, 3]:
            return markers
        phrase += 1


@compiled
def _prefix(word, length, space, tables):
    """Return the hash of the first ``length`` letters of a word, 0 if it is shorter."""
    start, state = space.starts[word], SEED_WORD
    if space.ends[word] - start < length:
        return np.uint64(0)
    for offset in range(start, start + length):
        state = step(state, tables.letters[space.letters[offset]] & LETTER)
    return state


@compiled
def _sentence_edges(size, space, tables):
    """Write for each sentence the code point, the word and the mark before which it ends. Return how many there are.

    A sentence ends after one of SENTENCE_ENDS, any SENTENCE_CLOSERS and white space, if text follows.
    """
    letters, known, edges = space.letters, tables.letters, space.edges
    count, words, marks = size
    sentence = word = 0
    last = np.int64(0)
    edges[0, 0] = edges[0, 1] = edges[0, 2] = 0
    for mark in range(marks):
        offset = np.int64(space.marks[mark]) + 1
        if offset <= last or (known[letters[offset - 1]] & ENDS_SENTENCE) == 0:
            continue
        white = offset
        while white < count and (known[letters[white]] & CLOSES_SENTENCE) != 0:
            white += 1
        after = white
        while after < count and (known[letters[after]] & SPACE) != 0:
            after += 1
        if white < after < count:
            sentence += 1
            last = after
            while word < words and space.starts[word] < after:
                word += 1
            edges[sentence, 0], edges[sentence, 1] = after, word
    sentence += 1
    edges[sentence, 0], edges[sentence, 1] = count, words
    _edge_marks(sentence, marks, space)
    return sentence


@compiled
def _edge_marks(sentences, marks, space):
    mark = 0
    for sentence in range(1, sentences + 1):
        while mark < marks and np.int64(space.marks[mark]) < space.edges[sentence, 0]:
            mark += 1
        space.edges[sentence, 2] = mark


@compiled
def _divide_by_counts(of_words, counted, lengths, values, counts):
    """Turn the value of each column into the share that one occurrence has in the row."""
    for index in range(np.uint64(of_words)):
        values[index] /= lengths[0] * counts[index]
    for index in range(np.uint64(of_words), np.uint64(counted)):
        values[index] /= lengths[1] * counts[index]


@compiled
def _strongest_sentence(frame, size, space, tables):
    """Return the index of the sentence whose words contribute most to a frame.

    A pair of words gives half of its weight to each of its words, which may lie in two sentences.
    """
    shares, totals, edges = space.shares, space.totals, space.edges
    sentences, words, counted, characters = size
    exponent = np.uint64(tables.lanes + OF_FRAMES)
    for index in range(np.uint64(counted)):
        row = np.uint64(space.touched[index]) * np.uint64(tables.width)
        scale = tables.scales[np.uint64(np.uint8(tables.weights[row + exponent]))]
        shares[index] = space.values[index] * scale * tables.weights[row + np.uint64(frame)]
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
def speak(row, size, lengths, space, tables, found):
    """Write the shares of the three voices for each predicted frame of the paragraph.

    - ``row``: where the paragraph's results go in ``found``.
    - ``size``: numbers of code points, words, marks, columns of words, columns, and the first character n-gram.
    - ``lengths``: of the two blocks of the row, words and characters.
    """
    predicted, voices, sums = found[1][row], found[3][row], np.zeros((2, 8), np.float64)
    frames, markers, edges = len(predicted), space.signs, space.edges
    count, words, marks, of_words, counted, characters = size
    weigh_voices(0, of_words, space, tables, sums[0])
    weigh_voices(of_words, counted, space, tables, sums[1])
    sentences = _sentence_edges((count, words, marks), space, tables)
    if sentences > 1:
        _divide_by_counts(of_words, counted, lengths, space.values, space.counts)
    _read_marks((0, count), (0, marks), space, tables, markers[:PART])
    _read_words(0, words, space, tables, markers[:PART])
    last_read = -1
    for frame in range(frames):
        if not predicted[frame]:
            continue
        best = 0
        if sentences > 1:
            best = _strongest_sentence(frame, (sentences, words, counted, characters), space, tables)
        if best != last_read:  # frames of one paragraph mostly have their evidence in one sentence
            span, between = (edges[best, 0], edges[best + 1, 0]), (edges[best, 2], edges[best + 1, 2])
            _read_marks(span, between, space, tables, markers[PART:])
            _read_words(edges[best, 1], edges[best + 1, 1], space, tables, markers[PART:])
            last_read = best
        _softmax(markers, sums, lengths, tables, voices[frame])


@compiled
def _softmax(markers, sums, lengths, tables, shares):
    top = -np.inf
    for voice in range(3):
        score = tables.voice_bias[voice]
        for block in range(2):
            if lengths[block] > 0:
                score += sums[block, voice] / lengths[block]
        for marker in range(len(markers)):
            score += markers[marker] * tables.sign_weights[marker, voice]
        shares[voice] = score
        top = max(top, score)
    total = 0.0
    for voice in range(3):
        shares[voice] = np.exp(shares[voice] - top)  # less the largest, so that no power overflows
        total += shares[voice]
    for voice in range(3):
        shares[voice] /= total


@compiled
def settle_documents(voices, predicted, edges, prior):
    """Read the voices of each document's paragraphs (from one of ``edges`` to the next) together, in place.

    As ``model.voice_model.in_document`` does. A document with one paragraph that has a frame stays as it is.
    """
    for document in range(len(edges) - 1):
        first, last = edges[document], edges[document + 1]
        with_frame = 0
        for paragraph in range(first, last):
            with_frame += predicted[paragraph].any()
        if with_frame > 1:
            _settle(voices[first:last], predicted[first:last], prior)


@compiled
def _settle(voices, predicted, prior):
    """Run the EM of Saerens, Latinne and Decaestecker (2002), each paragraph's prior without the paragraph itself."""
    alone, pairs = voices.copy(), predicted.sum(axis=1).astype(np.float64)
    sums, all_pairs = np.zeros((len(voices), 3)), pairs.sum()
    for _ in range(ROUNDS):
        for paragraph in range(len(voices)):
            sums[paragraph] = 0.0
            for frame in np.flatnonzero(predicted[paragraph]):
                sums[paragraph] += voices[paragraph, frame]
        total = sums.sum(axis=0)
        for paragraph in range(len(voices)):
            others = all_pairs - pairs[paragraph] + STREAM
            shares = (total - sums[paragraph] + STREAM * prior) / others / prior
            for frame in np.flatnonzero(predicted[paragraph]):
                weighed = alone[paragraph, frame] * shares
                voices[paragraph, frame] = weighed / weighed.sum()
