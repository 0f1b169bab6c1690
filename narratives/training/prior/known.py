"""Tells which labelled texts a model was trained on, without keeping the texts."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from narratives.labels.gold import UNKNOWN, Gold
from narratives.text.paragraphs import paragraph_id


def fingerprints(labelled: Gold, frames: Sequence[str] | None = None) -> NDArray[np.uint64]:
    """Return n × 2: the id of each text as a number, and a hash of what its labels say of these frames, else of all."""
    frames = labelled.frames if frames is None else frames
    columns = [labelled.frames.index(frame) if frame in labelled.frames else -1 for frame in frames]
    values, voices = (_of_columns(matrix, columns) for matrix in (labelled.values, labelled.voices))
    hashes = [_hash_of_labels(frames, *said) for said in zip(values, voices, strict=True)]
    pairs = [(int(paragraph_id(text), 16), said) for text, said in zip(labelled.texts, hashes, strict=True)]
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def _of_columns(matrix: NDArray[np.int8], columns: list[int]) -> list[list[int]]:
    """Return the rows of the matrix with these columns only; UNKNOWN where the column is below 0."""
    with_unknown = np.column_stack([matrix, np.full(len(matrix), UNKNOWN, np.int8)])
    chosen: list[list[int]] = with_unknown[:, columns].tolist()
    return chosen


def _hash_of_labels(frames: Sequence[str], values: list[int], voices: list[int]) -> int:
    # A frame that the text does not carry is left out.
    said = [
        f"{frame}:{value}:{voice}" for frame, value, voice in zip(frames, values, voices, strict=True) if value != 0
    ]
    return int.from_bytes(hashlib.sha256("\n".join(sorted(said)).encode()).digest()[:8], "big")


def unknown_rows(labelled: Gold, known: NDArray[np.uint64], frames: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Return the rows of ``labelled`` that are not among the fingerprints ``known`` of the same ``frames``.

    They are new texts, and texts whose labels changed.
    """
    seen = set(map(tuple, known.tolist()))
    pairs = fingerprints(labelled, frames).tolist()
    return np.array([row for row, pair in enumerate(pairs) if tuple(pair) not in seen], dtype=np.int64)
