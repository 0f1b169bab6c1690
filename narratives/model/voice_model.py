"""Owns the voice model: a small linear model over a TF-IDF row and the markers of voice. Knows no frame."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

ROUNDS = 20  # of the EM over a document; it settles in fewer
STREAM = 0.5  # how many pairs of the document the stream's shares are worth


@dataclass(frozen=True)
class VoiceModel:
    """Weights of the voice: TF-IDF columns × voices, signs × voices, and a bias and a ``prior`` for each voice."""

    row_weights: NDArray[np.float64]
    sign_weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    prior: NDArray[np.float64]

    def probabilities(self, rows: csr_matrix, markers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return n × 3 probabilities (promotes, reports, rebuts), each row summing to 1 (softmax)."""
        scores = rows @ self.row_weights + markers @ self.sign_weights + self.bias
        powers: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares


def in_document(
    probabilities: NDArray[np.float64], paragraphs: NDArray[np.int64], model: VoiceModel
) -> NDArray[np.float64]:
    """Return the m × 3 voices of one document's (paragraph, frame) pairs, each read with the other paragraphs in view.

    Who rebuts a claim in one paragraph hardly spreads it in the next. The shares expected of a paragraph's voices are
    those of the other paragraphs' pairs and, with the weight of half a pair, the stream's; estimated and applied in
    turn until they settle (the EM of Saerens, Latinne and Decaestecker 2002, here leaving the paragraph itself out, so
    that one that stands alone is read as it is). ``paragraphs`` has the number of each pair's paragraph.
    """
    _, place, counts = np.unique(paragraphs, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return probabilities
    said, others = probabilities, (len(place) - counts)[:, None]
    for _ in range(ROUNDS):
        sums = np.stack([np.bincount(place, share, len(counts)) for share in said.T], axis=1)
        priors = (sums.sum(axis=0) - sums + STREAM * model.prior) / (others + STREAM)
        weighed: NDArray[np.float64] = probabilities * priors[place] / model.prior
        said = weighed / weighed.sum(axis=1, keepdims=True)
    return said


def in_documents(
    probabilities: NDArray[np.float64], paragraphs: NDArray[np.int64], documents: NDArray[np.int64], model: VoiceModel
) -> NDArray[np.float64]:
    """Apply ``in_document`` to each document; ``documents`` has the number of each pair's document, in order."""
    edges = [0, *(np.flatnonzero(np.diff(documents)) + 1).tolist(), len(documents)]
    return np.concatenate([in_document(probabilities[a:b], paragraphs[a:b], model) for a, b in pairwise(edges)])
