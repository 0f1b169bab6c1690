"""Decodes the physical lines of a text table."""

import codecs
import io
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from narratives.tables.encodings import ENCODING_NAMES, detect_encoding, guess_line, mark_length, undo_twice
from narratives.tables.guard.limits import RECORD, too_long
from narratives.tables.sources import Source

Line = tuple[str, str]  # a physical line with its end, and what is wrong with its bytes ("" if nothing)


@dataclass(frozen=True)
class TextLines:
    """The physical lines of a text table; ``encoding`` is a codec, ``mark`` the length of its byte order mark."""

    source: Source
    encoding: str
    mark: int

    @property
    def encoding_name(self) -> str:
        """The name of the encoding for people."""
        return ENCODING_NAMES.get(self.encoding, self.encoding)

    def head(self) -> list[Line]:
        """Return the lines of the head; the last is left out where the head may cut it."""
        lines = list(decode_lines([self.source.head], self.encoding, self.mark))
        return lines if self.source.whole else lines[:-1]

    def __iter__(self) -> Iterator[Line]:
        """Yield all lines."""
        return decode_lines(self.source.blocks(), self.encoding, self.mark, self.source)


def text_lines(source: Source, encoding: str = "") -> TextLines:
    """Return the lines of a source in ``encoding``, else in the one that its head is in."""
    if encoding:
        return TextLines(source, encoding, mark_length(source.head, encoding))
    return TextLines(source, *detect_encoding(source.head))


def decode_lines(blocks: Iterable[bytes], encoding: str, skip: int = 0, source: Source | None = None) -> Iterator[Line]:
    r"""Yield the physical lines of ``blocks``, which end in \n, \r\n or \r.

    - ``skip``: the number of bytes to leave out at the start, for a byte order mark.
    - ``source``: where they are from, for error messages and to count the lines in another encoding.

    Bytes that do not belong to the encoding become ``\xNN``, and the line comes with its fault. Raises UserError for
    a line of ``source`` above the limit of a record; a text without a source is in memory already.
    """
    if encoding.startswith(("utf-16", "utf-32")):
        # Line ends cannot be searched for in UTF-16: the byte 10 is half of many characters.
        blocks, encoding, skip = _as_utf_8(blocks, encoding, skip), "utf-8", 0
    elif encoding.startswith("utf-8 as "):
        yield from _undone(decode_lines(blocks, "utf-8", skip, source), encoding.removeprefix("utf-8 as "))
        return
    rest, number, most = b"", 1, RECORD.bytes if source else 0
    for block in blocks:
        piece = rest + block[skip:]
        skip = 0
        # A \r that ends the piece may be half of a \r\n.
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, len(piece) - 1)) + 1
        rest, piece = piece[end:], piece[:end]
        if source and len(rest) + len(piece) > most:
            _check_lengths([*piece.splitlines(keepends=True), rest], number, most, source.name)
        yield from _decode(piece, encoding, source)
        number += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
    yield from _decode(rest, encoding, source)


def _check_lengths(lines: Iterable[bytes], number: int, most: int, name: str) -> None:
    for at, line in enumerate(lines, number):
        if len(line) > most:
            raise too_long(f"{name}:{at}")


def _as_utf_8(blocks: Iterable[bytes], encoding: str, skip: int) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("narratives-wide")
    for block in blocks:
        yield decoder.decode(block[skip:]).encode("utf-8", "surrogatepass")
        skip = 0
    if decoder.getstate()[0]:
        yield b"\xff"  # half a character at the end; this byte makes its line refused


def _wide(error: UnicodeError) -> tuple[str | bytes, int]:
    """Decode what is no character as half a surrogate pair, which makes its line refused."""
    try:
        return codecs.lookup_error("surrogatepass")(error)
    except UnicodeDecodeError as refused:
        return "\udcff", refused.end


codecs.register_error("narratives-wide", _wide)


def _undone(lines: Iterable[Line], page: str) -> Iterator[Line]:
    return ((undo_twice(text, page), fault) for text, fault in lines)


def _decode(piece: bytes, encoding: str, source: Source | None) -> Iterator[Line]:
    try:
        text = piece.decode(encoding)
    except UnicodeDecodeError:
        # Line by line, so that a bad byte costs its own line only.
        lines = piece.splitlines(keepends=True)
        return map(decode_line, lines, itertools.repeat(encoding), itertools.repeat(source))
    return zip(io.StringIO(text, newline=""), itertools.repeat(""))


def decode_line(line: bytes, encoding: str, source: Source | None = None) -> Line:
    """Return a line as text, and what is wrong with its bytes ("" if nothing).

    A line of UTF-8 that is plainly text in a code page is read so, and ``source`` counts it: a file that grew, or was
    put together from others, changes its encoding on the way, perhaps long after its head.
    """
    try:
        return line.decode(encoding), ""
    except UnicodeDecodeError as error:
        page = guess_line(line) if encoding == "utf-8" else ""
        if page:
            if source:
                source.count_recoded(page)
            return line.decode(page), ""
        fault = f"byte 0x{line[error.start]:02x} is not {ENCODING_NAMES.get(encoding, encoding)}"
        return line.decode(encoding, "backslashreplace"), fault
