"""Checks the names of a table's columns and chooses the column with the text."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from narratives.errors import UserError

TEXT_NAMES = (
    *("text", "full text", "content", "message", "body", "post", "paragraph", "comment", "comment text", "tweet"),
    *("caption", "selftext", "post text", "message text", "full content", "текст", "повідомлення", "допис"),
    *("сообщение", "пост"),
)
# A column with such a name holds the text only where no other column has longer ones.
WEAK_TEXT_NAMES = ("description", "summary", "snippet", "title", "headline", "заголовок")
NAMES = {
    "date": (
        *("date", "created at", "published", "published at", "publish date", "timestamp", "datetime", "created"),
        *("time", "дата", "час", "время"),
    ),
    "source": (
        *("source", "channel", "chat", "outlet", "publisher", "domain", "page name", "author", "username"),
        *("user name", "user", "джерело", "источник", "канал", "автор"),
    ),
    "url": ("url", "link", "permalink", "посилання", "ссылка"),
    "id": ("id", "№", "номер"),
    "language": ("language", "lang", "мова", "язык"),
}
_OTHER_NAMES = (
    *("country", "views", "likes", "shares", "frames", "voices", "label", "labels", "type", "query id"),
    *("hit sentence", "document id"),
)
KNOWN_NAMES = frozenset((*TEXT_NAMES, *WEAK_TEXT_NAMES, *(name for names in NAMES.values() for name in names)))
KNOWN_NAMES |= frozenset(_OTHER_NAMES)
LEAST_CHARACTERS = 10  # mean length of a cell in a column that may be text
_CLEAR_LEAD = 1.5  # how many times longer than the next the longest column must be


def plain_name(name: str) -> str:
    """Return a name as it is compared: in small letters, words separated by one space."""
    return re.sub(r"[\s_\-\ufeff]+", " ", name).strip().lower()


def check_names(name: str, columns: Sequence[str]) -> None:
    """Raise UserError if a column name occurs twice."""
    repeated = [column for column, count in Counter(columns).items() if count > 1]
    if repeated:
        raise UserError(f"{name}: the column '{repeated[0]}' occurs more than once; rename one of them")


def choose_text_column(
    name: str, columns: Sequence[str], cells: Mapping[str, Sequence[str]], wanted: str | None
) -> str:
    """Return the column that holds the text.

    That is ``wanted``; else a column with one of ``TEXT_NAMES``; else the only column; else the one whose cells are
    clearly the longest; else one with one of ``WEAK_TEXT_NAMES``. A column that is mostly empty is not chosen.

    - ``columns``: the names of all columns.
    - ``cells``: the first cells of those columns that can hold text.

    Raises UserError if no column qualifies, or more than one.
    """
    if wanted is not None:
        return _wanted(name, columns, cells, wanted)
    for known in TEXT_NAMES:
        matches = [column for column in cells if plain_name(column) == known]
        if matches:
            return _filled(name, _only(name, matches), cells)
    if len(columns) == 1 == len(cells):
        return next(iter(cells))  # of a JSON object, perhaps a path
    longest = _longest(cells)
    if not longest:
        no_text = next((column for column in columns if plain_name(column) in TEXT_NAMES), None)
        hint = f"the column '{no_text}' does not hold text" if no_text else "no column looks like text"
        others = [column for column in cells if column != no_text]
        remedy = f"name one of {listed(others)} with --text COLUMN" if others else "export the texts as strings"
        raise UserError(f"{name}: {hint}; {remedy}")
    weak = [column for column in longest if plain_name(column) in WEAK_TEXT_NAMES]
    return _filled(name, _only(name, [column for column in longest if column not in weak] or weak), cells)


def _filled(name: str, column: str, cells: Mapping[str, Sequence[str]]) -> str:
    """Return the column. Raises UserError if over half of its first cells are empty."""
    empty = sum(not cell.strip() for cell in cells[column])
    if empty * 2 > len(cells[column]):
        others = [other for other in cells if _mean_length(cells[other]) >= LEAST_CHARACTERS and other != column]
        hint = f" such as {listed(others, 3)}" if others else ""
        raise UserError(
            f"{name}: the column '{column}' seems to hold the text, but {empty:,} of its first {len(cells[column]):,} "
            f"rows are empty; name it or another{hint} with --text COLUMN"
        )
    return column


def _wanted(name: str, columns: Sequence[str], cells: Mapping[str, Sequence[str]], wanted: str) -> str:
    if wanted not in columns and wanted not in cells:
        raise UserError(f"{name}: there is no column '{wanted}'; its columns are {listed(columns)}")
    if wanted not in cells:
        raise UserError(f"{name}: the column '{wanted}' does not hold text; name another with --text")
    return wanted


def _only(name: str, candidates: Sequence[str]) -> str:
    if len(candidates) > 1:
        raise UserError(
            f"{name}: the text could be in {listed(candidates[:1])} or in {listed(candidates[1:2])}; "
            "say which with --text COLUMN"
        )
    return candidates[0]


def _longest(cells: Mapping[str, Sequence[str]]) -> list[str]:
    lengths = {column: _mean_length(values) for column, values in cells.items()}
    longest = max(lengths.values(), default=0)
    if longest < LEAST_CHARACTERS:
        return []
    return [column for column, length in lengths.items() if length * _CLEAR_LEAD > longest]


def _mean_length(values: Sequence[str]) -> float:
    # Cells without a space do not count: addresses and hashes are long but are not text.
    return sum(len(value) for value in values if " " in value.strip()) / max(1, len(values))


def listed(columns: Sequence[str], most: int = 12) -> str:
    """Return the first ``most`` names in quotes, on one line, and how many more there are."""
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(f"'{' '.join(column.splitlines())}'" for column in columns[:most]) + more
