"""Deals texts to folds. Near-copies and rows of one document stay in one fold, so none is held out beside a copy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from narratives.errors import UserError
from narratives.text.near_duplicates import first_connected, near_copies

FOLDS = 5


def fold_numbers(texts: Sequence[str], groups: Sequence[str], values: NDArray[np.int8], seed: int) -> NDArray[np.int64]:
    """Return for each text the fold, from 0 to FOLDS - 1, in which it is held out.

    - ``groups``: texts of one group are never split.
    - ``values``: n × k, 1 where a text carries a frame.

    Groups are dealt whole, those of the rarest frame first, each to the fold that lacks that frame most (iterative
    stratification, Sechidis et al. 2011). Raises UserError with fewer than FOLDS groups.
    """
    joined = _joined_groups(texts, groups)
    number = int(joined.max()) + 1 if len(joined) else 0
    if number < FOLDS:
        raise UserError(
            f"{number} independent texts are too few to train on: at least {FOLDS} are needed; add labelled rows"
        )
    counts = np.zeros((number, values.shape[1] + 1))
    np.add.at(counts, joined, np.column_stack([values == 1, np.ones(len(values))]))
    return _deal(counts, seed)[joined]


def _joined_groups(texts: Sequence[str], groups: Sequence[str]) -> NDArray[np.int64]:
    """Return a group number for each text: groups that share a near-copy become one, numbered by their first text."""
    first_of_group = {group: row for row, group in reversed(list(enumerate(groups)))}
    pairs = [(row, first_of_group[group]) for row, group in enumerate(groups)]
    return np.unique(first_connected(len(texts), [*pairs, *enumerate(near_copies(texts))]), return_inverse=True)[1]


def _deal(counts: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """Return the fold of each group. The rows of ``counts`` are groups: positives of each frame, then size."""
    wanted = np.tile(counts.sum(axis=0) / FOLDS, (FOLDS, 1))
    fold = np.full(len(counts), -1)
    order = np.random.default_rng(seed).permutation(len(counts))
    # The rarest frame first: once common ones are dealt, too few groups are left to spread it evenly. The size is the
    # commonest column, so it comes last and deals the groups without a frame.
    rarest_first = np.argsort(counts.sum(axis=0), kind="stable")
    for column in rarest_first:
        for group in order[(counts[order, column] > 0) & (fold[order] < 0)]:
            best = np.lexsort((-wanted[:, -1], -wanted[:, column]))[0]
            fold[group] = best
            wanted[best] -= counts[group]
    return fold
