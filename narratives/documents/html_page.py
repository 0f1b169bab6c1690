"""Reads the article of an HTML page, without menus, scripts and the like."""

import codecs
import re

from narratives.documents.extra import package_for
from narratives.tables.table import decode

_DECLARED = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)|<\?xml[^>]+encoding\s*=\s*["']([\w-]+)""", re.I)
_DECLARED_WITHIN = 4096  # bytes


def read_html(name: str, data: bytes) -> str:
    """Return the text of a page, its paragraphs separated by blank lines; empty if it has none.

    Raises UserError if the extra ``documents`` is not installed.
    """
    package = package_for(name, "HTML")
    # Without metadata nothing looks for addresses; images, styles and frames are never loaded.
    text: str | None = package.extract(decoded(data), output_format="txt", include_comments=False, with_metadata=False)
    return "\n\n".join(line.strip() for line in (text or "").splitlines() if line.strip())


def decoded(data: bytes) -> str:
    """Return a page as text, in the encoding that it names, else in the one that its bytes are in."""
    declared = _DECLARED.search(data[:_DECLARED_WITHIN])
    try:
        return data.decode(codecs.lookup((declared[1] or declared[2]).decode()).name) if declared else decode(data)
    except (LookupError, UnicodeDecodeError):
        return decode(data)
