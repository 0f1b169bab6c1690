"""Owns the codebook's examples as rows to learn from: what a frame has before anybody has labelled it. No model."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from narratives.codebook import VOICES, Example
from narratives.labels import UNKNOWN, Gold
from narratives.paragraphs import language


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
