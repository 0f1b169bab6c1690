"""Reads a table to its end, to count its rows and keep the first of them."""

from dataclasses import dataclass, field

from narratives.errors import UserError
from narratives.tables.table import Table, read_head

FIRST = 5  # rows that are kept


@dataclass
class Survey:
    """What a table holds.

    - ``first_rows``, ``first_refused``: the cells of the first good rows; line and reason of the first refused ones
    - ``good``, ``refused``: how many rows there are
    """

    first_rows: list[list[str]] = field(default_factory=list)
    first_refused: list[tuple[int, str]] = field(default_factory=list)
    good: int = 0
    refused: int = 0


def open_or_ask(path: str) -> tuple[Table, str]:
    """Return a table, and why its text column could not be chosen. Raises UserError if it is no table."""
    table = read_head(path)
    try:
        return table.with_text_column(), ""
    except UserError as error:
        return table, str(error)


def survey(table: Table) -> Survey:
    """Read a table to its end, in batches. Raises UserError if it is damaged."""
    found = Survey()
    for batch in table.batches():
        if not found.good:
            found.first_rows = [list(row) for row in batch.rows.cells()[:FIRST]]
        missing = FIRST - len(found.first_refused)
        found.first_refused += [(refusal.line, refusal.reason) for refusal in batch.refused[:missing]]
        found.good += len(batch.texts)
        found.refused += len(batch.refused)
    return found
