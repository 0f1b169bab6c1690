"""Joins what line ends cut: words that were hyphenated, and the lines of a text that was wrapped."""

import re
from itertools import pairwise

_SOFT_HYPHEN = "\u00ad"
_CUT_WORD = re.compile(r"(?P<before>[^\W\d_]+)(?P<hyphen>[-\u2010\u00ad])[ \t]*(?:\r\n?|\n)[ \t]*(?P<after>[^\W\d_]+)")
_HYPHENATED = re.compile(r"[^\W\d_][-\u2010\u00ad]$")
_BLANK_LINES = re.compile(r"(?>\r\n?|\n)[ \t]*(?:(?>\r\n?|\n)[ \t]*)+")  # atomic: \r\n is one line end, never two
_ENDS_SENTENCE = re.compile(r"[.!?…:;][\"'»”’)\]]*$")
# Words that keep their hyphen wherever the line ends: по-перше, во-первых, будь-хто, non-state.
_KEEP_HYPHEN = frozenset("по во кое из будь хтозна казна non self".split())
_SIMILAR = 0.7  # of the longest line: most lines of a wrapped text are as long
_SHORT = 0.8  # of the longest line: after a shorter one that ends a sentence, a paragraph begins


def join_lines(text: str) -> str:
    """Return a text with hyphenated words whole and wrapped lines joined; other line ends stay.

    - A hyphen at the end of a line goes, unless it is that of a name or the text has the word with it elsewhere.
    - Lines are wrapped if most are about as long as the longest, and most go on in the middle of a sentence.
    """
    blocks = _BLANK_LINES.split(text)
    joined = [_joined_block(block, text) for block in blocks]
    return text if joined == blocks else "\n\n".join(joined)


def _joined_block(block: str, text: str) -> str:
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    if not _is_wrapped(lines):
        return _with_whole_words(block, text)
    longest, paragraphs = max(map(len, lines)), [lines[:1]]
    for before, line in pairwise(lines):
        if _ENDS_SENTENCE.search(before) and len(before) < _SHORT * longest:
            paragraphs.append([])
        paragraphs[-1].append(line)
    whole = (_with_whole_words("\n".join(lines), text) for lines in paragraphs)
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in whole)


def _is_wrapped(lines: list[str]) -> bool:
    if len(lines) < 2:
        return False
    longest, ends = max(map(len, lines)), len(lines) - 1
    similar = sum(len(line) >= _SIMILAR * longest or bool(_HYPHENATED.search(line)) for line in lines[:-1])
    going_on = sum(after[0].islower() and not _ENDS_SENTENCE.search(before) for before, after in pairwise(lines))
    return similar * 2 > ends and going_on * 2 > ends


def _with_whole_words(block: str, text: str) -> str:
    """Return a block of a text with the words whole that a hyphen and a line end cut."""

    def joined(cut: re.Match[str]) -> str:
        before, hyphen, after = cut["before"], cut["hyphen"], cut["after"]
        if hyphen == _SOFT_HYPHEN:
            return before + after
        is_name = before.isupper() or not after[0].islower()  # EU-wide, Kyiv-Moscow
        keeps = is_name or before.casefold() in _KEEP_HYPHEN or re.search(rf"\b{before}[-\u2010]{after}", text)
        return f"{before}-{after}" if keeps else before + after

    return _CUT_WORD.sub(joined, block)
