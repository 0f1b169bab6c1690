"""Owns the decision rule: calibration, thresholds, and the band in which a person is asked. Arrays only."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit

from narratives.errors import UserError

_SHRINKAGE = 8.0  # how many labels the pooled curve is worth against a frame's own


def stream_weights(values: NDArray[np.int8], none_share: float | None) -> NDArray[np.float64]:
    """Return a weight for each row (mean 1) under which ``none_share`` of the rows carry no frame.

    A written set holds more rows with a frame than a stream does; probabilities and thresholds are chosen under the
    stream's share (importance weighting by class, Shimodaira 2000). All ones where ``none_share`` is None (the set is a
    sample of its stream) or the set holds one kind only.
    """
    empty = np.asarray((values <= 0).all(axis=1))
    here = float(empty.mean()) if len(empty) else 0.0
    if none_share is None or here in (0.0, 1.0):
        return np.ones(len(values))
    return np.where(empty, none_share / here, (1 - none_share) / (1 - here))


def fit_sigmoids(
    scores: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit probability = sigmoid(slope · score + shift) for each column; cells whose value is below 0 are left out.

    Platt (1999), rows weighted; each frame's curve is pulled towards the curve of all frames together, so that a
    frame with few labels is not overfitted. Returns k × 2 (slope, shift); slopes are positive.
    """
    cells = np.repeat(weights[:, None], scores.shape[1], axis=1)
    known = values >= 0
    pooled = _fit_one(scores[known], values[known], cells[known], np.array([1.0, 0.0]), 1e-3)
    curves = []
    for column in range(scores.shape[1]):
        rows = known[:, column]
        curves.append(_fit_one(scores[rows, column], values[rows, column], weights[rows], pooled, _SHRINKAGE))
    return np.array(curves).reshape(-1, 2)


def _fit_one(
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
        logits = np.exp(curve[0]) * scores + curve[1]
        fit = -(weights * (targets * log_expit(logits) + (1 - targets) * log_expit(-logits))).sum()
        return float(fit + shrinkage * ((curve - anchor) ** 2).sum())

    slope, shift = minimize(loss, anchor, method="L-BFGS-B").x
    return np.array([np.exp(slope), shift])


LOWEST, HIGHEST = 0.05, 0.99
WIDEST = 4.0  # how far from a threshold an edge of the band may lie, in log-odds
_ASKS = 1 / 3  # the least share of hits below the threshold for which a person is asked
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
    """Return the threshold with the highest weighted F1, halfway between the two probabilities it parts.

    Takes three arrays of one length. Cells whose value is below 0 are left out; 0.5 where there is no positive.
    """
    p, hits, found = _cuts(probabilities, values, weights)
    if not len(p) or not hits[-1]:
        return 0.5
    f1 = 2 * hits / (found + hits[-1])
    return _cut(p, int(np.argmax(np.where(_parts(p), f1, -1))))


def steady_f1_threshold(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64], plateau: float
) -> float:
    """Return the middle, in log-odds, of the thresholds whose weighted F1 is at least ``plateau`` of the best.

    The top of F1 is flat: of three label sets that differed in two rows of a hundred the best thresholds lay between
    .51 and .58, their middles within .015. Takes three arrays of one length; 0.5 where there is no positive.
    """
    p, hits, found = _cuts(probabilities, values, weights)
    if not len(p) or not hits[-1]:
        return 0.5
    f1 = np.where(_parts(p), 2 * hits / (found + hits[-1]), -1)
    good = np.flatnonzero(f1 >= plateau * f1.max())
    ends = [_cut(p, int(good[end])) for end in (0, -1)]
    return float(expit(np.mean(logit(np.clip(ends, 1e-9, 1 - 1e-9)))))


def precise_threshold(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64], precision: float
) -> float:
    """Return the lowest threshold whose weighted precision is at least ``precision``; HIGHEST if none reaches it.

    Takes three arrays of one length. Cells whose value is below 0 are left out.
    """
    p, hits, found = _cuts(probabilities, values, weights)
    reached = np.flatnonzero(_parts(p) & (hits >= precision * found) & (hits > 0))
    return _cut(p, int(reached[-1])) if len(reached) else HIGHEST


def choose_thresholds(
    probabilities: NDArray[np.float64],
    values: NDArray[np.int8],
    weights: NDArray[np.float64],
    shrinkage: float,
    precision: float | None = None,
    plateau: float = 1.0,
) -> NDArray[np.float64]:
    """Choose a threshold for each frame on these (out-of-fold) probabilities, n × k, rows weighted.

    The aim is F1 or, where ``precision`` is given, that precision at the most recall. A frame's own best
    threshold is drawn towards the one that is best for all frames together, which is worth ``shrinkage`` positives: own
    optima of rare frames are mostly noise. ``plateau`` is the share of the best F1 at which its top is left.
    """
    rule: _Rule = best_f1_threshold
    if precision is not None:
        rule = partial(precise_threshold, precision=precision)
    elif plateau < 1:
        rule = partial(steady_f1_threshold, plateau=plateau)
    cells = np.repeat(weights[:, None], probabilities.shape[1], axis=1)
    common = rule(probabilities.ravel(), values.ravel(), cells.ravel())
    own = np.array([rule(probabilities[:, k], values[:, k], weights) for k in range(probabilities.shape[1])])
    support = (values == 1).sum(axis=0)
    return np.asarray((support * own + shrinkage * common) / (support + shrinkage)).clip(LOWEST, HIGHEST)


def choose_band(
    probabilities: NDArray[np.float64],
    values: NDArray[np.int8],
    weights: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    precision: float,
) -> NDArray[np.float64]:
    """Choose the k × 2 probabilities [low, high) around ``thresholds`` between which a person is asked.

    From ``high`` on what is decided *yes* is expected to have ``precision``: the mean of these calibrated
    (out-of-fold) probabilities, n × k, rows weighted, which is steadier than a count of the few errors there. Between
    ``low`` and the threshold one case in three is expected to be a hit. Both edges lie equally far from the threshold
    in log-odds for all frames. Cells whose value is below 0 are left out.
    """
    middle = logit(thresholds)
    known = values >= 0
    p = probabilities[known].clip(1e-9, 1 - 1e-9)
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
    """Return how far down one may go for the weighted mean of ``p`` of all above to be at least ``least``."""
    order = np.argsort(-away, kind="stable")
    means = np.cumsum((p * weights)[order]) / np.cumsum(weights[order])
    reached = np.flatnonzero(means >= least)
    return float(away[order][reached[-1]]) if len(reached) else np.inf


def _cuts(
    probabilities: NDArray[np.float64], values: NDArray[np.int8], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the known probabilities from the highest down, the weight of hits so far, and that of all so far."""
    known = np.flatnonzero(values >= 0)
    order = known[np.argsort(-probabilities[known], kind="stable")]
    hit = (values[order] == 1) * weights[order]
    return probabilities[order], np.cumsum(hit), np.cumsum(weights[order])


def _parts(p: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return after which of the falling probabilities a threshold can stand: it cannot part equal ones."""
    return np.append(p[:-1] > p[1:], True)[: len(p)]


def _cut(p: NDArray[np.float64], place: int) -> float:
    below = p[place + 1] if place + 1 < len(p) else 0.0
    return float((p[place] + below) / 2)
