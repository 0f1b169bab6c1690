"""Cleans a text before its words are counted: what carries no claim is blanked, what hides a word is undone.

- Addresses, handles, tags, styles and scripts become spaces.
- Invisible characters, stress marks and spaces between the letters of a spaced-out word do not part a word.
- Entities are decoded; full-width, mathematical and look-alike letters become the letters that a reader sees.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from functools import cache

# Format characters (category Cf), variation selectors and other characters without a glyph.
INVISIBLE = (
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f\U000e0100-\U000e01ef"
)
FILLER = "\u2060"  # the word joiner: takes the place of a character that goes, so that offsets stay valid
_STRESS = "\u0300\u0301"
_NO_STRESS = dict.fromkeys(map(ord, _STRESS))
_STRESSED = "аеиоуыэюяієї"
LATIN, CYRILLIC = "A-Za-z\u00c0-\u024f", "\u0400-\u04ff"
# Letters of two scripts that look alike.
_LATIN_ALIKE = "ABCEHIJKMOPSTXYaceijopsxy"
_CYRILLIC_ALIKE = "АВСЕНІЈКМОРЅТХУасеіјорѕху"
_TO_CYRILLIC = str.maketrans(_LATIN_ALIKE, _CYRILLIC_ALIKE)
_TO_LATIN = str.maketrans(_CYRILLIC_ALIKE, _LATIN_ALIKE)
LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})

_MIXED = rf"[{LATIN}][{CYRILLIC}]|[{CYRILLIC}][{LATIN}]"
# Full-width letters and digits, and the blocks of mathematical and enclosed ones.
_STYLED = "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff\u2460-\u24ff\u2102-\u2149"
SUSPECT_LETTERS = rf"<&@/{INVISIBLE}{_STRESS}{_STYLED}\ufb00-\ufb06"  # each alone makes a text suspect
_KNOWN_MARKS = 0x20000  # combining marks lie in the first two planes
SPACED_OUT = 4  # letters that stand one by one are a word
_SPACED_OUT = re.compile(rf"(?<!\w)[^\W\d_](?:[ \u00a0][^\W\d_]){{{SPACED_OUT - 1},}}(?!\w)")
# Nearly every text has none of these, and is read as it stands.
_SUSPECT = re.compile(rf"[{SUSPECT_LETTERS}]|{_MIXED}|(?<!\w)[^\W\d_](?:[ \u00a0][^\W\d_]){{{SPACED_OUT - 1}}}")
_REMOVED = re.compile(
    r"""
    <(style|script)\b[^<>]*>.*?</\1\s*>             # with what they enclose
    | <!--.*?-->
    | </?[a-z][^<>]*>
    | (?:https?|ftp)://[^\s<>"]+
    | \bwww\.[^\s<>"]+
    | (?<![\w@.])(?:[\w-]+\.)+[a-z]{2,}/[^\s<>"]*    # an address without its scheme: t.me/name
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+
    | (?<![\w@])@\w+
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.IGNORECASE)
_WORD = re.compile(rf"[\w{INVISIBLE}]+")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_IN_CLUSTERS = re.compile(f"[{INVISIBLE}{_STRESS}\ufb00-\ufb06]")  # what ``clusters`` changes in composed text


def is_plain(text: str) -> bool:
    """Return whether cleaning would surely leave a text as it is."""
    return _SUSPECT.search(text) is None


def clean(text: str) -> str:
    """Return ``text`` cleaned, code point for code point, so that offsets stay valid.

    What is removed is a space or, within a word, a ``FILLER``; invisible characters and stress marks stay, for
    ``clusters`` to drop.
    """
    if is_plain(text):
        return text
    text = re.sub(f"[{_STYLED}]", lambda match: _one_for_one(match.group()), text)
    text = _REMOVED.sub(lambda match: " " * len(match.group()), text)
    text = _ENTITY.sub(lambda match: _padded(html.unescape(match.group()), len(match.group())), text)
    if re.search(_MIXED, text):
        text = _WORD.sub(_unmixed, text)
    return _SPACED_OUT.sub(lambda match: re.sub("[ \u00a0]", FILLER, match.group()), text)


def plain(text: str) -> str:
    """Return ``text`` as a reader sees it: cleaned, composed, without characters that have no glyph."""
    if is_plain(text) and unicodedata.is_normalized("NFC", text):
        return text
    seen = clean(text)
    if _IN_CLUSTERS.search(seen) or not unicodedata.is_normalized("NFC", seen):
        composed = _with_marks_composed(seen)
        # A letter without marks that is not composed is rare, and so is a mark beyond the second plane.
        whole = unicodedata.is_normalized("NFC", composed) and ord(max(composed, default=" ")) < _KNOWN_MARKS
        seen = composed if whole else "".join(piece for piece, _, _ in clusters(seen))
    return re.sub(" {2,}", " ", seen).strip(" ")


def _with_marks_composed(text: str) -> str:
    """Return the clusters of ``text`` joined; only those with more than a letter are looked at."""
    pieces, end = [], 0
    for marks in _marks().finditer(text):
        start = max(marks.start() - 1, 0)
        pieces += [text[end:start], _composed(text[start : marks.end()])]
        end = marks.end()
    return "".join([*pieces, text[end:]]).translate(LIGATURES)


@cache
def _marks() -> re.Pattern[str]:
    marks = "".join(chr(code) for code in range(0x300, _KNOWN_MARKS) if unicodedata.combining(chr(code)))
    return re.compile(f"[{marks}{INVISIBLE}]+")


def clusters(text: str, change: Callable[[str], str] = str) -> list[tuple[str, int, int]]:
    """Return each base character with its marks: composed and ``change``d, and its start and end in ``text``.

    Invisible characters and stress marks belong to the character before them and are dropped. Composing cluster by
    cluster, not the whole text, keeps track of where each character comes from.
    """
    pieces, start = [], 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not (unicodedata.combining(text[end]) or _INVISIBLE.match(text[end])):
            pieces.append((change(_composed(text[start:end])), start, end))
            start = end
    return pieces


def _composed(cluster: str) -> str:
    seen = _INVISIBLE.sub("", cluster)
    if len(seen) > 1 and seen[0].lower() in _STRESSED:
        seen = seen[0] + seen[1:].translate(_NO_STRESS)
    return unicodedata.normalize("NFC", seen).translate(LIGATURES)


def _one_for_one(character: str) -> str:
    compatible = unicodedata.normalize("NFKC", character)
    return compatible if len(compatible) == 1 else character


def _padded(text: str, length: int) -> str:
    return text + FILLER * (length - len(text)) if len(text) <= length else text[:length]


def _unmixed(match: re.Match[str]) -> str:
    """Return a word of two scripts in the one that all its letters can be read in, else as it is."""
    word = match.group()
    if not re.search(_MIXED, word):
        return word
    for script, table in ((LATIN, _TO_CYRILLIC), (CYRILLIC, _TO_LATIN)):
        changed = word.translate(table)
        if not re.search(f"[{script}]", changed):
            return changed
    return word
