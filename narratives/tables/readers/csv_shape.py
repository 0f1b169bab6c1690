"""Finds out how a CSV is laid out: delimiter, quoting, the lines above the table, the names of the columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from narratives.errors import UserError
from narratives.tables.columns import plain_name
from narratives.tables.headers import (
    NO_HEADER,
    find_header,
    is_known_header,
    kind_of,
    name_columns,
    naming_notes,
)
from narratives.tables.lines import Line
from narratives.tables.readers.csv_records import Record, read_records
from narratives.tables.reading import Reading

# Those behind the tab are rare, so they come last. \x01 is Hive's.
DELIMITERS = ",;\t|^\x01"
_SNIFFED_RECORDS = 300  # enough to tell delimiters apart
_QUOTED_RECORDS = 3000  # and quotings: quotes can be rare
_QUOTED = {
    "none": "quotation marks as plain characters",
    "backslash": "quotes after a backslash",
    "apostrophe": "quoted by apostrophes",
    "spaced": "spaces before the cells left out",
}
_MOST = 0.8  # of the rows fit where a delimiter is right
_SEP = re.compile(r'"?sep=(.)"?[,;\t]*\s*', re.IGNORECASE)


@dataclass(frozen=True)
class CsvShape:
    """How a CSV is laid out.

    - ``delimiter``: empty for one column.
    - ``quoting``: one of ``QUOTINGS``.
    - ``columns``: the names of the columns, as many as a row has cells.
    - ``header_line``: the physical line with the names; 0 if there is none.
    - ``skip``: how many physical lines come before the first row.
    - ``notes``: what a user should know about it.
    - ``header``: the cells that the columns were named by; empty if there is no line with names.
    """

    delimiter: str
    quoting: str
    columns: tuple[str, ...]
    header_line: int
    skip: int
    notes: tuple[str, ...] = ()
    header: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Attempt:
    """The first records as a delimiter and a quoting give them, the index of the header, and the number of cells."""

    delimiter: str
    quoting: str
    records: Sequence[Record]
    header: int
    width: int
    side: str = ""  # where rows have cells more than the header: before, behind

    @property
    def rows(self) -> Sequence[Record]:
        """The records below the header."""
        return self.records[self.header + 1 :]

    @property
    def fitting(self) -> int:
        """How many of them have the right number of cells."""
        return sum(len(record.cells) == self.width and not record.fault for record in self.rows)

    @property
    def fit(self) -> tuple[float, int]:
        """How well they fit, to be compared."""
        if self.width < 2:
            return 0.0, 0
        names = self.records[max(0, self.header)].cells
        known = self.header >= 0 and is_known_header(names)
        share = self.fitting / len(self.rows) if self.rows else 1.0  # a header alone fits itself
        # A wrong delimiter cuts texts: a text stands where the names are, or a row of texts seems to begin a table.
        prose = any(kind_of(cell) == "prose" or cell.startswith(" ") for cell in names)
        if not known and prose and (share < _MOST or not self.rows):
            return 0.0, 0
        share *= 1.0 if known or (self.header == 0 and not prose) else 0.5
        # Where no row fits, only names that we know say that the first record was cut by the right delimiter.
        return share, self.width if share or known else 0


def find_shape(name: str, head: Sequence[Line], preferred: str, reading: Reading) -> CsvShape:
    """Find the shape of a CSV from its first lines.

    - ``preferred``: the delimiter that wins where several fit equally well.
    - ``reading``: what the user says.

    Raises UserError if there is no row, or if the names of the columns cannot be read.
    """
    start, told = _hint(head)
    delimiter = reading.delimiter_character or told
    if reading.header_row:
        start = reading.header_row - 1
    elif start == 0:
        start = _comments(head)
    lines = head[start:]
    attempt = _best(lines, delimiter, preferred, reading)
    if not attempt.records:
        raise UserError(f"{name} is empty; a table needs at least a line with the names of its columns")
    return _shape(name, attempt, start, bool(told))


def choose_delimiter(lines: Sequence[Line], preferred: str = ",") -> str:
    """Return the delimiter with which most records have as many cells as the header; empty for one column.

    If no delimiter splits the header, there is one column, and delimiters in the rows are prose. ``preferred`` wins if
    several fit equally well.
    """
    return _best(lines, None, preferred, Reading()).delimiter


def _hint(head: Sequence[Line]) -> tuple[int, str | None]:
    """Return how many lines Excel's hint takes and the delimiter that it names (``sep=;``)."""
    first = next((index for index, (text, _) in enumerate(head) if text.strip()), 0)
    told = _SEP.fullmatch(head[first][0].strip("\r\n")) if head else None
    return (first + 1, told[1]) if told else (0, None)


def _comments(head: Sequence[Line]) -> int:
    """Return how many lines at the beginning are comments; none if nothing else follows."""
    count = next((index for index, (text, _) in enumerate(head) if text.strip() and not text.startswith("# ")), 0)
    return count if any(text.startswith("# ") for text, _ in head[:count]) else 0


def _best(lines: Sequence[Line], delimiter: str | None, preferred: str, reading: Reading) -> _Attempt:
    quoting = reading.quoting or "minimal"
    candidates = [delimiter] if delimiter else sorted(DELIMITERS, key=lambda character: character != preferred)
    attempts = [_attempt(lines, candidate, quoting, reading) for candidate in candidates]
    best = max(attempts, key=lambda attempt: attempt.fit)
    if not delimiter and not best.fit[1]:
        best = _attempt(lines, "", quoting, reading)
    return best if reading.quoting else _with_quoting(lines, best, reading)


