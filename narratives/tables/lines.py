"""Detects the encoding of a text table and decodes its physical lines."""

import codecs
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from narratives.errors import UserError
from narratives.tables.sources import Source

MAX_LINE_BYTES = 1 << 26
ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1251": "Windows-1251",
    "cp1252": "Windows-1252",
}
Line = tuple[str, str]  # a physical line with its end, and what is wrong with its bytes ("" if nothing)

_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def detect_encoding(head: bytes) -> tuple[str, int]:
    """Return the codec of a text and the length of its byte order mark: UTF-8, UTF-16, Windows-1251 or -1252.

    A head with a few bad bytes among many UTF-8 characters is UTF-8; the rows with bad bytes are refused later.
    """
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding, len(mark)
    return _utf_16_without_mark(head) or _utf_8(head) or _windows(head), 0


def _utf_16_without_mark(head: bytes) -> str:
    if b"\n\0" not in head and b"\0\n" not in head and b"\0\r" not in head:
        return ""
    # ASCII characters, such as spaces, have their zero bytes on one side.
    even, odd, pairs = head[::2].count(0), head[1::2].count(0), len(head) // 2
    if max(even, odd) * 10 < pairs or min(even, odd) * 10 > max(even, odd):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _utf_8(head: bytes) -> str:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        text = head.decode("utf-8", "replace")
        good = sum(character > "\x7f" for character in text) - text.count("\ufffd")
        # A text of another encoding has few sequences that happen to be UTF-8.
        return "utf-8" if good > text.count("\ufffd") else ""
    return "utf-8"


def _windows(head: bytes) -> str:
    # Cyrillic words are runs of high bytes; in Western text, high bytes stand alone among ASCII letters. Not left to
    # charset-normalizer: it takes English with curly quotes for Windows-1251.
    runs = sum(len(run) for run in re.findall(rb"[\xa1-\xff]{2,}", head))
    return "cp1251" if runs * 2 > len(re.findall(rb"[\x80-\xff]", head)) else "cp1252"


@dataclass(frozen=True)
class TextLines:
    """The physical lines of a text table; ``encoding`` is a codec, ``mark`` the length of its byte order mark."""

    source: Source
    encoding: str
    mark: int

    @property
    def encoding_name(self) -> str:
        """The name of the encoding for people."""
        return ENCODING_NAMES[self.encoding]

    def head(self) -> list[Line]:
        """Return the lines of the head; the last is left out where the head may cut it."""
        lines = list(decode_lines([self.source.head], self.encoding, self.mark))
        return lines if self.source.whole else lines[:-1]

    def __iter__(self) -> Iterator[Line]:
        """Yield all lines."""
        return decode_lines(self.source.blocks(), self.encoding, self.mark, self.source.name)


def text_lines(source: Source) -> TextLines:
    """Return the lines of a source in the encoding that its head is in."""
    return TextLines(source, *detect_encoding(source.head))


def decode_lines(blocks: Iterable[bytes], encoding: str, skip: int = 0, name: str = "") -> Iterator[Line]:
    r"""Yield the physical lines of ``blocks``, which end in \n, \r\n or \r.

    - ``skip``: the number of bytes to leave out at the start, for a byte order mark.
    - ``name``: what error messages call the table.

    Bytes that do not belong to the encoding become ``\xNN``, and the line comes with its fault. Raises UserError for
    a line longer than ``MAX_LINE_BYTES``.
    """
    if encoding.startswith("utf-16"):
        # Line ends cannot be searched for in UTF-16: the byte 10 is half of many characters.
        blocks, encoding, skip = _as_utf_8(blocks, encoding, skip), "utf-8", 0
    rest = b""
    for block in blocks:
        piece = rest + block[skip:]
        skip = 0
        # A \r that ends the piece may be half of a \r\n.
        end = max(piece.rfind(b"\n"), piece.rfind(b"\r", 0, len(piece) - 1)) + 1
        yield from _decode(piece[:end], encoding)
        rest = piece[end:]
        if len(rest) > MAX_LINE_BYTES:
            raise UserError(f"{name}: a line is longer than {MAX_LINE_BYTES >> 20} MB; is this a text table?")
    yield from _decode(rest, encoding)


def _as_utf_8(blocks: Iterable[bytes], encoding: str, skip: int) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    for block in blocks:
        yield decoder.decode(block[skip:]).encode("utf-8", "surrogatepass")
        skip = 0
    if decoder.getstate()[0]:
        yield b"\xff"  # half a character at the end; this byte makes its line refused


def _decode(piece: bytes, encoding: str) -> Iterator[Line]:
    try:
        text = piece.decode(encoding)
    except UnicodeDecodeError:
        # Line by line, so that a bad byte costs its own line only.
        return map(decode_line, piece.splitlines(keepends=True), itertools.repeat(encoding))
    return zip(io.StringIO(text, newline=""), itertools.repeat(""))


def decode_line(line: bytes, encoding: str) -> Line:
    """Return a line as text, and what is wrong with its bytes ("" if nothing)."""
    try:
        return line.decode(encoding), ""
    except UnicodeDecodeError as error:
        fault = f"byte 0x{line[error.start]:02x} is not {ENCODING_NAMES[encoding]}"
        return line.decode(encoding, "backslashreplace"), fault
