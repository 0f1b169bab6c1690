"""Owns likely label errors, by confident learning."""

import numpy as np
from numpy.typing import NDArray

from narratives.labels.gold import Gold
from narratives.model.calibration import calibrate
from narratives.training.decision_rule import fit_sigmoids
from narratives.training.features import fit_features
from narratives.training.folds import fold_numbers
from narratives.training.frames import ModelSettings, codebook_rows, fit_frames, prior_texts


def held_out(truth: Gold, seed: int = 0) -> NDArray[np.float64]:
    """Return n × k calibrated probabilities of each text from models that have not seen it (five folds)."""
    settings = ModelSettings()
    features = fit_features(truth.texts, prior_texts(truth.codebook), settings.min_df)
    rows, priors = features.transform(truth.texts), codebook_rows(features, truth.codebook)
    folds = fold_numbers(truth.texts, truth.groups, truth.values, seed)
    _, scores = fit_frames(rows, truth.values, priors, settings, folds)
    return calibrate(scores, fit_sigmoids(scores, truth.values, np.ones(len(truth))))


def label_errors(values: NDArray[np.int8], probabilities: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return (text, frame) of labels that are likely wrong, worst first, by confident learning.

    ``values`` n × k (below 0 = unknown), ``probabilities`` n × k held out. Northcutt, Jiang and Chuang 2021, as in
    cleanlab: a label is doubted where the held-out probability of its opposite is above the mean of that class.
    """
    from cleanlab.filter import find_label_issues

    found: list[tuple[float, int, int]] = []
    for k in range(values.shape[1]):
        known = np.flatnonzero(values[:, k] >= 0)
        given, p = values[known, k].astype(int), probabilities[known, k]
        if len(np.unique(given)) < 2:
            continue
        pairs = np.column_stack([1 - p, p])
        doubted = find_label_issues(given, pairs, return_indices_ranked_by="self_confidence", n_jobs=1)
        found += [(float(pairs[row, given[row]]), int(known[row]), k) for row in doubted.tolist()]
    return [(row, k) for _, row, k in sorted(found)]
