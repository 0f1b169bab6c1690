"""Gives a document as a table with a row for each paragraph, so that many documents are scored like other tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from narratives.documents.document import SUFFIXES, read_document
from narratives.documents.extra import check_installed
from narratives.errors import UserError
from narratives.tables.exports.roles import Roles
from narratives.tables.rows import Batch, CellRows, KeyFault, Row, gather
from narratives.tables.sources import Source
from narratives.tables.table import Table

COLUMNS = ("file", "paragraph", "text")
_ROLES = Roles((("text",),), source="file", why="the paragraphs of the document")


@dataclass(frozen=True)
class DocumentReader:
    """Reads the paragraphs of a document; the document itself is refused as one row if it cannot be read."""

    source: Source
    format: str
    columns: tuple[str, ...] = COLUMNS
    header: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""
    schema: None = None
    notes: tuple[str, ...] = ("a row for each paragraph",)

    def head(self) -> dict[str, list[str]]:
        """Return the first paragraphs."""
        return {"text": [row.text for row in self._rows() if not row.fault]}

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield batches of paragraphs; their lines are their numbers in the document, from 1."""
        return gather(self._rows(), rows, lambda values: CellRows(columns, values), self.source)

    def _rows(self) -> Iterator[Row]:
        path = Path(self.source.path)
        try:
            document = read_document(path.name, path.read_bytes())
        except (UserError, OSError) as error:
            yield Row(1, self.source.path, fault=str(error))
            return
        self.source.bytes_read = self.source.size or 0
        if not document.paragraphs:
            yield Row(1, self.source.path, fault="it has no text")
        for number, text in enumerate(document.paragraphs):
            yield Row(number + 1, [path.name, str(number), text], text)


def open_document(path: str) -> Table:
    """Return a document as a table with the columns file, paragraph and text. It is read when its rows are.

    Raises UserError if the extra ``documents`` is needed and not installed.
    """
    kind = SUFFIXES[Path(path).suffix.lower()]
    check_installed(path, kind)
    source = Source(path, Path(path).stat().st_size, "", b"")
    reader = DocumentReader(source, kind)
    return Table(source, reader, COLUMNS, _ROLES, notes=reader.notes)
