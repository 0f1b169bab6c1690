"""Reads the voice markers of a text: a fixed list of words and marks that tell who speaks, and at what distance.

Each marker is counted in the whole paragraph and again in the sentence that carries a frame's evidence. A phrase of
the lexicon counts once for each word at which it begins; its words are those of ``features.words``.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from narratives.model.features import Word, words

MOST = 3  # the highest count of a marker: further occurrences add no information about the voice
# Each opening quotation mark, with what may close it.
QUOTATION_MARKS = (('"', '"'), ("“", "”"), ("„", "“”"), ("«", "»"), ("'", "'"), ("‘", "’"))
SINGLE_QUOTATION_MARKS = "'‘"  # apostrophes, too, so they neither open after a letter nor close before one
SENTENCE_ENDS = ".!?…"
SENTENCE_CLOSERS = "\"'”’»)"  # may stand between the end of a sentence and the white space after it
TAGS = "#"
EMOJI = ("\U0001f300", "\U0001faff")  # the first and the last

_SENTENCE_END = re.compile(rf"(?<=[{re.escape(SENTENCE_ENDS)}])[{re.escape(SENTENCE_CLOSERS)}]*\s+(?=\S)")


def _quotation(opening: str, closing: str) -> str:
    quotation = f"{opening}[^{closing}]+[{closing}]"
    return rf"(?<!\w){quotation}(?!\w)" if opening in SINGLE_QUOTATION_MARKS else quotation


_QUOTED = re.compile("|".join(_quotation(*marks) for marks in QUOTATION_MARKS))

# By marker: English, then Ukrainian, then Russian phrases. A star stands for any ending. A trained model holds a
# weight for each marker in this order, so a change here needs a new training.
_LEXICON = {
    "attribution": """
        said, says, saying, told, stated, states, according to, reported, reports, announced, declared, added, noted,
        argued, argues, stressed, warned, warns, warning, predicted, believe, believes, called for, in his view,
        in her view, in their view, in his words, in her words, in its words
        за словами, на думку, повідоми*, заяви*, сказа*, зазнач*, наголос*, наголош*, вважа*, пише
        по словам, по мнению, сообщ*, сказал*, отмети*, подчеркну*, считает, пишет""",
    "distance": """
        claim*, alleg*, purport*, so-called, supposed, supposedly, insist*, assert*, accus*, portray*, depict*, cast as,
        casts, casting, paint, paints, painted, painting, suggest, suggests, suggested, suggesting
        нібито, начебто, буцімто, мовляв, стверджу*, твердять, звинувачу*, так зван*
        якобы, дескать, мол, утвержда*, обвин*, так называем*""",
    "falsehood": """
        fals*, fake, fakes, faked, untrue, disinform*, misinform*, propagand*, hoax*, lie, lies, lying, mislead*,
        debunk*, baseless, unfounded, groundless, fabricat*, conspirac*, myth, myths, manipulat*, distort*,
        misrepresent*, doctored, nonsense, absurd, bogus, pretext
        брехн*, брешуть, неправд*, фейк*, дезінформ*, пропаганд*, спросту*, міф*, маніпул*, вигад*
        ложь, лжи, лжив*, врут, вранье, дезинформ*, опроверг*, миф*, манипул*, выдумк*""",
    "operation": """
        information operation, information operations, informational operation, info op, info ops, psyop, psyops,
        psy-op, narrative, narratives, talking point, talking points, messaging, pro-kremlin, pro-russian, milblogg*,
        influence operation, influence operations, influence campaign
        іпсо, іпс, наратив*
        ипсо, нарратив*""",
    "proof": """
        in fact, in reality, actually, no evidence, no credible evidence, without evidence, without any evidence,
        no proof, no sign, no signs, records show, data show, figures show, verified, satellite, investigat*,
        fact-check*, fact check*, found no, contradict*, refut*, disprov*, contrary to, out of context, never happened,
        on the contrary
        насправді, доказ*, фактчек*, перевір*, супутник*, не відповіда*, навпаки, розслідув*
        на самом деле, в действительности, доказательств*, провер*, спутник*, не соответств*, наоборот,
        расследован*""",
    "denial": """
        deny, denied, denies, denying, reject*, dismiss*, disput*, unlikely, improbable
        запереч*, відкида*, малоймовірн*
        отрица*, отверг*, маловероятн*""",
    "purpose": """
        meant to, designed to, intended to, aimed at, aims to, is supposed to, are supposed to, in order to,
        to convince, to persuade, to make, to create, wants us to, want us to, impression, notion, the idea that,
        illusion, theatre, smokescreen, feint, distract*, divert*, takes aim, take aim
        щоб, аби, переконати, ілюзі*, враження, відволік*, відволікти, спектакл*
        чтобы, дабы, убедить, иллюзи*, впечатлени*, отвле*, спектакл*""",
    "incapacity": """
        lack, lacks, lacked, lacking, unable, incapable, insufficient, too few, not enough, nowhere near, far from,
        remote, would need, would require, short of, without the, fewer than, has yet to, have yet to, failed to, not so
        бракує, не здатн*, недостатн*, замало, далеко від, не вистачає
        не хватает, неспособн*, недостаточн*, слишком мало, далеко от""",
    "contrast": """
        but, however, yet, although, though, despite, instead, rather than, while
        але, однак, проте, хоча, натомість
        но, однако, хотя, вместо""",
    "negation": """
        not, no, never, nor, neither, cannot, none, nobody, nothing, don't, doesn't, didn't, isn't, aren't, wasn't,
        can't, won't, don’t, doesn’t, didn’t, isn’t, aren’t, wasn’t, can’t, won’t
        не, ні, немає, нема, ніколи, ніхто
        нет, ни, никогда, никто, нельзя""",
    "assessment": """
        assess*, analyst, analysts, think tank, think-tank, observer, observers, expert, experts, indicator, indicators,
        likely, probabl*, intelligence, institute
        оціню*, аналітик*, експерт*, розвідк*, інститут*
        оценива*, аналитик*, эксперт*, разведк*, институт*""",
    "moscow": """
        kremlin*, moscow*, russian official, russian officials, russian authorities, russian state, russian media,
        russian government, russian president, russian foreign, russian defence, russian defense, russian outlets,
        state media, state tv, state television, tass, ria
        кремл*, москв*, росзмі, російські змі, російська влада
        российские сми, российские власти""",
    "we": "we, our, ours, us, ми, наш*, нас, нам, нами, мы",
    "you and I": "you, your, i, my, me, ви, вам, вас, ваш*, я, мене, мені, вы, меня, мне",
    "loyal": """
        special operation, special military operation, regime, nazi, nazis, neo-nazi, neo-nazis, neonazi*, ukronazi*,
        collective west, anglo-saxon, anglo-saxons, puppet, puppets, junta, masters, curators, banderit*, liberat*,
        nationalists
        спецопераці*, режим*, неонацист*, нацист*, колективний захід, англосакс*, хунт*, маріонет*
        спецоперац*, сво, коллективный запад, коллективного запада, марионет*, укронацист*, бандер*, освобо*, кураторы,
        кураторов, нацик*""",
    "obvious": """
        of course, obviously, clearly, everyone knows, no wonder, no secret, truth is, the fact is, simply, finally
        звісно, звичайно, очевидно
        конечно, ясно, понятно, не секрет""",
}


@dataclass(frozen=True)
class Phrase:
    """Folded words that show a marker (index into LEXICON). Where ``open``, the last word may have any ending."""

    marker: int
    words: tuple[str, ...]
    open: bool


def _phrases() -> tuple[Phrase, ...]:
    listed = [
        (marker, phrase.strip()) for marker, text in enumerate(_LEXICON.values()) for phrase in re.split(r"[,\n]", text)
    ]
    return tuple(
        Phrase(marker, tuple(word.folded for word in words(phrase.rstrip("*"))), phrase.endswith("*"))
        for marker, phrase in listed
        if phrase
    )


LEXICON = tuple(_LEXICON)
PHRASES = _phrases()
_MARKS = {
    "exclamation": re.compile(r"!"),
    "question": re.compile(r"\?"),
    "hashtag or emoji": re.compile(rf"[{TAGS}]\w|[{EMOJI[0]}-{EMOJI[1]}]"),
    "quotation": _QUOTED,
}
_COUNTED = (*LEXICON, *_MARKS)
_QUOTATION = _COUNTED.index("quotation")
_NAMES = (*_COUNTED, "share quoted")
MARKERS = tuple(f"{name}, {where}" for where in ("paragraph", "sentence") for name in _NAMES)

# Single words with an open ending are found by the beginnings of a word, all other phrases by their whole first word,
# so that a word of the text costs a few look-ups and not a comparison with every phrase.
_STEMS = {phrase.words[0] for phrase in PHRASES if phrase.open and len(phrase.words) == 1}
_STEM_LENGTHS = sorted({len(stem) for stem in _STEMS})
_BY_FIRST_WORD: dict[str, list[Phrase]] = {}
for _phrase in PHRASES:
    _BY_FIRST_WORD.setdefault(_phrase.words[0], []).append(_phrase)


def sentences(text: str) -> list[tuple[int, int]]:
    """Return the spans (code points, end exclusive) of the sentences of a paragraph; together they cover it."""
    edges = [0, *(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]
    return [(start, end) for start, end in pairwise(edges) if start < end] or [(0, len(text))]


def read_markers(text: str, spans: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """Return one row of MARKERS for each sentence in ``spans``, with values from 0 to 1.

    A value is the count, at most MOST, divided by MOST; the last marker is the share of the text within quotation
    marks. The markers of the paragraph are the same in every row.
    """
    tokens = words(text)
    paragraph = _count(text, tokens)
    by_sentence = {(a, b): _count(text[a:b], [word for word in tokens if a <= word.start < b]) for a, b in set(spans)}
    return np.array([[*paragraph, *by_sentence[span]] for span in spans]).reshape(-1, len(MARKERS))


@dataclass(frozen=True)
class MarkerPart:
    """The part of the value of a marker (index into MARKERS) that the word or mark at ``span`` adds."""

    marker: int
    span: tuple[int, int]
    value: float


def marker_parts(text: str, spans: Sequence[tuple[int, int]]) -> list[list[MarkerPart]]:
    """Divide the values that ``read_markers`` returns for each sentence among the words and marks of the text.

    The parts of a marker sum to its value. Its occurrences have equal parts, also where there are more than MOST. Each
    is divided equally among the words of a phrase, or between the two marks of a quotation.
    """
    tokens = words(text)
    paragraph = list(_parts(text, tokens))
    return [
        [*paragraph, *_parts(text[a:b], [word for word in tokens if a <= word.start < b], a, len(_NAMES))]
        for a, b in spans
    ]


def _parts(text: str, tokens: Sequence[Word], offset: int = 0, first: int = 0) -> Iterator[MarkerPart]:
    """Yield the parts of the markers from ``first`` on; ``text`` begins at ``offset`` in the text of ``tokens``."""
    found = _occurrences(text, tokens, offset)
    for marker, occurrences in enumerate(found, first):
        for spans in occurrences:
            value = min(MOST, len(occurrences)) / MOST / len(occurrences)
            yield from (MarkerPart(marker, span, value / len(spans)) for span in spans)
    for spans in found[_QUOTATION]:
        value = _extent(spans) / len(text)
        yield from (MarkerPart(first + len(_COUNTED), span, value / len(spans)) for span in spans)


def _count(text: str, tokens: Sequence[Word]) -> NDArray[np.float64]:
    found = _occurrences(text, tokens)
    quoted = sum(_extent(spans) for spans in found[_QUOTATION]) / max(1, len(text))
    return np.array([*(min(MOST, len(occurrences)) / MOST for occurrences in found), quoted])


def _extent(spans: Sequence[tuple[int, int]]) -> int:
    return spans[-1][1] - spans[0][0]


def _occurrences(text: str, tokens: Sequence[Word], offset: int = 0) -> list[list[tuple[tuple[int, int], ...]]]:
    """Return the occurrences of each of _COUNTED, each as the spans of its words or marks."""
    found: list[list[tuple[tuple[int, int], ...]]] = [[] for _ in LEXICON]
    for index in range(len(tokens)):
        for marker, length in _markers_at(tokens, index).items():
            found[marker].append(tuple((word.start, word.end) for word in tokens[index : index + length]))
    for pattern in _MARKS.values():
        found.append([_marks_of(offset + match.start(), offset + match.end()) for match in pattern.finditer(text)])
    return found


def _marks_of(start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the spans of the two marks of a quotation; any other match is shorter and begins with its only mark."""
    return ((start, start + 1), (end - 1, end)) if end - start > 2 else ((start, start + 1),)


def _markers_at(tokens: Sequence[Word], index: int) -> dict[int, int]:
    """Return the markers that have a phrase beginning at this word, with the number of words of the longest."""
    first = tokens[index].folded
    begun = [phrase for phrase in _BY_FIRST_WORD.get(first, ()) if _continues(phrase, tokens, index)]
    stems = [first[:length] for length in _STEM_LENGTHS if length < len(first) and first[:length] in _STEMS]
    opened = [phrase for stem in stems for phrase in _BY_FIRST_WORD[stem] if phrase.open and len(phrase.words) == 1]
    lengths: dict[int, int] = {}
    for phrase in (*begun, *opened):
        lengths[phrase.marker] = max(lengths.get(phrase.marker, 0), len(phrase.words))
    return lengths


def _continues(phrase: Phrase, tokens: Sequence[Word], index: int) -> bool:
    """Return whether the words after ``index`` are the phrase's words after its first one."""
    rest = [word.folded for word in tokens[index + 1 : index + len(phrase.words)]]
    if len(rest) < len(phrase.words) - 1:
        return False
    if not rest:
        return True
    *middle, last = phrase.words[1:]
    return rest[:-1] == middle and (rest[-1].startswith(last) if phrase.open else rest[-1] == last)
