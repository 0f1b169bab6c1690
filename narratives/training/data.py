"""Owns what training reads beside labels: unlabelled text of the stream, and the codebook's examples."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES, Example
from narratives.errors import UserError
from narratives.labels.gold import UNKNOWN, Gold
from narratives.tables.table import Table, open_table
from narratives.text.language import language

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


def with_examples(truth: Gold, fewer_than: int) -> Gold:
    """Return ``truth`` with, after its rows, the examples of each frame carried by fewer than ``fewer_than`` texts.

    An example speaks of its own frame only: the others are UNKNOWN in its row.
    """
    young = np.flatnonzero((truth.values == 1).sum(axis=0) < fewer_than).tolist()
    known = {" ".join(text.split()) for text in truth.texts}
    found = [(k, example) for k in young for example in truth.codebook.frames[k].examples]
    found = [(k, example) for k, example in found if " ".join(example.text.split()) not in known]
    texts = tuple(example.text for _, example in found)
    return replace(
        truth,
        texts=truth.texts + texts,
        values=_below(truth.values, [(k, int(example.voice != "none")) for k, example in found]),
        voices=_below(truth.voices, [(k, _voice(example)) for k, example in found]),
        languages=truth.languages + tuple(map(language, texts)),
        groups=truth.groups + tuple(f"example {number}" for number in range(len(texts))),
        registers=truth.registers + ("example",) * len(texts) if truth.registers else (),
    )


def _voice(example: Example) -> int:
    return VOICES.index(example.voice) if example.voice in VOICES else UNKNOWN


def _below(matrix: NDArray[np.int8], cells: list[tuple[int, int]]) -> NDArray[np.int8]:
    rows = np.full((len(cells), matrix.shape[1]), UNKNOWN, dtype=np.int8)
    for row, (column, value) in zip(rows, cells, strict=True):
        row[column] = value
    return np.concatenate([matrix, rows])
