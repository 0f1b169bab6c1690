"""Adds terms to the vocabulary of a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from narratives.model.features import Features
from narratives.training.features import UNKNOWN, count_terms, terms_of


@dataclass(frozen=True)
class Extended:
    """A vocabulary with more terms, and ``columns``: where each column of the old vocabulary is in the new one."""

    features: Features
    columns: NDArray[np.int64]

    def widen(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return weights (old columns × k) as new columns × k; new terms weigh nothing."""
        wide = np.zeros((self.features.size, weights.shape[1]))
        wide[self.columns] = weights
        return wide


def extend(base: Features, texts: Sequence[str], extra_terms: Iterable[str], min_df: int = 2) -> Extended:
    """Add the terms that ``min_df`` of ``texts`` have, and all terms of ``extra_terms``.

    The idf of a known term stays. A new one gets that of a term which the texts of the base lack and these have.
    """
    number = round(float(np.exp(base.unknown_idf / UNKNOWN - 1))) - 1 + len(texts)
    old = base.word_terms, base.character_terms
    added = []
    for count, extra, known in zip(count_terms(texts), terms_of(extra_terms), map(set, old), strict=True):
        frequent = {term: found for term, found in count.all.items() if found >= min_df and term not in known}
        added.append({**dict.fromkeys(extra - known, 0), **frequent})
    terms = [(*was, *new) for was, new in zip(old, added, strict=True)]
    found = np.array([number for new in added for number in new.values()], dtype=np.float64)
    new_idf = np.log((1 + number) / (1 + found)) + 1
    border, first = len(base.word_terms), len(added[0])
    idf = np.concatenate([base.idf[:border], new_idf[:first], base.idf[border:], new_idf[first:]])
    orders = [np.array(sorted(range(len(part)), key=part.__getitem__), dtype=np.int64) for part in terms]
    order = np.concatenate([orders[0], orders[1] + len(terms[0])])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    was_at = np.concatenate([np.arange(border), len(terms[0]) + np.arange(len(base.character_terms))])
    sorted_terms = [tuple(part[index] for index in order) for part, order in zip(terms, orders, strict=True)]
    return Extended(Features(sorted_terms[0], sorted_terms[1], idf[order], base.unknown_idf), place[was_at])
