"""Reads a sheet of an XLSX workbook as strings, and writes a workbook of one sheet."""

import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, repeat
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.files import atomic_write
from narratives.tables.columns import listed
from narratives.tables.guard.limits import (
    HELD,
    MB,
    RECORD,
    SHEET_CELL_CHARACTERS,
    SHEET_COLUMNS,
    SHEET_ROWS,
    check_held,
    check_unpacked,
    too_long,
)
from narratives.tables.headers import NO_HEADER, find_header, name_columns, naming_notes
from narratives.tables.reading import Reading
from narratives.tables.rows import Batch, CellRows, KeyFault, Row, gather
from narratives.tables.sources import Source

_HEAD_ROWS = 1000
_OTHER_LAYOUT = "nothing was written; write another layout, such as jsonl"


_NumberedCells = tuple[int, Sequence[Any]]  # a row of a sheet, counted from 1


@dataclass(frozen=True)
class SheetRow:
    """A row of a sheet that is not blank.

    - ``number``: the row in the sheet, from 1.
    - ``cells``: its cells as strings, without the empty ones at its end.
    - ``position``: how many bytes of the file were read.
    - ``unknown``: the indices of cells that have a formula but no stored value.
    """

    number: int
    cells: list[str]
    position: int
    unknown: frozenset[int] = frozenset()


