"""Reads the records of a CSV strictly; a broken quote costs one line, not the file.

- If a record cannot be parsed, only its first physical line is refused, and reading resumes at the next line. So an
  open quote never swallows other rows.
- If a record has too many or too few cells, all of its lines are refused, unless one of its further lines is a complete
  row: then a stray quote has swallowed that row, and again only the first line is refused.
- Blank lines are not rows.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from narratives.tables.rows import NO_DELIMITER

MAX_RECORD_LINES = 1000
MAX_RECORD_CHARACTERS = 10_000_000
_QUOTINGS: dict[str, dict[str, Any]] = {
    "minimal": {"strict": True},
    "backslash": {"strict": True, "escapechar": "\\"},
    "apostrophe": {"strict": True, "quotechar": "'"},
    "spaced": {"strict": True, "skipinitialspace": True},
    "none": {"quoting": csv.QUOTE_NONE},
}


class Record(NamedTuple):
    """A record of a CSV.

    - ``line``: the physical line on which it starts, from 1; ``lines``: how many it has.
    - ``raw``: its text as it stands in the file, without the last line end.
    - ``fault``: why it is refused; empty if it is good.
    """

    line: int
    cells: list[str]
    fault: str = ""
    raw: str = ""
    lines: int = 1


class _NumberedLine(NamedTuple):
    line: int
    text: str
    fault: str


class _Feed:
    """Feeds lines to ``csv.reader`` and remembers those of the current record, so that they can be read again."""

    def __init__(self, lines: Iterable[tuple[str, str]]) -> None:
        self._lines = enumerate(lines, 1)
        self._again: deque[_NumberedLine] = deque()
        self._characters = 0
        self.taken: list[_NumberedLine] = []
        self.broken = False  # only the first line of a record was refused, and no good record has followed

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.popleft()
        else:
            number, (text, fault) = next(self._lines)
            line = _NumberedLine(number, text, fault)
        self.taken.append(line)
        self._characters += len(line.text)
        # Without a limit, one open quote would take the rest of the file into memory.
        if len(self.taken) > 1 and self._too_much():
            raise csv.Error("a quote is not closed")
        return line.text

    def _too_much(self) -> bool:
        return len(self.taken) > MAX_RECORD_LINES or self._characters > MAX_RECORD_CHARACTERS

    def start(self) -> None:
        """Begin a record."""
        self.taken.clear()
        self._characters = 0

    def refuse(self, fault: str) -> Record:
        """Refuse all lines of the record."""
        return self.record([], fault)

    def record(self, cells: list[str], fault: str = "") -> Record:
        """Return the lines of the record as a ``Record``."""
        raw = "".join(line.text for line in self.taken).rstrip("\r\n")
        return Record(self.taken[0].line, cells, fault, raw, len(self.taken))

    def refuse_first(self, fault: str) -> Record:
        """Refuse the first line of the record; the others will be read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]
        self.broken = True
        return self.refuse(fault)


def read_records(
    lines: Iterable[tuple[str, str]],
    delimiter: str,
    any_width: bool = False,
    width: int = 0,
    quoting: str = "minimal",
) -> Iterator[Record]:
    """Yield the records of a CSV; every line that is not blank is in exactly one of them, good or refused.

    - ``lines``: the text of each line, and what is wrong with its bytes.
    - ``delimiter``: empty for one column.
    - ``any_width``: accept any number of cells.
    - ``width``: the number of cells that a record must have; 0 for that of the first record.
    - ``quoting``: one of ``QUOTINGS``.
    """
    csv.field_size_limit(2**31 - 1)
    feed = _Feed(lines)
    form = {"delimiter": delimiter or NO_DELIMITER, **_QUOTINGS[quoting]}
    reader = csv.reader(feed, **form)
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
            yield _checked(feed, cells, form, 0 if any_width else width)


def _why_broken(lines: int) -> str:
    if lines == 1:
        return "a quote inside a quoted cell is not doubled, or a quoted cell is not closed"
    return "a quoted cell is not closed"


def _checked(feed: _Feed, cells: list[str], form: dict[str, Any], width: int) -> Record:
    fault = next((line.fault for line in feed.taken if line.fault), "")
    if fault:
        return feed.refuse(fault)
    if width and len(cells) != width:
        fault = f"{len(cells)} cell{'s' * (len(cells) != 1)} where the header has {width}"
        hides_rows = any(_is_row(line.text, form, width) for line in feed.taken[1:])
        return feed.refuse_first(fault) if hides_rows else feed.refuse(fault)
    # The tail of a refused record may parse as a row: `and left",tass` after `"He called it "peace"`.
    if feed.broken and sum(_quotes(line.text, form) for line in feed.taken) % 2:
        return feed.refuse("an odd quote right after a refused row; it looks like the rest of that row")
    feed.broken = False
    return feed.record(cells)


def _is_row(text: str, form: dict[str, Any], width: int) -> bool:
    try:
        cells = next(csv.reader([text], **form))
    except csv.Error:
        return False
    return len(cells) == width and _quotes(text, form) % 2 == 0


def _quotes(text: str, form: dict[str, Any]) -> int:
    if "quoting" in form:
        return 0  # they are plain characters
    quote = form.get("quotechar", '"')
    return text.count(quote) - (text.count(f"\\{quote}") if "escapechar" in form else 0)
