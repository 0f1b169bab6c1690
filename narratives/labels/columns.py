"""Finds columns by name, whatever case and spaces, and recognises a table that ``narratives score`` wrote."""

from collections.abc import Iterable, Sequence

from narratives.errors import UserError
from narratives.tables.columns import listed


def find_column(columns: Iterable[str], names: Sequence[str]) -> str:
    """Return the column with the first of ``names`` that occurs, exactly if possible; empty if there is none."""
    by_name = {column.strip().casefold(): column for column in reversed(list(columns))}
    by_name |= {column: column for column in columns}
    return next((by_name[name] for name in names if name in by_name), "")


def named_column(columns: Sequence[str], wanted: str, where: str) -> str:
    """Return the column that a user named. Raises UserError that begins with ``where`` if there is none."""
    column = find_column(columns, (wanted, wanted.strip().casefold()))
    if not column:
        raise UserError(f"{where}: there is no column '{wanted}'; its columns are {listed(columns)}")
    return column


def scored_prefix(columns: Sequence[str]) -> str | None:
    """Return what stands before the names of the columns that ``narratives score`` added; None if it added none."""
    for column in columns:
        prefix = column.removesuffix("model")
        ours = any(name == f"{prefix}human" or name.startswith(f"{prefix}p_") for name in columns)
        if prefix != column and f"{prefix}frames" in columns and ours:
            return prefix
    return None
