"""Detects the encoding of a text table: Unicode by its form, code pages by the letters that they give."""

import codecs
import math
import re

from narratives.errors import UserError

ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32",
    "cp1251": "Windows-1251",
    "cp1252": "Windows-1252",
    "koi8-u": "KOI8-U",
    "cp866": "CP866",
    "iso8859-5": "ISO-8859-5",
    "mac-cyrillic": "MacCyrillic",
    "utf-8 as cp1252": "UTF-8 encoded twice, by way of Windows-1252",
    "utf-8 as cp1251": "UTF-8 encoded twice, by way of Windows-1251",
}
# UTF-32 comes before UTF-16: the mark of UTF-16 is the first half of that of UTF-32.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# KOI8-U has all letters of KOI8-R. Where two pages give the same letters, the first one wins.
_CYRILLIC = ("cp1251", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic")
# Cyrillic letters by their frequency in a thousand letters of Russian and Ukrainian together.
_FREQUENT = {
    letter: count
    for letters, count in (
        *(("о", 98), ("а", 85), ("и", 69), ("н", 64), ("е", 63), ("т", 60), ("р", 56), ("в", 49), ("с", 47)),
        *(("лк", 38), ("д", 35), ("п", 32), ("уі", 30), ("м", 29), ("з", 21), ("я", 19), ("ь", 17), ("гб", 15)),
        *(("ч", 12), ("й", 11), ("х", 10), ("ы", 9), ("цжю", 8), ("ш", 7), ("щї", 4), ("єф", 3), ("ё", 2)),
        ("эъґ", 1),
    )
    for letter in letters
}
_MARKS_IN_TEXT = 5.0  # the same for quotation marks, dashes and the number sign
_FOREIGN = 0.01  # and for what Russian and Ukrainian texts do not contain
_SAMPLED_RUNS = 5000
_TWICE_LINES = 300
_TWICE_CHARACTERS = 12  # outside of ASCII: fewer may look encoded twice by chance
_FEW = 5  # letters, which are too few to tell a code page by


def detect_encoding(head: bytes) -> tuple[str, int]:
    """Return the codec of a text, a key of ``ENCODING_NAMES``, and the length of its byte order mark.

    A head with a few bad bytes among many UTF-8 characters is UTF-8; the rows with bad bytes are judged later.
    """
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            # Programs that add a mark to a file that has one leave two.
            length = len(mark) * (2 if head.startswith(mark * 2) else 1)
            return _twice(head, encoding), length
    wide = _utf_32_without_mark(head) or _utf_16_without_mark(head)
    return wide or _twice(head, _utf_8(head)) or _code_page(head), 0


def named_encoding(name: str) -> str:
    """Return the codec that a user names. Raises UserError if Python does not know it."""
    known = {shown.lower(): codec for codec, shown in ENCODING_NAMES.items() if not shown.startswith("UTF-")}
    try:
        return known.get(name.lower()) or codecs.lookup(name).name
    except LookupError:
        raise UserError(f"--encoding {name}: not an encoding; name one such as utf-8, cp1251 or koi8-u") from None


def mark_length(head: bytes, encoding: str) -> int:
    """Return the length of the byte order mark that a text in ``encoding`` begins with."""
    family = encoding.replace("_", "-")
    return next((len(mark) for mark, codec in _MARKS.items() if codec.startswith(family) and head.startswith(mark)), 0)


def _utf_32_without_mark(head: bytes) -> str:
    quarters = [head[index::4] for index in range(4)]
    # Nearly all characters are of the basic plane, so that two of their four bytes are zero.
    empty = [len(quarter) > 1 and quarter.count(0) * 50 >= len(quarter) * 49 for quarter in quarters]
    return "utf-32-le" if empty[2] and empty[3] else "utf-32-be" if empty[0] and empty[1] else ""


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


def _code_page(head: bytes) -> str:
    # Cyrillic words are runs of high bytes; in Western text, high bytes stand alone among ASCII letters. Not left to
    # charset-normalizer: it takes English with curly quotes for Windows-1251.
    runs = re.findall(rb"[\x80-\xff]{3,}", head)
    if sum(map(len, runs)) * 2 <= len(re.findall(rb"[\x80-\xff]", head)):
        return "cp1252"
    sample = b" ".join(runs[:_SAMPLED_RUNS])
    return max(_CYRILLIC, key=lambda page: _likeness(sample.decode(page, "replace")))


def _likeness(text: str) -> float:
    """Return how much a text is like Russian or Ukrainian: the mean logarithm of the frequency of its characters."""
    before, total = " ", 0.0
    for character in text:
        total += math.log(_frequency(character, before))
        before = character
    return total / max(1, len(text))


def _frequency(character: str, before: str) -> float:
    small = character.lower()
    if small not in _FREQUENT:
        return _MARKS_IN_TEXT if character in " «»“”„‘’–—…№" else _FOREIGN
    if character == small:
        # KOI8 read as Windows-1251, and the other way, has capitals and small letters exchanged.
        return _FREQUENT[small]
    return _FREQUENT[small] * (_FOREIGN if before.islower() else 0.8)


def _twice(head: bytes, encoding: str) -> str:
    """Return ``encoding``, or the name for UTF-8 that some program took for a code page and encoded once more."""
    if encoding != "utf-8" or head.isascii():
        return encoding
    lines = [line for line in head.decode("utf-8", "ignore").splitlines() if not line.isascii()][:_TWICE_LINES]
    if sum(not character.isascii() for line in lines for character in line) < _TWICE_CHARACTERS:
        return encoding
    for page in ("cp1252", "cp1251"):
        # A cut at the end of the head can spoil one line; a word of the one encoding in a line of the other, some.
        if sum(undo_twice(line, page) != line for line in lines) * 10 > len(lines) * 9:
            return f"utf-8 as {page}"
    return encoding


def undo_twice(text: str, page: str) -> str:
    """Return a text whose UTF-8 bytes were taken for ``page`` as it was; another text unchanged."""
    if text.isascii():
        return text
    try:
        return text.encode(page, "narratives-control").decode("utf-8")
    except UnicodeError:
        return text


def _control(error: UnicodeError) -> tuple[bytes, int]:
    """Encode the control characters that stand for bytes to which a code page gives no character."""
    if isinstance(error, UnicodeEncodeError) and "\x80" <= error.object[error.start] <= "\x9f":
        return bytes([ord(error.object[error.start])]), error.start + 1
    raise error


codecs.register_error("narratives-control", _control)


def guess_line(line: bytes) -> str:
    """Return the code page of a line in a UTF-8 file that is not UTF-8; empty where its bytes are not clearly text."""
    high = len(re.findall(rb"[\x80-\xff]", line))
    if re.search(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}", line) and _utf_8(line):
        return ""  # UTF-8 with a damaged character
    page = _code_page(line)
    if page == "cp1252":
        western = rb"(?<=[A-Za-z])[\xc0-\xff]|[\xc0-\xff](?=[a-z])|[\x85\x91-\x97\xab\xbb]"
        return page if len(re.findall(western, line)) == high else ""
    text = line.decode(page, "replace")
    return page if high > _FEW and _likeness(text) > 1 and "\ufffd" not in text else ""
