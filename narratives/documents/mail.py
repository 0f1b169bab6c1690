"""Reads a mail (EML): its subject and its text, without attachments."""

import re
from email import message_from_bytes
from email.message import MIMEPart
from email.policy import default

from narratives.documents.html_page import read_html
from narratives.documents.line_ends import join_lines
from narratives.errors import UserError
from narratives.tables.table import decode

_HEADERS = ("from", "to", "cc", "subject", "date", "received", "return-path", "message-id", "mime-version")
_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]*):[ \t]?[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n")
_FEWEST_HEADERS = 3
_SIGNATURE = re.compile(r"\n-- \r?\n.*", re.DOTALL)
_QUOTE_MARK = re.compile(r"^(?:> ?)+", re.MULTILINE)


def is_mail(head: bytes) -> bool:
    """Return whether a file begins with the headers of a mail."""
    names, at = set(), 0
    while found := _HEADER.match(head, at):
        names.add(found[1].decode().lower())
        at = found.end()
    return len(names & set(_HEADERS)) >= _FEWEST_HEADERS


def read_mail(name: str, data: bytes) -> str:
    """Return subject and text of a mail, its paragraphs separated by blank lines.

    Raises UserError if it has no text, and if its text is a page and the extra ``documents`` is not installed.
    """
    message = message_from_bytes(data, policy=default)
    body = message.get_body(("plain", "html"))
    if body is None:
        raise UserError(f"{name}: the mail has no text; save its attachment and name that")
    content = _content(body)
    if body.get_content_subtype() == "html":
        text = read_html(name, content.encode())
    else:
        text = join_lines(_QUOTE_MARK.sub("", _SIGNATURE.sub("", content)))
    return "\n\n".join(filter(None, (str(message["subject"] or "").strip(), text.strip())))


def attachments(data: bytes) -> int:
    """Return how many attachments a mail has."""
    return sum(1 for _ in message_from_bytes(data, policy=default).iter_attachments())


def _content(body: MIMEPart) -> str:
    try:
        return str(body.get_content())
    except (LookupError, ValueError):  # an encoding that is misspelt or not the one that is named
        payload = body.get_payload(decode=True)
        return decode(payload) if isinstance(payload, bytes) else ""
