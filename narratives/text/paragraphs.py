"""Splits a text into paragraphs, normalises them and gives them ids."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

MAX_BYTES = 5_000_000  # of a pasted text; longer ones must come as files

_BLANK_LINES = re.compile(r"(?>\r\n?|\n)[ \t\u00a0]*(?:(?>\r\n?|\n)[ \t\u00a0]*)+|\u2029+")  # (?>: CR LF is one end
_LINE_ENDS = re.compile(r"(?:\r\n?|\n|\u2028|\u2029)+")
_HARD_WRAP = range(60, 91)  # characters of a hard-wrapped line


@dataclass(frozen=True)
class Paragraph:
    """A paragraph: its text, and its start and end (exclusive) in the whole text, in code points."""

    text: str
    start: int
    end: int


def normalise(text: str) -> str:
    """Return ``text`` in NFC, with each run of white space as one space and none at the ends. Case is kept."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def paragraph_id(text: str) -> str:
    """Return the id of a paragraph: the first 16 hex digits of the SHA-256 of its normalised text in UTF-8."""
    return hashlib.sha256(normalise(text).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def split(text: str) -> list[Paragraph]:
    """Split a text into paragraphs: at blank lines if there are any, else at line ends.

    A hard-wrapped text without blank lines is one paragraph: most of its lines have the length of a wrapped line and do
    not end in punctuation. Blank paragraphs are left out; the others are stripped and otherwise unchanged.
    """
    if _BLANK_LINES.search(text.strip()):
        return _cut(text, _BLANK_LINES)
    return _trim(text, 0, len(text)) if _hard_wrapped(text) else _cut(text, _LINE_ENDS)


def _hard_wrapped(text: str) -> bool:
    lines = [line.strip() for line in _LINE_ENDS.split(text.strip())]
    wrapped = [len(line) in _HARD_WRAP and line[-1] not in ".!?…:;\"'»”)" for line in lines if line]
    return len(wrapped) > 1 and sum(wrapped) * 2 > len(wrapped)


def _cut(text: str, boundary: re.Pattern[str]) -> list[Paragraph]:
    edges = [0, *(edge for match in boundary.finditer(text) for edge in match.span()), len(text)]
    return [piece for start, end in zip(edges[::2], edges[1::2], strict=True) for piece in _trim(text, start, end)]


def _trim(text: str, start: int, end: int) -> list[Paragraph]:
    body = text[start:end].strip()
    if not body:
        return []
    first = start + text[start:end].index(body)
    return [Paragraph(body, first, first + len(body))]
