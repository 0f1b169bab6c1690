"""Finds near-duplicates: texts that share most of their word trigrams."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

COPY_JACCARD = 0.5  # texts whose word trigrams have a higher Jaccard index are near-duplicates


def word_runs(text: str, length: int) -> set[tuple[str, ...]]:
    """Return the runs of ``length`` lower-case words in ``text``; a shorter text is one run of all its words."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + length]) for start in range(max(1, len(words) - length + 1))}


def near_copies(texts: Sequence[str]) -> list[int]:
    """Return for each text the index of the first text of its group of near-copies (its own if it has none).

    Two texts are near-copies if the Jaccard index of their word trigrams is above ``COPY_JACCARD``. Groups are
    transitive: a copy of a copy belongs to the group.
    """
    runs = [word_runs(text, 3) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = {}
    pairs: list[tuple[int, int]] = []
    for index, own in enumerate(runs):
        # Only texts that share a run are compared: comparing all pairs would be quadratic.
        shared = Counter(other for run in own for other in holders.get(run, ()))
        pairs += [
            (index, other)
            for other, both in shared.items()
            if both / (len(own) + len(runs[other]) - both) > COPY_JACCARD
        ]
        for run in own:
            holders.setdefault(run, []).append(index)
    leaders: list[int] = first_connected(len(texts), pairs).tolist()
    return leaders


def first_connected(number: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """Return for each of ``number`` items the first item that ``pairs`` connect it with, directly or over others."""
    from scipy.sparse import coo_array  # slow to load, and the queue imports this module without it
    from scipy.sparse.csgraph import connected_components

    edges = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(number, number))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)  # the index of a component's first item
    return np.asarray(first[component], dtype=np.int64)
