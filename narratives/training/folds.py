"""Owns splits: which rows are held out together. Near-copies and rows of one document never straddle a split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from narratives.errors import UserError
from narratives.text.near_duplicates import first_connected, near_copies

FOLDS = 5


def fold_numbers(texts: Sequence[str], groups: Sequence[str], values: NDArray[np.int8], seed: int) -> NDArray[np.int64]:
    """Return the fold (0 to 4) in which each text is held out.

    Whole groups are dealt out from the rarest frame to the commonest, each to the fold that lacks that frame most
    (iterative stratification, Sechidis et al. 2011). Raises UserError with fewer than five groups.
    """
    joined = _joined_groups(texts, groups)
    number = int(joined.max()) + 1 if len(joined) else 0
    if number < FOLDS:
        raise UserError(f"{number} independent texts are too few to train on: {FOLDS} are the least; add labelled rows")
    counts = np.zeros((number, values.shape[1] + 1))
    np.add.at(counts, joined, np.column_stack([values == 1, np.ones(len(values))]))
    return _deal(counts, seed)[joined]


def _joined_groups(texts: Sequence[str], groups: Sequence[str]) -> NDArray[np.int64]:
    """Return a group number for each text: groups that share a near-copy become one, numbered by their first text."""
    first_of_group = {group: row for row, group in reversed(list(enumerate(groups)))}
    pairs = [(row, first_of_group[group]) for row, group in enumerate(groups)]
    return np.unique(first_connected(len(texts), [*pairs, *enumerate(near_copies(texts))]), return_inverse=True)[1]


def _deal(counts: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Deal the groups (rows of ``counts``: positives of each frame, then size) to the folds."""
    wanted = np.tile(counts.sum(axis=0) / FOLDS, (FOLDS, 1))
    fold = np.full(len(counts), -1)
    order = np.random.default_rng(seed).permutation(len(counts))
    rarest = np.argsort(counts.sum(axis=0), kind="stable")
    for column in rarest:
        for group in order[(counts[order, column] > 0) & (fold[order] < 0)]:
            best = np.lexsort((-wanted[:, -1], -wanted[:, column]))[0]
            fold[group] = best
            wanted[best] -= counts[group]
    return fold
