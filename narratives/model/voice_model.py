"""Predicts the voice of a paragraph: a small linear model over its TF-IDF row and its voice markers."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

ROUNDS = 20  # of EM over a document; it converges in fewer
STREAM = 0.5  # weight of the model's prior in a document, counted in pairs


@dataclass(frozen=True)
class VoiceModel:
    """A softmax regression over the voices of VOICES.

    - ``row_weights``: TF-IDF columns × voices
    - ``sign_weights``: voice markers × voices
    - ``bias``: one value per voice
    - ``prior``: the share of each voice expected in a stream of texts
    - ``settled``: the share from which on each voice, where it is the likeliest, is not left to a person
    """

    row_weights: NDArray[np.float64]
    sign_weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    prior: NDArray[np.float64]
    settled: NDArray[np.float64]

    def scores(self, rows: csr_matrix, markers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the n × 3 scores before the softmax, which are linear in the rows and the markers."""
        scores: NDArray[np.float64] = rows @ self.row_weights + markers @ self.sign_weights + self.bias
        return scores

    def probabilities(self, rows: csr_matrix, markers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return n × 3 probabilities (promotes, reports, rebuts); each row sums to 1."""
        scores = self.scores(rows, markers)
        # Without the maximum subtracted, exp overflows on a score of a few hundred.
        exponentials: NDArray[np.float64] = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
        return probabilities

    def unsettled(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for each row of voice probabilities (… × 3) whether the likeliest voice is left to a person."""
        return np.asarray(probabilities.max(axis=-1) < self.settled[probabilities.argmax(axis=-1)])


def against_others(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores of voices (… × 3), each less the mean of the other voices' scores.

    A softmax sees nothing but differences: what is added to all scores changes no probability. The result for a voice
    is ln p less the mean of the other voices' ln p, so it is the same for scores and for logarithms of probabilities.
    """
    voices = scores.shape[-1]
    return np.asarray((scores - scores.mean(axis=-1, keepdims=True)) * voices / (voices - 1))


def in_document(
    probabilities: NDArray[np.float64], paragraphs: NDArray[np.int64], model: VoiceModel
) -> NDArray[np.float64]:
    """Return the m × 3 voice probabilities of one document's (paragraph, frame) pairs, given its other paragraphs.

    Somebody who rebuts a claim in one paragraph rarely promotes it in the next. So the prior of a paragraph's voices
    is the mean of the other paragraphs' voices and, with weight STREAM, of the model's prior. Probabilities and priors
    are estimated in turn: the EM of Saerens, Latinne and Decaestecker (2002), but leaving out the paragraph itself.

    - ``probabilities``: m × 3, each pair read alone
    - ``paragraphs``: the number of each pair's paragraph
    """
    _, index, counts = np.unique(paragraphs, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return probabilities
    adapted, others = probabilities, (len(index) - counts)[:, None]
    for _ in range(ROUNDS):
        sums = np.stack([np.bincount(index, voice, len(counts)) for voice in adapted.T], axis=1)
        # A paragraph that counted towards its own prior would confirm itself in every round.
        priors = (sums.sum(axis=0) - sums + STREAM * model.prior) / (others + STREAM)
        weighted: NDArray[np.float64] = probabilities * priors[index] / model.prior
        adapted = weighted / weighted.sum(axis=1, keepdims=True)
    return adapted


def in_documents(
    probabilities: NDArray[np.float64], paragraphs: NDArray[np.int64], documents: NDArray[np.int64], model: VoiceModel
) -> NDArray[np.float64]:
    """Apply ``in_document`` to each run of pairs with the same number in ``documents``."""
    edges = [0, *(np.flatnonzero(np.diff(documents)) + 1).tolist(), len(documents)]
    return np.concatenate([in_document(probabilities[a:b], paragraphs[a:b], model) for a, b in pairwise(edges)])
