"""Reads the text of a PDF, page by page, without page numbers and the lines that stand on every page."""

import io
import logging
import re
from collections import Counter

from narratives.documents.extra import package_for
from narratives.documents.line_ends import join_lines
from narratives.errors import UserError

_PAGE_NUMBER = re.compile(
    r"[\W_]*(?:page|p\.|стор\.?|с\.|стр\.?)?[\W_]*\d{1,4}(?:\s*(?:/|of|з|из)\s*\d{1,4})?[\W_]*", re.I
)
_FEWEST_PAGES = 3  # on which a line is told from a running title


def read_pdf(name: str, data: bytes) -> str:
    """Return the text of a PDF with its lines joined.

    Raises UserError if it is encrypted or damaged or has no text, and if the extra ``documents`` is not installed.
    """
    package = package_for(name, "PDF")
    logging.getLogger(package.__name__).setLevel(logging.ERROR)  # its warnings name offsets, which help nobody
    try:
        reader = package.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UserError(f"{name}: the PDF is encrypted; save it without a password")
        pages = [str(page.extract_text()).splitlines() for page in reader.pages]
    except (package.errors.DependencyError, NotImplementedError):
        raise UserError(f"{name}: the PDF is encrypted in a way that is not read; save it without a password") from None
    except (package.errors.PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{name}: the PDF is damaged or cut off ({error}); get it again") from None
    text = "\n".join(line for page in _without_margins(pages) for line in page)
    if not text.strip():
        raise UserError(f"{name}: the PDF has pictures of pages and no text; recognise its text first (OCR)")
    return join_lines(text)


def _without_margins(pages: list[list[str]]) -> list[list[str]]:
    """Return the lines of the pages without page numbers, and without those that stand on most pages."""
    counts = Counter(line for page in pages for line in {line.strip() for line in page})
    running = {line for line, count in counts.items() if len(pages) >= _FEWEST_PAGES and count * 2 > len(pages)}
    return [
        [line for line in page if line.strip() not in running and not _PAGE_NUMBER.fullmatch(line.strip())]
        for page in pages
    ]
