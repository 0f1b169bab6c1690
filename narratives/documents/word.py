"""Reads the paragraphs of a Word document (DOCX), those of its tables too."""

import io
from collections.abc import Iterator
from typing import Any

from narratives.documents.archives import opened_archive
from narratives.documents.extra import package_for
from narratives.errors import UserError


def read_word(name: str, data: bytes) -> str:
    """Return the paragraphs of a document, separated by blank lines.

    Raises UserError if it is damaged, and if the extra ``documents`` is not installed.
    """
    package = package_for(name, "Word")
    with opened_archive(name, data, "a Word document"):
        try:
            document = package.Document(io.BytesIO(data))
            return "\n\n".join(" ".join(text.split()) for text in _texts(document) if text.strip())
        except (ValueError, KeyError, AttributeError, SyntaxError) as error:  # lxml's are SyntaxErrors
            raise UserError(f"{name}: a Word document that is damaged ({error}); save it again") from None


def _texts(part: Any) -> Iterator[str]:
    for block in part.iter_inner_content():
        if hasattr(block, "rows"):
            # A cell that spans several others stands in the rows once for each.
            cells = {id(cell._tc): cell for row in block.rows for cell in row.cells}
            for cell in cells.values():
                yield from _texts(cell)
        else:
            yield block.text
