"""Computes coefficients of agreement from counts of ratings: alpha, AC1, percentage agreement, Cohen's kappa.

Counts are units × categories, or units × k × categories for k coefficients at once. Weights are those of the metrics:
none for the point estimate, resamples × units for a value on each resample.
"""

import numpy as np
from numpy.typing import NDArray

from narratives.evaluation.metrics import Floats, ratio, weighted_sum
from narratives.labels.gold import UNKNOWN


def tally(ratings: NDArray[np.int8], categories: int) -> Floats:
    """Count the ratings of each unit by category: units × raters (× k) to units (× k) × categories.

    UNKNOWN is a missing rating and is not counted.
    """
    counts = [(ratings == category).sum(axis=1) for category in range(categories)]
    return np.stack(counts, axis=-1).astype(np.float64)


def krippendorff_alpha(counts: Floats, weights: Floats | None = None) -> Floats:
    """Return Krippendorff's alpha for nominal data (Krippendorff 2011); NaN if all ratings are of one category.

    Takes any number of raters and missing ratings; units with one rating are left out.
    """
    rated = counts.sum(axis=-1)
    by_category = weighted_sum(counts * (rated >= 2)[..., None], weights)
    n = by_category.sum(axis=-1)
    observed = (n - 1) * (n - weighted_sum(_agreeing(counts), weights))
    return 1 - ratio(observed, n * n - np.square(by_category).sum(axis=-1))


def gwet_ac1(counts: Floats, weights: Floats | None = None) -> Floats:
    """Return Gwet's AC1 (Gwet 2008); NaN if no unit has two ratings.

    Units with one rating count towards chance agreement, not towards observed agreement.
    """
    rated = counts.sum(axis=-1, keepdims=True)
    shares = weighted_sum(counts / np.maximum(1, rated), weights)
    shares = ratio(shares, shares.sum(axis=-1, keepdims=True))
    chance = (shares * (1 - shares)).sum(axis=-1) / (counts.shape[-1] - 1)
    return ratio(percent_agreement(counts, weights) - chance, 1 - chance)


def percent_agreement(counts: Floats, weights: Floats | None = None) -> Floats:
    """Return the share, 0 to 1, of a unit's pairs of ratings that agree, averaged over units; NaN without a pair."""
    rated = counts.sum(axis=-1)
    agreed = weighted_sum(_agreeing(counts) / np.maximum(1, rated), weights)
    return ratio(agreed, weighted_sum(rated >= 2, weights))


def cohen_kappa(ratings: NDArray[np.int8], categories: int) -> float:
    """Return Cohen's kappa of ratings, units × raters (Cohen 1960); units with fewer than two ratings are left out.

    NaN if no unit has two ratings or any unit has more.
    """
    rated = (ratings != UNKNOWN).sum(axis=1)
    pairs = ratings[rated >= 2]
    if not len(pairs) or (rated > 2).any():
        return float("nan")
    first, second = pairs[pairs != UNKNOWN].reshape(-1, 2).T
    agreed = (first == second).mean()
    shares = [np.bincount(side, minlength=categories) / len(side) for side in (first, second)]
    chance = shares[0] @ shares[1]
    return float(ratio(agreed - chance, 1 - chance))


def _agreeing(counts: Floats) -> Floats:
    """Return each unit's share of agreeing pairs times its number of ratings; 0 for a unit without a pair."""
    return np.asarray((counts * (counts - 1)).sum(axis=-1) / np.maximum(1, counts.sum(axis=-1) - 1))
