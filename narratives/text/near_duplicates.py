"""Finds near-duplicates: texts that share most of their word trigrams."""

import re
from collections import Counter
from collections.abc import Sequence

COPY_JACCARD = 0.5  # texts whose word trigrams have a higher Jaccard index are near-duplicates


def word_runs(text: str, length: int) -> set[tuple[str, ...]]:
    """Return the runs of ``length`` lower-case words in ``text``; a shorter text is one run of all its words."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[start : start + length]) for start in range(max(1, len(words) - length + 1))}


def near_copies(texts: Sequence[str]) -> list[int]:
    """Return for each text the index of the first text of its group of near-copies (its own where it has none).

    Two texts are near-copies if the Jaccard index of their word trigrams is above 0.5; groups are transitive.
    """
    runs = [word_runs(text, 3) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = {}
    leader = list(range(len(texts)))
    for index, mine in enumerate(runs):
        shared = Counter(other for run in mine for other in holders.get(run, ()))
        for other, both in shared.items():
            if both / (len(mine) + len(runs[other]) - both) > COPY_JACCARD:
                _join(leader, index, other)
        for run in mine:
            holders.setdefault(run, []).append(index)
    return [_root(leader, index) for index in range(len(texts))]


def _root(leader: list[int], index: int) -> int:
    while leader[index] != index:
        index = leader[index]
    return index


def _join(leader: list[int], one: int, other: int) -> None:
    first, second = sorted((_root(leader, one), _root(leader, other)))
    leader[second] = first
