"""Owns the names of a table's columns: which are doubled, and which one holds the text. Floor 1; knows no file."""

from collections import Counter
from collections.abc import Mapping, Sequence

from narratives.errors import UserError

TEXT_NAMES = (
    *("text", "full_text", "content", "message", "body", "post", "paragraph", "comment", "tweet", "caption"),
    *("description", "title", "headline", "текст", "повідомлення", "допис", "сообщение", "пост"),
)
LEAST_CHARACTERS = 10  # mean length of cells that may be text
_CLEARLY = 1.5  # how much longer than the next the longest column must be


def check_names(name: str, columns: Sequence[str]) -> None:
    """Raise UserError if a column name occurs twice."""
    doubled = [column for column, count in Counter(columns).items() if count > 1]
    if doubled:
        raise UserError(f"{name}: the column '{doubled[0]}' occurs more than once; rename one of them")


def choose_text_column(
    name: str, columns: Sequence[str], cells: Mapping[str, Sequence[str]], wanted: str | None
) -> str:
    """Return the column that holds the text: ``wanted``, else one called so, else the one with the longest cells.

    ``columns`` are all names, ``cells`` the first cells of those that can hold text. Raises UserError where none or
    more than one will do.
    """
    if wanted is not None:
        return _wanted(name, columns, cells, wanted)
    for known in TEXT_NAMES:
        alike = [column for column in cells if column.strip().lower() == known]
        if alike:
            return _only(name, alike)
    if len(columns) == 1 == len(cells):
        return columns[0]
    return _only(name, _longest(cells)) if _longest(cells) else _none(name, columns)


def _wanted(name: str, columns: Sequence[str], cells: Mapping[str, Sequence[str]], wanted: str) -> str:
    if wanted not in columns:
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


def _none(name: str, columns: Sequence[str]) -> str:
    raise UserError(f"{name}: no column looks like text; name one of {listed(columns)} with --text COLUMN")


def _longest(cells: Mapping[str, Sequence[str]]) -> list[str]:
    lengths = {column: _mean_length(values) for column, values in cells.items()}
    longest = max(lengths.values(), default=0)
    if longest < LEAST_CHARACTERS:
        return []
    return [column for column, length in lengths.items() if length * _CLEARLY > longest]


def _mean_length(values: Sequence[str]) -> float:
    # Addresses and hashes are long, too, but have no spaces.
    return sum(len(value) for value in values if " " in value.strip()) / max(1, len(values))


def listed(columns: Sequence[str], most: int = 12) -> str:
    """Return the names in quotes, the first ``most`` of them."""
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(f"'{column}'" for column in columns[:most]) + more
