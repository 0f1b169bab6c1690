"""Reads the first sheet of an XLSX workbook as strings, and writes a workbook of one sheet."""

import datetime
import io
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from narratives.errors import UserError
from narratives.files import atomic_write
from narratives.tables.rows import Batch, CellRows, KeyFault, Row, gather
from narratives.tables.sources import Source

_HEAD_ROWS = 1000
_CELL_CHARACTERS = 32_767  # the limit of Excel


@dataclass(frozen=True)
class WorkbookReader:
    """The first sheet of a workbook."""

    source: Source
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    format: str = "XLSX"
    encoding: str = ""
    delimiter: str = ""
    schema: None = None

    def head(self) -> dict[str, list[str]]:
        """Return the first cells of all columns, without the rows that will be refused."""
        rows = [row.value for row in islice(self._rows(0), _HEAD_ROWS) if not row.fault]
        return {column: [cells[index] for cells in rows] for index, column in enumerate(self.columns)}

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield batches of cells as strings."""
        index = self.columns.index(text_column) if text_column else 0
        return gather(self._rows(index), rows, lambda values: CellRows(columns, values), self.source)

    def _rows(self, text: int) -> Iterator[Row]:
        width = len(self.columns)
        for number, cells, position in islice(sheet_rows(self.source.path), 1, None):
            self.source.bytes_read = position
            padded = cells + [""] * (width - len(cells))
            if len(padded) > width:
                yield Row(number, "\t".join(padded), fault=f"{len(padded)} cells where the header has {width}")
            else:
                yield Row(number, padded, padded[text])


def open_workbook(source: Source) -> WorkbookReader:
    """Take the first row of the first sheet as the names of the columns. Raises UserError if the sheet is empty."""
    names = sheet_names(source.path)
    _, columns, _ = next(sheet_rows(source.path), (0, [], 0))
    if not columns:
        raise UserError(f"{source.name}: the sheet '{names[0]}' is empty; put the table on the first sheet")
    others = f" (the first of {len(names)})" if len(names) > 1 else ""
    return WorkbookReader(source, tuple(columns), (f"sheet '{names[0]}'{others}",))


def sheet_names(path: str) -> list[str]:
    """Return the names of the sheets. Raises UserError if the file cannot be read as a workbook."""
    with _workbook(path) as (workbook, _):
        return [sheet.title for sheet in workbook.worksheets]


def sheet_rows(path: str) -> Iterator[tuple[int, list[str], int]]:
    """Yield row number (from 1), cells and bytes read so far for each row of the first sheet that is not blank.

    Empty cells at the end of a row are left out. A formula is read as the value stored with it. Dates are written as
    in ISO 8601, without the time if it is midnight.
    """
    with _workbook(path) as (workbook, file):
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # some programs store wrong ones, and rows would be cut off
        for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
            cells = [_text(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells, file.tell()


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a workbook of one sheet with every cell as text, so that a cell that begins with = is not a formula.

    Text longer than an Excel cell can hold is cut, and control characters are left out.
    """
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("labels")
    for row in (columns, *rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:_CELL_CHARACTERS])
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    # A zip file that is abandoned half-written complains when it is collected, so openpyxl never sees the real file.
    content = io.BytesIO()
    workbook.save(content)
    with atomic_write(path) as file:
        file.write(content.getbuffer())


@contextmanager
def _workbook(path: str) -> Iterator[Any]:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # about styles and the like, on which no row depends
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
            if not workbook.worksheets:
                raise UserError(f"{path}: the workbook has no sheet; save the table as .csv")
            yield workbook, file
    except (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, EOFError) as error:
        raise UserError(f"{path}: not a readable XLSX workbook ({error}); save it again or export it as .csv") from None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()  # as Excel shows it
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
