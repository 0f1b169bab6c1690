"""Owns the records of a CSV: a strict reader that gives up one line, not the file, where quotes are broken. Floor 1.

A record that cannot be parsed is refused by its first physical line only, and reading resumes at the next line, so
that one open quote never swallows others. A record that parses but has too many or too few cells is refused whole,
unless its further lines are rows of their own (then a stray quote had swallowed them). Blank lines are not rows.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from narratives.tables.rows import NO_DELIMITER

MAX_RECORD_LINES = 1000
MAX_RECORD_CHARACTERS = 10_000_000
DELIMITERS = ",;\t|"
_SNIFFED_RECORDS = 300


class Record(NamedTuple):
    """A record, the physical line it starts on (from 1) and as it stands. ``fault`` says why it is refused."""

    line: int
    cells: list[str]
    fault: str = ""
    raw: str = ""
    lines: int = 1


class _Taken(NamedTuple):
    line: int
    text: str
    fault: str


class _Feed:
    """The lines under the csv reader, with those of the record at hand, which can be given back."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self._lines = enumerate(lines, 1)
        self._again: deque[_Taken] = deque()
        self._characters = 0
        self.taken: list[_Taken] = []
        self.broken = False  # a line was given up and no sound row seen since

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self._again:
            taken = self._again.popleft()
        else:
            line, (text, fault) = next(self._lines)
            taken = _Taken(line, text, fault)
        self.taken.append(taken)
        self._characters += len(taken.text)
        if len(self.taken) > 1 and self._too_much():
            raise csv.Error("open")
        return taken.text

    def _too_much(self) -> bool:
        return len(self.taken) > MAX_RECORD_LINES or self._characters > MAX_RECORD_CHARACTERS

    def start(self) -> None:
        self.taken.clear()
        self._characters = 0

    def refuse(self, fault: str) -> Record:
        """Refuse all lines of the record."""
        return self.record([], fault)

    def record(self, cells: list[str], fault: str = "") -> Record:
        """Return the record made of the lines taken."""
        raw = "".join(taken.text for taken in self.taken).rstrip("\r\n")
        return Record(self.taken[0].line, cells, fault, raw, len(self.taken))

    def refuse_first(self, fault: str) -> Record:
        """Refuse the first line of the record and give the others back."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.broken = True
        return self.refuse(fault)


def read_records(
    lines: Iterable[tuple[str, str]], delimiter: str, any_width: bool = False, width: int = 0
) -> Iterator[Record]:
    """Yield the records of ``lines`` (text, what is wrong with its bytes); ``width`` cells are due, if not 0.

    Else the first record sets how many.

    An empty delimiter stands for none: one column.
    Every line that is not blank is in exactly one record, good or refused. ``any_width`` takes any number of cells.
    """
    csv.field_size_limit(2**31 - 1)
    feed = _Feed(lines)
    delimiter = delimiter or NO_DELIMITER
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.start()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield feed.refuse_first(_why_broken(len(feed.taken)))
            continue
        if cells:
            width = width or len(cells)
            yield _checked(feed, cells, delimiter, 0 if any_width else width)


def _why_broken(lines: int) -> str:
    if lines == 1:
        return "a quote inside a quoted cell is not doubled, or a quoted cell is not closed"
    return "a quoted cell is not closed"


def _checked(feed: _Feed, cells: list[str], delimiter: str, width: int) -> Record:
    fault = next((taken.fault for taken in feed.taken if taken.fault), "")
    if fault:
        return feed.refuse(fault)
    if width and len(cells) != width:
        fault = f"{len(cells)} cell{'s' * (len(cells) != 1)} where the header has {width}"
        hides_rows = any(_stands_alone(taken.text, delimiter, width) for taken in feed.taken[1:])
        return feed.refuse_first(fault) if hides_rows else feed.refuse(fault)
    if feed.broken and sum(taken.text.count('"') for taken in feed.taken) % 2:
        return feed.refuse("an odd quote right after a refused row; it looks like the rest of that row")
    feed.broken = False
    return feed.record(cells)


def _stands_alone(text: str, delimiter: str, width: int) -> bool:
    try:
        cells = next(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return len(cells) == width and text.count('"') % 2 == 0


def choose_delimiter(lines: Sequence[tuple[str, str]], preferred: str = ",") -> str:
    """Return the delimiter under which most records of ``lines`` have as many cells as the first; empty for one column.

    It is one column if no delimiter cuts the first record; then commas in the rows are prose.
    """
    candidates = sorted(DELIMITERS, key=lambda delimiter: delimiter != preferred)
    fits = {delimiter: _consistency(lines, delimiter) for delimiter in candidates}
    best = max(candidates, key=fits.__getitem__)
    return best if fits[best][1] else ""


def _consistency(lines: Sequence[tuple[str, str]], delimiter: str) -> tuple[float, int]:
    records = list(islice(read_records(lines, delimiter, any_width=True), _SNIFFED_RECORDS))
    if not records or len(records[0].cells) == 1:
        return 0.0, 0
    if records[0].fault:
        return 0.0, 1
    widths = [len(record.cells) for record in records]
    rest = widths[1:] or widths
    return rest.count(widths[0]) / len(rest), widths[0]
