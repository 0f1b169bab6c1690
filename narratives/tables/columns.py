"""Checks the names of a table's columns and chooses the column with the text."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from narratives.errors import UserError

TEXT_NAMES = (
    *("text", "full_text", "content", "message", "body", "post", "paragraph", "comment", "tweet", "caption"),
    *("description", "title", "headline", "текст", "повідомлення", "допис", "сообщение", "пост"),
)
_OTHER_NAMES = (
    *("id", "date", "time", "datetime", "timestamp", "created at", "published", "published at", "publish date"),
    *("source", "channel", "chat", "author", "user", "username", "user name", "publisher", "outlet", "domain"),
    *("url", "link", "permalink", "lang", "language", "country", "views", "likes", "shares", "frames", "voices"),
    *("label", "labels", "type", "snippet", "summary", "hit sentence", "document id", "full text", "selftext"),
    *("№", "номер", "дата", "час", "время", "канал", "джерело", "источник", "автор", "посилання", "ссылка", "мова"),
    *("язык", "заголовок"),
)
KNOWN_NAMES = frozenset((*(name.replace("_", " ") for name in TEXT_NAMES), *_OTHER_NAMES))
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
    clearly the longest.

    - ``columns``: the names of all columns.
    - ``cells``: the first cells of those columns that can hold text.

    Raises UserError if no column qualifies, or more than one.
    """
    if wanted is not None:
        return _wanted(name, columns, cells, wanted)
    for known in TEXT_NAMES:
        matches = [column for column in cells if column.strip().lower() == known]
        if matches:
            return _only(name, matches)
    if len(columns) == 1 == len(cells):
        return columns[0]
    longest = _longest(cells)
    if not longest:
        raise UserError(f"{name}: no column looks like text; name one of {listed(columns)} with --text COLUMN")
    return _only(name, longest)


def _wanted(name: str, columns: Sequence[str], cells: Mapping[str, Sequence[str]], wanted: str) -> str:
    if wanted not in columns and wanted not in cells:
        raise UserError(f"{name}: there is no column '{wanted}'; its columns are {listed(columns)}")
    if wanted not in cells:
        raise UserError(f"{name}: the column '{wanted}' does not hold text; name another with --text")
    return wanted


def _only(name: str, candidates: Sequence[str]) -> str:
    if len(candidates) > 1:
        raise UserError(
            f"{name}: the text could be in '{candidates[0]}' or in '{candidates[1]}'; say which with --text COLUMN"
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
    """Return the first ``most`` names in quotes, and how many more there are."""
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(f"'{column}'" for column in columns[:most]) + more
