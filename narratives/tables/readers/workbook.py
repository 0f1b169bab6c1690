"""Owns workbooks: the first sheet read as lists of strings, one sheet written. Floor 1; knows no text column."""

import datetime
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from narratives.errors import UserError


def sheet_names(path: str) -> list[str]:
    """Return the names of the sheets. Raises UserError if the file is not a readable workbook."""
    with _workbook(path) as (workbook, _):
        return [sheet.title for sheet in workbook.worksheets]


def sheet_rows(path: str) -> Iterator[tuple[int, list[str], int]]:
    """Yield row number (from 1), cells and bytes read so far for each row of the first sheet that is not blank.

    Empty cells at the end of a row are cut off.
    Formulas count as the value that was stored with them. Dates are written as in ISO 8601, without midnight.
    """
    with _workbook(path) as (workbook, file):
        sheet = workbook.worksheets[0]
        sheet.reset_dimensions()  # some writers state wrong ones, and rows would be cut off
        for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
            cells = [_text(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                yield number, cells, file.tell()


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a workbook of one sheet, every cell as text: what begins with = is no formula.

    A cell holds 32,767 characters at most and no control characters: longer text is cut, those are left out.
    """
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("labels")
    for row in (columns, *rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:32_767])
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    workbook.save(path)


@contextmanager
def _workbook(path: str) -> Iterator[Any]:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # styles and the like that no row depends on
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
        return str(value).upper()
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)
