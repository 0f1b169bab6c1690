"""Reads a document of any kind as plain text, recognised by its content."""

import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath

from narratives.documents.epub import read_epub
from narratives.documents.html_page import read_html
from narratives.documents.line_ends import join_lines
from narratives.documents.mail import attachments, is_mail, read_mail
from narratives.documents.pdf import read_pdf
from narratives.documents.subtitles import read_subtitles
from narratives.documents.word import read_word
from narratives.errors import UserError
from narratives.tables.encodings import detect_encoding
from narratives.tables.formats import foreign_format
from narratives.tables.guard.damage import damage_refused
from narratives.tables.table import decode
from narratives.text.paragraphs import split

SUFFIXES = {
    ".html": "HTML",
    ".htm": "HTML",
    ".xhtml": "HTML",
    ".pdf": "PDF",
    ".docx": "Word",
    ".epub": "EPUB",
    ".eml": "mail",
    ".srt": "subtitles",
    ".vtt": "subtitles",
}
HEAD_BYTES = 1 << 14
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_HTML = re.compile(rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", re.I | re.S)
_SUBTITLES = re.compile(rb"WEBVTT\b|(\d+[ \t]*\r?\n)?\d\d:\d\d:\d\d,\d{3}[ \t]*-->")
_ODD = re.compile(r"[\x00-\x08\x0e-\x1a\x7f\ufffd]")
_READERS: dict[str, Callable[[str, bytes], str]] = {
    "HTML": read_html,
    "PDF": read_pdf,
    "Word": read_word,
    "EPUB": read_epub,
    "mail": read_mail,
    "subtitles": read_subtitles,
}


@dataclass(frozen=True)
class Document:
    """A document as text.

    - ``kind``: HTML, PDF, Word, EPUB, mail or subtitles; ``text`` for plain text.
    - ``text``: its paragraphs, of most kinds separated by blank lines.
    - ``notes``: what a user should know about how it was read.
    """

    kind: str
    text: str
    notes: tuple[str, ...] = ()

    @property
    def paragraphs(self) -> list[str]:
        """Its paragraphs."""
        return [paragraph.text for paragraph in split(self.text)]

    def findings(self, name: str) -> str:
        """Say in one sentence what was read."""
        count = len(self.paragraphs)
        return f"{name}: {', '.join((self.kind, f'{count:,} paragraph' + 's' * (count != 1), *self.notes))}"


def kind_of(data: bytes) -> str:
    """Return the kind of a document by its bytes; ``text`` if it is none of those that are read as something else."""
    start = data[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"%PDF-"):
        return "PDF"
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_archive(data)
    if "16" in detect_encoding(data[:HEAD_BYTES])[0]:
        start = start.replace(b"\0", b"")[2:]
    patterns = {"HTML": _HTML, "subtitles": _SUBTITLES}
    by_text = next((kind for kind, pattern in patterns.items() if pattern.match(start)), "")
    return by_text or ("mail" if is_mail(start) else "text")


def read_document(name: str, data: bytes) -> Document:
    """Read a document, or a plain text whose words and lines were cut by line ends.

    Raises UserError, with what it is and what to do, for a file that holds no text: another format, a damaged or
    encrypted document, an empty one. So it does if the extra ``documents`` is needed and not installed.
    """
    kind = kind_of(data)
    if kind == "text":
        return Document(kind, join_lines(_plain_text(name, data)))
    with damage_refused(name, "document"):
        text = _READERS[kind](name, data)
    if not text.strip():
        raise UserError(f"{name}: a document ({kind}) without text; name another file")
    with damage_refused(name, "document"):
        ignored = attachments(data) if kind == "mail" else 0
    note = f"{ignored} attachment{'s' * (ignored != 1)} not read"
    return Document(kind, text, (note,) if ignored else ())


def is_document(path: str) -> bool:
    """Return whether a file is a document and not a table: its name and its bytes say so."""
    kind = SUFFIXES.get(PurePath(path).suffix.lower(), "")
    if not kind or "://" in path:
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False  # whoever opens it says why it cannot be read
    return not head or kind_of(head) == kind or (kind in ("Word", "EPUB") and head.startswith((b"PK", _OLD_OFFICE)))


def _kind_of_archive(data: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return "Word" if b"word/" in data[:HEAD_BYTES] else "text"
    if "META-INF/container.xml" in names:
        return "EPUB"
    return "Word" if "word/document.xml" in names else "text"


def _plain_text(name: str, data: bytes) -> str:
    if data.startswith(_OLD_OFFICE):
        raise UserError(f"{name}: an old Word or Excel file, or one with a password; save it as .docx without one")
    if data.startswith(b"PK\x03\x04"):
        raise UserError(f"{name}: a zip archive or a damaged document; unzip it, or get it again")
    if what := foreign_format(data):
        raise UserError(f"{name}: {what}")
    text = decode(data)
    if len(_ODD.findall(text)) * 20 > len(text):
        raise UserError(f"{name}: neither a text nor a document that is read; save its text as .txt")
    return text
