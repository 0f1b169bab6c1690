"""Owns the background: unlabelled texts of the stream that a model is for, from any tables, from which it learns how
common each word is there. Stands above tables (floor 5).
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

from narratives.errors import UserError
from narratives.tables import Table, open_table

MOST = 20_000  # texts kept: more moves no document frequency that matters


def read_background(
    paths: Sequence[Path], seed: int = 0, progress: Callable[[float], None] = lambda share: None
) -> list[str]:
    """Return the texts of the tables in order, or a random 20,000 of them; empty cells are left out.

    ``progress`` is told the share done, 0 to 1. Raises UserError for a table that cannot be read or holds no text.
    """
    kept: list[tuple[int, str]] = []
    picker, seen = random.Random(seed), 0
    for number, path in enumerate(paths):
        table, before = open_table(path), seen
        for batch in table.batches():
            for text in filter(str.strip, batch.texts):
                _keep(kept, (seen, text), picker)
                seen += 1
            progress((number + _share(table, batch.bytes_read)) / len(paths))
        if seen == before:
            raise UserError(f"{path}: no text in column '{table.text_column}'; name a table with unlabelled texts")
    return [text for _, text in sorted(kept)]


def _keep(kept: list[tuple[int, str]], item: tuple[int, str], picker: random.Random) -> None:
    """Keep every item with the same chance (reservoir sampling, Vitter 1985)."""
    if len(kept) < MOST:
        kept.append(item)
    elif (place := picker.randrange(item[0] + 1)) < MOST:
        kept[place] = item


def _share(table: Table, done: int) -> float:
    return min(1.0, done / table.size) if table.size else 0.0