def _attempt(
    lines: Sequence[Line], delimiter: str, quoting: str, reading: Reading, most: int = _SNIFFED_RECORDS
) -> _Attempt:
    records = list(islice(read_records(lines, delimiter, any_width=True, quoting=quoting), most))
    rows = [record.cells or [record.raw] for record in records]
    header = 0 if reading.header_row else NO_HEADER if reading.header_row == 0 else find_header(rows)
    below = [record.cells for record in records[header + 1 :] if not record.fault]
    names = rows[header] if rows and header >= 0 else []
    return _Attempt(delimiter, quoting, records, header, *_width(names, below))


def _width(names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, str]:
    """Return the number of cells of a row, and on which side of the named ones are those without a name."""
    widths = [len(row) for row in rows]
    usual = max(set(widths), key=lambda width: (widths.count(width), width == len(names), width), default=len(names))
    like = [row for row in rows if len(row) == usual]
    if not names or usual == len(names):
        return usual, ""
    if usual < len(names):
        return (len(names), "") if any(name.strip() for name in names[usual:]) else (usual, "")
    if sum(any(cell.strip() for cell in row[len(names) :]) for row in like) * 10 < len(like):
        return usual, "behind"  # every row ends in a delimiter
    if usual == len(names) + 1 and plain_name(names[0]) != "id" and _numbered(like):
        return usual, "before"  # R writes the names of rows, and no name for their column
    return len(names), ""


def _numbered(rows: Sequence[Sequence[str]]) -> bool:
    numbers = [int(row[0]) if row[0].isdecimal() else -1 for row in rows]
    return numbers[0] >= 0 and all(before < after for before, after in pairwise(numbers))


def _with_quoting(lines: Sequence[Line], best: _Attempt, reading: Reading) -> _Attempt:
    """Return the attempt with the quoting that fits more rows, if it is another one."""
    quotes = {quoting for quoting, sign in _signs(best.delimiter).items() if any(sign in text for text, _ in lines)}
    if not quotes:
        return best
    usual = _attempt(lines, best.delimiter, "minimal", reading, _QUOTED_RECORDS)
    if usual.fitting == len(usual.rows) and not any(record.fault for record in usual.records):
        return best
    attempts = [_attempt(lines, best.delimiter, quoting, reading, _QUOTED_RECORDS) for quoting in sorted(quotes)]
    others = [attempt for attempt in attempts if attempt.quoting != "none" or _quotes_are_text(usual, attempt)]
    return max([usual, *others], key=lambda attempt: (attempt.fitting, attempt is usual))


def _signs(delimiter: str) -> dict[str, str]:
    """Return what a text with each unusual quoting contains."""
    return {"none": '"', "backslash": '\\"', "apostrophe": f"{delimiter}'", "spaced": f'{delimiter} "'}


def _quotes_are_text(usual: _Attempt, plain: _Attempt) -> bool:
    """Return whether quotation marks look like part of the texts: few cells are quoted, and none had to be."""
    cells = [cell for record in plain.rows for cell in record.cells if cell.startswith('"')]
    whole = [cell for cell in cells if re.fullmatch(r'"(?:[^"]|"")*"', cell)]
    broken = len(cells) - len(whole)
    needed = sum('""' in cell[1:-1] for cell in whole)
    needed += sum(bool({usual.delimiter, "\n"} & set(cell)) for record in usual.rows for cell in record.cells)
    if plain.header >= 0 and '"' in plain.records[plain.header].raw:
        return False
    # Tables with tabs are often written without any quoting. In others, one broken quote is a damaged row.
    if usual.delimiter not in ("\t", ""):
        return broken > 1 and not whole and not needed
    return needed < broken and len(whole) * 2 < len(plain.rows)


def _shape(name: str, attempt: _Attempt, start: int, told: bool) -> CsvShape:
    record = attempt.records[max(0, attempt.header)]
    record = record._replace(line=record.line + start)
    if attempt.header == NO_HEADER:
        cells, line, skip = [""] * attempt.width, 0, record.line - 1
    elif record.fault:
        raise UserError(f"{name}:{record.line}: the names of the columns are not readable: {record.fault}")
    else:
        cells, line, skip = _cells(record.cells, attempt), record.line, record.line + record.lines - 1
    columns = name_columns(cells)
    notes = [f"delimiter named in line {start}"] if told else []
    notes += [_QUOTED[attempt.quoting]] if attempt.quoting in _QUOTED else []
    notes += _header_notes(line, columns, cells)
    header = tuple(cells) if line else ()
    return CsvShape(attempt.delimiter, attempt.quoting, columns, line, skip, tuple(notes), header)


def _header_notes(line: int, columns: Sequence[str], cells: Sequence[str]) -> list[str]:
    if not line:
        return ["no line with the names of the columns (if there is one, name it with --header-row)"]
    guessed = line > 1 or not is_known_header(cells)
    return [*([f"names of the columns in line {line}"] if guessed else []), *naming_notes(columns, cells)]


def _cells(names: Sequence[str], attempt: _Attempt) -> list[str]:
    """Return the cells of the line with the names, one for each column."""
    missing = [""] * (attempt.width - len(names))
    whole = [*missing, *names] if attempt.side == "before" else [*names, *missing]
    return whole[: attempt.width]
