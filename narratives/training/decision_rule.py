"""Chooses the decision rule: calibration, thresholds, and the band in which a person decides. Takes arrays only.

Everywhere, ``values`` are 1 (positive), 0 (negative) or below 0 (unknown, left out), and ``weights`` are of rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit

from narratives.errors import UserError
from narratives.model.calibration import KNEE

_SHRINKAGE = 8.0  # weight of the penalty that pulls a frame's curve towards the pooled one
_POOLED_SHRINKAGE = 1e-3  # keeps the pooled slope finite where scores separate the labels perfectly
_LOG_SLOPES = (-3.0, 0.0)  # of the log-odds above KNEE: they are flattened, never steepened
_EDGE = 1e-9  # probabilities this close to 0 or 1 are moved here, where the log-odds are finite


def stream_weights(values: NDArray[np.int8], none_share: float | None) -> NDArray[np.float64]:
    """Return a weight for each row (mean 1) under which ``none_share`` of the rows carry no frame.

    A set written to balance holds more rows with a frame than a stream does. So probabilities and thresholds are chosen
    under the stream's share (importance weighting by class, Shimodaira 2000).

    All weights are 1 where ``none_share`` is None (the set is a sample of its stream), and where either no row or every
    row carries a frame.
    """
    empty = np.asarray((values <= 0).all(axis=1))
    own_share = float(empty.mean()) if len(empty) else 0.0
    if none_share is None or own_share in (0.0, 1.0):
        return np.ones(len(values))
    return np.where(empty, none_share / own_share, (1 - none_share) / (1 - own_share))


def fit_sigmoids(
    scores: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit probability = sigmoid(slope · score + shift) for each column of n × k ``scores`` and ``values``.

    Platt (1999), rows weighted. Each frame's curve is pulled towards the curve of all frames together, so that a frame
    with few labels is not overfitted. Returns k × 3: slope, shift, and 1 for log-odds that are not flattened. Slopes
    are positive.
    """
    cells = np.repeat(weights[:, None], scores.shape[1], axis=1)
    known = values >= 0
    identity = np.array([1.0, 0.0])
    pooled = _fit_sigmoid(scores[known], values[known], cells[known], identity, _POOLED_SHRINKAGE)
    curves = []
    for column in range(scores.shape[1]):
        rows = known[:, column]
        curves.append(_fit_sigmoid(scores[rows, column], values[rows, column], weights[rows], pooled, _SHRINKAGE))
    return np.column_stack([np.array(curves).reshape(-1, 2), np.ones(len(curves))])


