"""Tells which labelled texts a model was trained on, without keeping the texts."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from narratives.labels.gold import Gold
from narratives.text.paragraphs import paragraph_id


def fingerprints(labelled: Gold) -> NDArray[np.uint64]:
    """Return n × 2: the id of each text as a number, and a hash of what its labels say of each frame."""
    pairs = [(int(paragraph_id(text), 16), _hash_of_labels(labelled, row)) for row, text in enumerate(labelled.texts)]
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def _hash_of_labels(labelled: Gold, row: int) -> int:
    # A frame that the text does not carry is left out: a codebook with one more frame changes no hash.
    said = [
        f"{frame}:{labelled.values[row, k]}:{labelled.voices[row, k]}"
        for k, frame in enumerate(labelled.frames)
        if labelled.values[row, k] != 0
    ]
    return int.from_bytes(hashlib.sha256("\n".join(sorted(said)).encode()).digest()[:8], "big")


def unknown_rows(labelled: Gold, known: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the rows of ``labelled`` that are not among the fingerprints ``known``: new texts, and changed labels."""
    seen = set(map(tuple, known.tolist()))
    return np.array(
        [row for row, pair in enumerate(fingerprints(labelled).tolist()) if tuple(pair) not in seen], dtype=np.int64
    )