@dataclass(frozen=True)
class WorkbookReader:
    """One sheet of a workbook; ``first_row`` is that of its table, ``header`` the cells that name the columns."""

    source: Source
    sheet: int
    columns: tuple[str, ...]
    header: tuple[str, ...]
    first_row: int
    notes: tuple[str, ...] = ()
    format: str = "XLSX"
    encoding: str = ""
    delimiter: str = ""
    schema: None = None

    def head(self) -> dict[str, list[str]]:
        """Return the first cells of all columns, without the rows that will be refused."""
        rows = [row for row in islice(self._table(), _HEAD_ROWS) if len(row.cells) <= len(self.columns)]
        return {
            column: [row.cells[index] if index < len(row.cells) else "" for row in rows if index not in row.unknown]
            for index, column in enumerate(self.columns)
        }

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield batches of cells as strings."""
        index = self.columns.index(text_column) if text_column else 0
        return gather(self._rows(index), rows, lambda values: CellRows(columns, values), self.source)

    def _table(self) -> Iterator[SheetRow]:
        return (row for row in sheet_rows(self.source.path, self.sheet) if row.number >= self.first_row)

    def _rows(self, text: int) -> Iterator[Row]:
        width = len(self.columns)
        for row in self._table():
            self.source.bytes_read = row.position
            padded = row.cells + [""] * (width - len(row.cells))
            fault = f"{len(padded)} cells where the header has {width}" if len(padded) > width else ""
            if text in row.unknown:
                fault = "the text is a formula without a stored value; open the workbook in Excel and save it"
            yield Row(row.number, "\t".join(padded), fault=fault) if fault else Row(row.number, padded, padded[text])


@dataclass(frozen=True)
class _Sheet:
    """A sheet with its first rows that are not blank."""

    index: int
    name: str
    visible: bool
    rows: list[SheetRow]

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """How likely it has the table: whether it has rows at all, is visible, and has rows of several cells."""
        several = sum(len(row.cells) > 1 for row in self.rows) > 1
        return several or len(self.rows) > 1, self.visible, several


def open_workbook(source: Source, reading: Reading) -> WorkbookReader:
    """Find the sheet and the row with the names of the columns.

    That is the sheet that the user names, else the first visible one that has a table. Raises UserError if there is no
    such sheet or it is empty.
    """
    _check_parts(source.path)
    sheets = _sheets(source.path)
    sheet = _named_sheet(source.name, sheets, reading.sheet) if reading.sheet else max(sheets, key=lambda one: one.rank)
    if not sheet.rows:
        raise UserError(f"{source.name}: the sheet '{sheet.name}' is empty; name another with --sheet")
    header = _header(sheet.rows, reading)
    below = sheet.rows[header + 1 :]
    names = sheet.rows[header].cells if header >= 0 else []
    # A cell beside the table is a column without a name; no delimiter can have cut it off from another cell.
    width = max([len(names), *(len(row.cells) for row in below)])
    cells = names + [""] * (width - len(names))
    columns = name_columns(cells)
    number = sheet.rows[header].number if header >= 0 else 0
    notes = [_sheet_note(sheet, sheets), *_header_notes(number, sheet.rows[0].number, columns, cells)]
    return WorkbookReader(source, sheet.index, columns, tuple(cells) if number else (), number + 1, tuple(notes))


def _named_sheet(name: str, sheets: Sequence[_Sheet], wanted: str) -> _Sheet:
    named = [sheet for sheet in sheets if wanted in (sheet.name, str(sheet.index + 1))]
    if not named:
        names = listed([sheet.name for sheet in sheets])
        raise UserError(f"{name}: there is no sheet '{wanted}'; its sheets are {names}")
    return next((sheet for sheet in named if sheet.name == wanted), named[0])


def _header(rows: Sequence[SheetRow], reading: Reading) -> int:
    if reading.header_row is None:
        return find_header([row.cells for row in rows])
    if not reading.header_row:
        return NO_HEADER
    header = next((index for index, row in enumerate(rows) if row.number >= reading.header_row), None)
    if header is None:
        raise UserError(f"--header-row {reading.header_row}: the table ends before that row; name another")
    return header


def _sheet_note(sheet: _Sheet, sheets: Sequence[_Sheet]) -> str:
    hidden = "" if sheet.visible else ", hidden"
    number = "the first" if not sheet.index else f"number {sheet.index + 1}"
    return f"sheet '{sheet.name}'" + (f" ({number} of {len(sheets)}{hidden})" if len(sheets) > 1 else "")


def _header_notes(number: int, first: int, columns: Sequence[str], cells: Sequence[str]) -> list[str]:
    if not number:
        return ["no row with the names of the columns (if there is one, name it with --header-row)"]
    below = [f"names of the columns in row {number}"] if number > first else []
    return below + naming_notes(columns, cells)


def _sheets(path: str) -> list[_Sheet]:
    with _workbook(path) as (workbook, _):
        described = [(sheet.title, sheet.sheet_state == "visible") for sheet in workbook.worksheets]
    return [
        _Sheet(index, name, visible, list(islice(sheet_rows(path, index), _HEAD_ROWS)))
        for index, (name, visible) in enumerate(described)
    ]


def sheet_rows(path: str, index: int) -> Iterator[SheetRow]:
    """Yield the rows of a sheet that are not blank. Raises UserError if the file cannot be read as a workbook.

    A formula is read as the value stored with it. Dates are written as in ISO 8601, without the time if it is midnight.
    """
    with _workbook(path) as (workbook, file), _formulas(path, index) as formulas:
        for (number, row), (_, sources) in zip(_iterate(path, workbook.worksheets[index]), formulas, strict=False):
            cells = [_text(value) for value in row]
            pairs = enumerate(zip(row, sources, strict=False))
            unknown = frozenset(at for at, (value, source) in pairs if value is None and source is not None)
            while cells and not cells[-1]:
                cells.pop()
            if cells or unknown:
                yield SheetRow(number, cells, file.tell(), unknown)


@contextmanager
def _formulas(path: str, index: int) -> Iterator[Iterator[_NumberedCells]]:
    """Yield the rows of a sheet with formulas as they are written; empty rows if the workbook has none."""
    if not _has_formulas(path):
        yield repeat((0, ()))
        return
    with _workbook(path, data_only=False) as (workbook, _):
        yield _iterate(path, workbook.worksheets[index])


def _has_formulas(path: str) -> bool:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/"):
                with archive.open(name) as sheet:
                    end = b""
                    while block := sheet.read(1 << 20):
                        if re.search(rb"<f[ >/]", end + block):
                            return True
                        end = block[-2:]
    return False


class _Metered:
    """Reads the XML of a sheet. Raises UserError if it goes on and on without a row."""

    def __init__(self, path: str, part: Any) -> None:
        self._path, self._part = path, part
        self.row = self._since = 0

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._part.read(size)
        self._since += len(data)
        if self._since > RECORD.bytes:
            raise too_long(f"{self._path}, below row {self.row}", "a row")
        return data

    def at(self, row: int) -> None:
        """Note that a row was read."""
        self.row, self._since = row, 0


def _iterate(path: str, sheet: Any) -> Iterator[_NumberedCells]:
    """Yield the rows that a sheet has, with their numbers. Raises UserError if a sheet cannot have such a row."""
    from openpyxl.worksheet._reader import WorkSheetParser

    # Not by ``iter_rows``: it fills up with empty rows and cells, however far away the next one says that it is.
    book = sheet.parent
    dates = {"date_formats": book._date_formats, "timedelta_formats": book._timedelta_formats}
    with sheet._get_source() as part:
        metered = _Metered(path, part)
        parser = WorkSheetParser(metered, sheet._shared_strings, data_only=book.data_only, epoch=book.epoch, **dates)
        for number, cells in parser.parse():
            parser.row_dimensions.clear()
            metered.at(number)
            last = max((cell["column"] for cell in cells), default=0)
            if number > SHEET_ROWS or last > SHEET_COLUMNS:
                raise UserError(
                    f"{path}: a cell in row {number:,}, column {last:,}, where a sheet has {SHEET_ROWS:,} rows and "
                    f"{SHEET_COLUMNS:,} columns; save the workbook again in Excel"
                )
            row: list[Any] = [None] * last
            for cell in cells:
                row[cell["column"] - 1] = cell["value"]
            yield number, row


def write_sheet(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a workbook of one sheet with every cell as text, so that a cell that begins with = is not a formula.

    Control characters are left out. Raises UserError, before anything is written, if a sheet of Excel cannot hold the
    rows or a cell cannot hold its text.
    """
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    values = [columns, *rows]
    for number, row in enumerate(values, 1):
        for column, value in zip(columns, row, strict=True):
            _check_fits(path, number, column, value)
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("labels")
    for row in values:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
            cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    # A zip file that is abandoned half-written complains when it is collected, so openpyxl never sees the real file.
    content = io.BytesIO()
    workbook.save(content)
    with atomic_write(path) as file:
        file.write(content.getbuffer())