def fit_flattened_sigmoids(
    scores: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Fit sigmoids as ``fit_sigmoids`` does, and how far the log-odds above KNEE are flattened, for all frames alike.

    A sigmoid promises too much to sources that it was not fitted on: most cells are far below KNEE and decide its
    slope. So the flattening is fitted to log-odds by the sigmoids of the other ``folds``.
    """
    odds = np.zeros(scores.shape)
    for fold in np.unique(folds):
        held = folds == fold
        slopes, shifts, _ = fit_sigmoids(scores[~held], values[~held], weights[~held]).T
        odds[held] = scores[held] * slopes + shifts
    sigmoids = fit_sigmoids(scores, values, weights)
    sigmoids[:, 2] = _slope_above_knee(odds, values, weights)
    return sigmoids


def _slope_above_knee(odds: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]) -> float:
    from scipy.optimize import minimize_scalar

    shown = (odds > KNEE) & (values >= 0)
    above, right = odds[shown] - KNEE, values[shown] == 1
    cells = np.repeat(weights[:, None], odds.shape[1], axis=1)[shown]

    def loss(log_slope: float) -> float:
        logits = KNEE + np.exp(log_slope) * above
        return float((cells * log_expit(np.where(right, logits, -logits))).sum()) * -1 + _SHRINKAGE * log_slope**2

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_SLOPES, method="bounded").x))


def _fit_sigmoid(
    scores: NDArray[np.float64],
    values: NDArray[np.int8],
    weights: NDArray[np.float64],
    start: NDArray[np.float64],
    shrinkage: float,
) -> NDArray[np.float64]:
    from scipy.optimize import minimize  # slow to load, and only training needs it

    targets = (values == 1).astype(np.float64)
    anchor = np.array([np.log(start[0]), start[1]])

    def loss(curve: NDArray[np.float64]) -> float:
        # The slope is fitted as its logarithm, which keeps it positive: a higher score is never less probable.
        logits = np.exp(curve[0]) * scores + curve[1]
        fit = -(weights * (targets * log_expit(logits) + (1 - targets) * log_expit(-logits))).sum()
        return float(fit + shrinkage * ((curve - anchor) ** 2).sum())

    slope, shift = minimize(loss, anchor, method="L-BFGS-B").x
    return np.array([np.exp(slope), shift])


LOWEST, HIGHEST = 0.05, 0.99  # thresholds are kept between these
WIDEST = 4.0  # the largest distance of a band edge from its threshold, in log-odds
_ASKS = 1 / 3  # the least share of positives below the threshold at which a person is asked
_Rule = Callable[[NDArray[np.float64], NDArray[np.int8], NDArray[np.float64]], float]


def read_aim(aim: str) -> float | None:
    """Return the precision that ``precision=0.9`` names, None for ``f1``. Raises UserError for anything else."""
    name, _, number = aim.partition("=")
    if aim == "f1":
        return None
    try:
        precision = float(number)
    except ValueError:
        precision = 0.0
    if name != "precision" or not 0 < precision < 1:
        raise UserError(f"aim '{aim}' is not known; give f1, or a precision between 0 and 1 such as precision=0.9")
    return precision


def best_f1_threshold(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> float:
    """Return the threshold with the highest weighted F1, halfway between two neighbouring probabilities.

    Takes three arrays of one length. Returns 0.5 where there is no positive.
    """
    p, tp, predicted = _cuts(probabilities, values, weights)
    if not len(p) or not tp[-1]:
        return 0.5
    return _threshold_after(p, int(np.argmax(_f1(p, tp, predicted))))


def steady_f1_threshold(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64], plateau: float
) -> float:
    """Return the middle, in log-odds, of the thresholds whose weighted F1 is at least ``plateau`` of the best.

    The top of F1 is flat: of three label sets that differed in two rows of a hundred, the best thresholds lay between
    .51 and .58, their middles within .015. Takes three arrays of one length; returns 0.5 where there is no positive.
    """
    p, tp, predicted = _cuts(probabilities, values, weights)
    if not len(p) or not tp[-1]:
        return 0.5
    f1 = _f1(p, tp, predicted)
    good = np.flatnonzero(f1 >= plateau * f1.max())
    ends = [_threshold_after(p, int(good[end])) for end in (0, -1)]
    return float(expit(np.mean(logit(np.clip(ends, _EDGE, 1 - _EDGE)))))


def cautious_f1_threshold(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64], plateau: float
) -> float:
    """Return the highest threshold whose weighted F1 is at least ``plateau`` of the best.

    Where frames are rare, the top of F1 is long, and false alarms lie at its lower end. On sources that no model had
    seen, thresholds at the upper end halved them, and F1 was no lower. Takes three arrays of one length; returns 0.5
    where there is no positive.
    """
    p, tp, predicted = _cuts(probabilities, values, weights)
    if not len(p) or not tp[-1]:
        return 0.5
    f1 = _f1(p, tp, predicted)
    return _threshold_after(p, int(np.flatnonzero(f1 >= plateau * f1.max())[0]))


def precise_threshold(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64], precision: float
) -> float:
    """Return the lowest threshold whose weighted precision is at least ``precision``; HIGHEST if none reaches it.

    Takes three arrays of one length.
    """
    p, tp, predicted = _cuts(probabilities, values, weights)
    reached = np.flatnonzero(_separable(p) & (tp >= precision * predicted) & (tp > 0))
    return _threshold_after(p, int(reached[-1])) if len(reached) else HIGHEST


@dataclass(frozen=True)
class ThresholdRule:
    """How thresholds are chosen.

    - ``shrinkage``: how many positives the threshold that is best for all frames together is worth. A frame's own best
      threshold is pulled towards it, because the optimum of a rare frame is mostly noise.
    - ``precision``: aim at this precision with the highest recall; None to aim at F1.
    - ``plateau``: the share of the best F1 at which its flat top ends.
    - ``cautious``: take the highest threshold of the flat top, not its middle.
    """

    shrinkage: float
    precision: float | None = None
    plateau: float = 1.0
    cautious: bool = False


def choose_thresholds(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64], by: ThresholdRule
) -> NDArray[np.float64]:
    """Choose a threshold for each frame from n × k (out-of-fold) probabilities and values; return k thresholds."""
    rule: _Rule = best_f1_threshold
    if by.precision is not None:
        rule = partial(precise_threshold, precision=by.precision)
    elif by.plateau < 1:
        rule = partial(cautious_f1_threshold if by.cautious else steady_f1_threshold, plateau=by.plateau)
    cells = np.repeat(weights[:, None], probabilities.shape[1], axis=1)
    common = rule(probabilities.ravel(), values.ravel(), cells.ravel())
    own = np.array([rule(probabilities[:, k], values[:, k], weights) for k in range(probabilities.shape[1])])
    support = (values == 1).sum(axis=0)
    return np.asarray((support * own + by.shrinkage * common) / (support + by.shrinkage)).clip(LOWEST, HIGHEST)


def choose_band(
    probabilities: NDArray[np.float64],
    values: NDArray[np.int8],
    weights: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    precision: float,
) -> NDArray[np.float64]:
    """Choose the k × 2 probabilities [low, high) around ``thresholds`` between which a person decides.

    - Of the decisions *yes* at ``high`` or above, ``precision`` are expected to be right. That is the mean of these
      calibrated (out-of-fold) probabilities, n × k, rows weighted; it is steadier than a count of the few errors there.
    - Between ``low`` and the threshold, one case in three is expected to be positive.

    For all frames, each edge lies equally far from the threshold in log-odds.
    """
    middle = logit(thresholds)
    known = values >= 0
    p = probabilities[known].clip(_EDGE, 1 - _EDGE)
    away = logit(p) - np.broadcast_to(middle, values.shape)[known]
    cells = np.repeat(weights[:, None], len(thresholds), axis=1)[known]
    above = max(0.0, _lowest_with_mean(away, p, cells, precision))
    under = away < 0
    below = min(0.0, _lowest_with_mean(away[under], p[under], cells[under], _ASKS))
    low, high = expit(middle + max(below, -WIDEST)), expit(middle + min(above, WIDEST))
    return np.column_stack([np.minimum(low, thresholds), np.maximum(high, thresholds)])


def _lowest_with_mean(
    away: NDArray[np.float64], p: NDArray[np.float64], weights: NDArray[np.float64], least: float
) -> float:
    """Return the lowest ``away`` at or above which the weighted mean of ``p`` is at least ``least``; inf if none is."""
    order = np.argsort(-away, kind="stable")
    means = np.cumsum((p * weights)[order]) / np.cumsum(weights[order])
    reached = np.flatnonzero(means >= least)
    return float(away[order][reached[-1]]) if len(reached) else np.inf


def _cuts(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the known probabilities, falling, with the weights of true positives and of predicted cells down to each.

    So the last value of each is what a threshold of 0 gives, and the last of the true positives is the support.
    """
    known = np.flatnonzero(values >= 0)
    order = known[np.argsort(-probabilities[known], kind="stable")]
    positive = (values[order] == 1) * weights[order]
    return probabilities[order], np.cumsum(positive), np.cumsum(weights[order])


def _f1(p: NDArray[np.float64], tp: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the F1 of a threshold after each of the falling probabilities, -1 where none can lie."""
    return np.where(_separable(p), 2 * tp / (predicted + tp[-1]), -1)


def _separable(p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return after which of the falling probabilities a threshold can lie: it cannot separate equal ones."""
    return np.append(p[:-1] > p[1:], True)[: len(p)]


def _threshold_after(p: NDArray[np.float64], index: int) -> float:
    below = p[index + 1] if index + 1 < len(p) else 0.0
    return float((p[index] + below) / 2)
