"""Owns the paragraph: splitting a text, normalising, ids, language, near-copies. Knows no frame and no file."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_BYTES = 5_000_000  # one pasted text; more goes through files
COPY_JACCARD = 0.5  # word trigrams shared by what counts as near-copies

_BLANK_LINES = re.compile(r"(?:\r\n?|\n)[ \t\u00a0]*(?:(?:\r\n?|\n)[ \t\u00a0]*)+|\u2029+")
_LINE_ENDS = re.compile(r"(?:\r\n?|\n|\u2028|\u2029)+")
_HARD_WRAP = range(60, 91)  # characters of a hard-wrapped line
_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]")
_RUSSIAN = re.compile(r"[ыэъёЫЭЪЁ]")
_ENGLISH_WORDS = frozenset(
    "the of and to in a is that for it on with as was are by be this from at has have not but they will his we".split()
)
_UKRAINIAN_WORDS = frozenset(
    "та що не на це як для до за від про але або вже ще коли який щоб був його вона ми ви".split()
)
_RUSSIAN_WORDS = frozenset(
    "и что не на это как для до за от про но или уже еще когда который чтобы был его она мы вы".split()
)


@dataclass(frozen=True)
class Paragraph:
    """One paragraph of a text: its words and where they stand (code points, end exclusive) in the whole text."""

    text: str
    start: int
    end: int


def normalise(text: str) -> str:
    """Return ``text`` in NFC with runs of white space made one space and the ends stripped; case is kept."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def paragraph_id(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of the normalised text in UTF-8."""
    return hashlib.sha256(normalise(text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def split(text: str) -> list[Paragraph]:
    """Split at blank lines where there are any, else at line ends; a hard-wrapped text stays together.

    A text counts as hard-wrapped if most of its lines are 60-90 characters long without end punctuation.
    White paragraphs are left out; the rest keep their text as it stands, ends stripped.
    """
    if _BLANK_LINES.search(text.strip()):
        return _cut(text, _BLANK_LINES)
    return _trim(text, 0, len(text)) if _hard_wrapped(text) else _cut(text, _LINE_ENDS)


def _hard_wrapped(text: str) -> bool:
    lines = [line.strip() for line in _LINE_ENDS.split(text.strip())]
    wrapped = [len(line) in _HARD_WRAP and line[-1] not in ".!?…:;\"'»”)" for line in lines if line]
    return len(wrapped) > 1 and sum(wrapped) * 2 > len(wrapped)


def _cut(text: str, boundary: re.Pattern[str]) -> list[Paragraph]:
    edges = [0, *(edge for found in boundary.finditer(text) for edge in found.span()), len(text)]
    return [piece for start, end in zip(edges[::2], edges[1::2], strict=True) for piece in _trim(text, start, end)]


def _trim(text: str, start: int, end: int) -> list[Paragraph]:
    body = text[start:end].strip()
    if not body:
        return []
    first = start + text[start:end].index(body)
    return [Paragraph(body, first, first + len(body))]


def language(text: str) -> str:
    """Guess ``en``, ``uk``, ``ru`` or ``other`` from letters and the commonest words; ``other`` where neither tells."""
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return "other"
    cyrillic = sum("\u0400" <= character <= "\u04ff" for character in letters) / len(letters)
    words = Counter(re.findall(r"\w+", text.lower()))
    if cyrillic > 0.5:
        return _cyrillic_language(text, words)
    latin = sum(character < "\u0250" for character in letters) / len(letters)
    plain = sum(character < "\u0080" for character in letters) / len(letters)
    return (
        "en"
        if latin > 0.5 and (_share(words, _ENGLISH_WORDS) > 0.08 or (plain > 0.99 and words.total() < 12))
        else "other"
    )


def _cyrillic_language(text: str, words: Counter[str]) -> str:
    ukrainian = len(_UKRAINIAN.findall(text)) + 2 * sum(words[word] for word in _UKRAINIAN_WORDS - _RUSSIAN_WORDS)
    russian = len(_RUSSIAN.findall(text)) + 2 * sum(words[word] for word in _RUSSIAN_WORDS - _UKRAINIAN_WORDS)
    return "uk" if ukrainian > russian else "ru"


def _share(words: Counter[str], known: Iterable[str]) -> float:
    return sum(words[word] for word in known) / max(1, words.total())


def word_runs(text: str, length: int) -> set[tuple[str, ...]]:
    """Return the runs of ``length`` lower-case words in ``text``; a shorter text is one run of all its words."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + length]) for start in range(max(1, len(words) - length + 1))}


def near_copies(texts: Sequence[str]) -> list[int]:
    """Return for each text the index of the first text of its group of near-copies (its own where it has none).

    Two texts are near-copies if the Jaccard index of their word trigrams is above 0.5; groups are transitive.
    """
    runs = [word_runs(text, 3) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = {}
    leader = list(range(len(texts)))
    for index, mine in enumerate(runs):
        shared = Counter(other for run in mine for other in holders.get(run, ()))
        for other, both in shared.items():
            if both / (len(mine) + len(runs[other]) - both) > COPY_JACCARD:
                _join(leader, index, other)
        for run in mine:
            holders.setdefault(run, []).append(index)
    return [_root(leader, index) for index in range(len(texts))]


def _root(leader: list[int], index: int) -> int:
    while leader[index] != index:
        index = leader[index]
    return index


def _join(leader: list[int], one: int, other: int) -> None:
    first, second = sorted((_root(leader, one), _root(leader, other)))
    leader[second] = first