def _check_fits(path: Path, number: int, column: str, value: str) -> None:
    """Raise UserError if a sheet cannot hold a row of this number, or a cell this value."""
    if number > SHEET_ROWS:
        raise UserError(f"{path}: more than the {SHEET_ROWS:,} rows of a sheet; {_OTHER_LAYOUT}")
    length = len(value.encode("utf-16-le", "surrogatepass")) // 2  # as Excel counts
    if length > SHEET_CELL_CHARACTERS:
        raise UserError(
            f"{path}: row {number}: '{column}' has {length:,} characters, more than the {SHEET_CELL_CHARACTERS:,} "
            f"of a cell of Excel; {_OTHER_LAYOUT}"
        )


@contextmanager
def _workbook(path: str, data_only: bool = True) -> Iterator[Any]:
    import openpyxl

    with warnings.catch_warnings(), open(path, "rb") as file:
        warnings.simplefilter("ignore")  # about styles and the like, on which no row depends
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=data_only)
        if not workbook.worksheets:
            raise UserError(f"{path}: the workbook has no sheet; save the table as .csv")
        yield workbook, file


def _check_parts(path: str) -> None:
    """Raise UserError if the parts of a workbook unpack to more than anybody writes, or than can be held."""
    with zipfile.ZipFile(path) as archive:
        parts = [part for part in archive.infolist() if part.filename.endswith((".xml", ".rels"))]
        packed, unpacked = sum(part.compress_size for part in parts), sum(part.file_size for part in parts)
        check_unpacked(path, unpacked, packed, HELD)
        sheets = [part for part in parts if part.filename.startswith("xl/worksheets/")]
        held = unpacked - sum(sheet.file_size for sheet in sheets)
        check_held(path, "a workbook with shared strings and styles", held)
        for sheet in sheets:
            if sheet.file_size > RECORD.bytes:
                _check_rows(path, archive, sheet)


def _check_rows(path: str, archive: zipfile.ZipFile, sheet: zipfile.ZipInfo) -> None:
    """Raise UserError if a sheet goes on and on without a row; openpyxl would hold all of that, and says nothing."""
    metered = _Metered(path, stream := archive.open(sheet))
    with stream:
        while block := metered.read(MB):
            if b"row" in block:
                metered.at(metered.row + block.count(b"</row") + block.count(b":row"))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()  # as Excel shows it
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return _unescaped(value) if isinstance(value, str) else str(value)


def _unescaped(text: str) -> str:
    """Return a text with the characters that Excel writes as ``_x000D_`` and the like; line ends are line feeds."""
    if "_x" not in text:
        return text
    text = re.sub("_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n")
