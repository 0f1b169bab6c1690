"""Reads what training learns from besides labels: unlabelled text of the stream, and the codebook's examples."""

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

MAX_TEXTS = 20_000  # beyond this, document frequencies barely change


def read_background(
    paths: Sequence[Path], seed: int = 0, progress: Callable[[float], None] = lambda share: None
) -> list[str]:
    """Return the texts of the tables in order, or a random ``MAX_TEXTS`` of them; empty cells are left out.

    ``progress`` is called with the share done, 0 to 1. Raises UserError for a table that cannot be read or has no text.
    """
    sample: list[tuple[int, str]] = []
    random_numbers, seen = random.Random(seed), 0
    for number, path in enumerate(paths):
        table, before = open_table(path), seen
        for batch in table.batches():
            for text in filter(str.strip, batch.texts):
                _sample(sample, (seen, text), random_numbers)
                seen += 1
            progress((number + _share_read(table, batch.bytes_read)) / len(paths))
        if seen == before:
            raise UserError(f"{path}: no text in column '{table.text_column}'; name a table with unlabelled texts")
    return [text for _, text in sorted(sample)]


def _sample(sample: list[tuple[int, str]], item: tuple[int, str], random_numbers: random.Random) -> None:
    """Take the item with the same chance as every other, one slot at a time (reservoir sampling, Vitter 1985)."""
    if len(sample) < MAX_TEXTS:
        sample.append(item)
    elif (slot := random_numbers.randrange(item[0] + 1)) < MAX_TEXTS:
        sample[slot] = item


def _share_read(table: Table, bytes_read: int) -> float:
    return min(1.0, bytes_read / table.size) if table.size else 0.0  # the size of some sources is unknown


def with_examples(labelled: Gold, fewer_than: int) -> Gold:
    """Return ``labelled`` with, after its rows, the examples of each frame that fewer than ``fewer_than`` texts carry.

    An example says nothing about other frames: they are UNKNOWN in its row.
    """
    rare = np.flatnonzero((labelled.values == 1).sum(axis=0) < fewer_than).tolist()
    known = {" ".join(text.split()) for text in labelled.texts}
    examples = [(k, example) for k in rare for example in labelled.codebook.frames[k].examples]
    # An example that was labelled too would otherwise count twice, and in two folds.
    examples = [(k, example) for k, example in examples if " ".join(example.text.split()) not in known]
    texts = tuple(example.text for _, example in examples)
    return replace(
        labelled,
        texts=labelled.texts + texts,
        values=_append_rows(labelled.values, [(k, int(example.voice != "none")) for k, example in examples]),
        voices=_append_rows(labelled.voices, [(k, _voice_index(example)) for k, example in examples]),
        languages=labelled.languages + tuple(map(language, texts)),
        groups=labelled.groups + tuple(f"example {number}" for number in range(len(texts))),
        registers=labelled.registers + ("example",) * len(texts) if labelled.registers else (),
        how=labelled.how + ("",) * len(texts) if labelled.how else (),
        streams=labelled.streams + ("",) * len(texts) if labelled.streams else (),
    )


def _voice_index(example: Example) -> int:
    return VOICES.index(example.voice) if example.voice in VOICES else UNKNOWN


def _append_rows(matrix: NDArray[np.int8], cells: list[tuple[int, int]]) -> NDArray[np.int8]:
    """Append a row for each (column, value), UNKNOWN elsewhere."""
    rows = np.full((len(cells), matrix.shape[1]), UNKNOWN, dtype=np.int8)
    for row, (column, value) in zip(rows, cells, strict=True):
        row[column] = value
    return np.concatenate([matrix, rows])
