"""Keeps the probabilities that a model gave each paragraph, so that a ranking need not score the texts again."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from narratives.store.appending import IDS_A_STATEMENT, slices
from narratives.store.schema import scores


def scores_of(connection: Connection, model: str) -> dict[str, NDArray[np.float32]]:
    """Return the probabilities that ``model`` gave, k of them by paragraph id."""
    query = select(scores.c.paragraph_id, scores.c.probabilities).where(scores.c.model == model)
    return {row.paragraph_id: np.frombuffer(row.probabilities, "<f4") for row in connection.execute(query)}


def replace_scores(connection: Connection, model: str, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
    """Store k probabilities by paragraph id, in place of what another model gave these paragraphs."""
    rows = [
        {"paragraph_id": paragraph_id, "model": model, "probabilities": values.astype("<f4").tobytes()}
        for paragraph_id, values in probabilities.items()
    ]
    for part in slices(rows, IDS_A_STATEMENT):
        ids = [row["paragraph_id"] for row in part]
        connection.execute(delete(scores).where(scores.c.paragraph_id.in_(ids)))
        connection.execute(insert(scores), part)
