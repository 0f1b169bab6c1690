"""Fits many logistic regressions over the same rows at once.

Newton's method. Each step is solved by conjugate gradients, which need only products with the rows: one sparse product
serves a step of all regressions, for every frame. Labels are rare, so a few hundred rows, the positives above all, bend
each regression more than all the others together. The preconditioner solves for these rows exactly.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix
from scipy.special import expit

Floats = NDArray[np.float32]

TOLERANCE = 3e-4  # length of the gradient, relative to the one without weights, at which a fit is done
HELD_OUT_TOLERANCE = 1e-3  # the same for regressions asked only for the scores of the rows that they leave out
_STEPS, _INNER, _HALVINGS = 50, 200, 30
_BIAS_SCALE = np.float32(30.0)  # the bias is penalised 1/900 as much as a weight: hardly at all
_ROUNDING = 1e-3  # of the sum of the costs: a gradient below this, times the tolerance, is none
_DONE = 1e6  # a tolerance that every residual meets, so a finished regression takes no further step
_BENDING = 300  # rows that the preconditioner solves for; twice as many save steps but take longer
_TOGETHER = 10  # regressions solved side by side; a thread takes one such block at a time


@dataclass(frozen=True)
class Regressions:
    """m regressions over n rows: ``weights`` (columns × the first few), ``bias`` (m), ``scores`` (n × m)."""

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    scores: NDArray[np.float64]


def training_parts(number: int, folds: NDArray[np.int64] | None) -> list[NDArray[np.bool_]]:
    """Return the rows to train on, as masks: all of them, then for each fold those outside of it."""
    everything = np.ones(number, dtype=bool)
    return [everything] if folds is None else [everything, *(folds != fold for fold in np.unique(folds))]


def held_out_scores(scores: NDArray[np.float64], parts: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """Return n × k scores of each row by the regressions of the part without it; by those of all rows if there is none.

    ``scores`` is n × (parts · k): the k regressions of the first part, then those of the next.
    """
    by_part = np.split(scores, len(parts), axis=1)
    held_out = by_part[0].copy()
    for part, own in zip(parts[1:], by_part[1:], strict=True):
        held_out[~part] = own[~part]
    return held_out


def fit_regressions(
    rows: csr_matrix,
    targets: NDArray[np.bool_],
    costs: Floats,
    weighed: int,
    offsets: Floats | None = None,
    free_bias: bool = True,
) -> Regressions:
    """Minimise ½|w|² + Σ cost · log-loss for each column of ``targets`` (n × m); cost 0 leaves a row out.

    ``offsets`` (n × ``weighed``) are scores known beforehand, to which those of the regressions are added: they are
    fitted to what the offsets leave open. Every part of the folds has the same. Without ``free_bias`` the bias is
    penalised like a weight, for rows that do not tell how common a positive is.

    Returns the weights of the first ``weighed`` regressions, and bias and scores (without the offsets) of all:
    regressions of the folds are only asked for scores.
    """
    counts = np.bincount(rows.indices, minlength=rows.shape[1])
    # The commonest first, so that their weights lie close together in memory; those of no row are left out.
    occurring = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    design = _Design(rows[:, occurring], _BIAS_SCALE if free_bias else np.float32(1.0))
    known = np.zeros((len(costs), weighed), np.float32) if offsets is None else offsets

    def fit(columns: slice, start: Point | None, tolerance: float) -> Point:
        of_frames = slice(columns.start % weighed, columns.start % weighed + columns.stop - columns.start)
        together = _Together(design, targets[:, columns], costs[:, columns], known[:, of_frames])
        return together.solve(start, tolerance)

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # products and vector operations run without the global lock
        whole = list(threads.map(lambda columns: fit(columns, None, TOLERANCE), _blocks(0, weighed)))

        def fit_part(block: tuple[slice, Point]) -> Point:
            # Without a fold a regression ends close to that of all rows, so it starts there and takes few steps.
            return fit(*block, HELD_OUT_TOLERANCE).without_weights()

        firsts = range(weighed, targets.shape[1], weighed)
        parts = threads.map(
            fit_part, [block for n in firsts for block in zip(_blocks(n, n + weighed), whole, strict=True)]
        )
        points = [*whole, *parts]
    weights = np.zeros((rows.shape[1], weighed))
    weights[occurring] = np.concatenate([point.weights for point in whole], axis=1)
    bias = design.bias_scale * np.concatenate([point.bias for point in points]).astype(np.float64)
    return Regressions(weights, bias, np.concatenate([point.scores for point in points], axis=1).astype(np.float64))


def _blocks(first: int, end: int) -> list[slice]:
    return [slice(start, min(end, start + _TOGETHER)) for start in range(first, end, _TOGETHER)]


class _Design:
    """The rows, to be multiplied from either side. The bias is one more column, of ``bias_scale``."""

    def __init__(self, rows: csr_matrix, bias_scale: np.float32) -> None:
        self.rows = rows.astype(np.float32)
        self._columns = self.rows.T.tocsr()  # twice as fast to multiply as the transposed view
        self.bias_scale = bias_scale

    def scores(self, weights: Floats, bias: Floats) -> Floats:
        """Return rows · weights + bias."""
        return np.asarray(self.rows @ weights + self.bias_scale * bias)

    def gathered(self, duals: Floats) -> "_Vector":
        """Return the sum of the rows, each weighted by its dual (n × m)."""
        return _Vector(np.asarray(self._columns @ duals), self.bias_scale * duals.sum(axis=0))


@dataclass(frozen=True)
class _Vector:
    """A vector of each of m regressions: ``weights`` (columns × m) and the scaled ``bias`` (m)."""

    weights: Floats
    bias: Floats

    def plus(self, size: Floats | float, other: "_Vector") -> "_Vector":
        return _Vector(self.weights + size * other.weights, self.bias + size * other.bias)

    def dot(self, other: "_Vector") -> Floats:
        return np.asarray(np.einsum("ij,ij->j", self.weights, other.weights) + self.bias * other.bias)


@dataclass(frozen=True)
class Point(_Vector):
    """Where m regressions stand, with their scores on the n rows (n × m), which are not computed twice."""

    scores: Floats

    def without_weights(self) -> "Point":
        """Return the point without its weights, which are large and of no further use for a fold."""
        return Point(self.weights[:0], self.bias, self.scores)


class _Preconditioner:
    """The inverse of the Hessian of each regression's most bending rows, and of the penalty.

    With these rows R and their curvatures D, (1 + RᵀDR)⁻¹ = 1 - Rᵀ(D⁻¹ + RRᵀ)⁻¹R (Woodbury): a small dense system.
    In double precision, because a free bias makes the rows nearly parallel.
    """

    def __init__(self, design: _Design, curvature: Floats) -> None:
        self._scale = design.bias_scale
        self._solvers = [self._solver(design.rows, column) for column in curvature.T]

    def _solver(
        self, rows: csr_matrix, curvature: Floats
    ) -> tuple[csr_matrix, csr_matrix, tuple[NDArray[np.float64], bool]]:
        chosen = _largest(curvature, _BENDING)
        bending = rows[chosen]
        system = (bending @ bending.T).toarray().astype(np.float64) + float(self._scale) ** 2
        system[np.diag_indices(len(chosen))] += 1 / curvature[chosen].astype(np.float64)
        return bending, bending.T.tocsr(), cho_factor(system, lower=True, overwrite_a=True, check_finite=False)

    def __call__(self, residual: _Vector) -> _Vector:
        weights, bias = residual.weights.copy(), residual.bias.copy()
        for k, (rows, columns, factor) in enumerate(self._solvers):
            scores = rows @ residual.weights[:, k] + self._scale * residual.bias[k]
            solved = cho_solve(factor, scores, check_finite=False).astype(np.float32)
            weights[:, k] -= columns @ solved
            bias[k] -= self._scale * solved.sum()
        return _Vector(weights, bias)


def _largest(values: Floats, number: int) -> NDArray[np.int64]:
    """Return the indices of the largest positive values, at most ``number``."""
    positive = np.flatnonzero(values > 0)
    if len(positive) > number:
        positive = positive[np.argpartition(values[positive], -number)[-number:]]
    return np.sort(positive)


class _Together:
    """The regressions of some columns of the targets, solved in step; ``solve`` returns where they end."""

    def __init__(self, design: _Design, targets: NDArray[np.bool_], costs: Floats, offsets: Floats) -> None:
        self.design, self.targets, self.costs = design, targets.astype(np.float32), costs.astype(np.float32)
        self.offsets = offsets.astype(np.float32)
        self.signs = 2 * self.targets - 1

    def solve(self, start: Point | None, tolerance: float) -> Point:
        """Go downhill from ``start``, by default from no weights, until the gradient is short enough."""
        nowhere = self.no_weights()
        without_weights = self.downhill(nowhere)
        # Where nothing is left to learn, the gradient is rounding, which never gets shorter.
        rounding = (_ROUNDING * self.costs.sum(axis=0)) ** 2 + np.float32(1e-20)
        longest = np.maximum(without_weights.dot(without_weights), rounding)
        point = start or nowhere
        for _ in range(_STEPS):
            downhill = self.downhill(point)
            share = np.sqrt(downhill.dot(downhill) / longest)
            if share.max() < tolerance:
                break
            # Far from the optimum a rough step is enough; close to it, an exact one saves further steps.
            within = np.where(share < tolerance, _DONE, np.minimum(0.25, np.sqrt(share)))
            step = self.newton_step(downhill, self.curvature(point), within)
            point = self.shortened(point, step, downhill.dot(step))
        return point

    def no_weights(self) -> Point:
        """Return the best point without weights; its bias is 0 where offsets are known.

        The gradient there is what later ones are compared with.
        """
        yes, no = ((self.costs * side).sum(axis=0) for side in (self.targets, 1 - self.targets))
        odds = np.log(np.maximum(yes, 1e-6) / np.maximum(no, 1e-6))
        bias = np.where(self.offsets.any(axis=0), 0, odds).astype(np.float32) / self.design.bias_scale
        weights = np.zeros((self.design.rows.shape[1], len(bias)), np.float32)
        return Point(weights, bias, np.tile(self.design.bias_scale * bias, (len(self.costs), 1)))

    def chances(self, point: Point) -> Floats:
        return np.asarray(expit(point.scores + self.offsets))

    def curvature(self, point: Point) -> Floats:
        chances = self.chances(point)
        return self.costs * chances * (1 - chances)

    def downhill(self, point: Point) -> _Vector:
        """Return the negative gradient."""
        return self.design.gathered(self.costs * (self.targets - self.chances(point))).plus(-1, point)

    def newton_step(self, downhill: _Vector, curvature: Floats, within: Floats) -> Point:
        """Solve Hessian · step = downhill by preconditioned conjugate gradients, each column ``within`` its tolerance.

        A column that is done takes steps of length 0.
        """
        precondition = _Preconditioner(self.design, curvature)
        step = Point(np.zeros_like(downhill.weights), np.zeros_like(downhill.bias), np.zeros_like(self.costs))
        residual, direction = downhill, precondition(downhill)
        length, aligned = downhill.dot(downhill), downhill.dot(direction)
        goal = within**2 * length
        for _ in range(_INNER):
            active = length > goal
            if not active.any():
                break
            scores = self.design.scores(direction.weights, direction.bias)
            image = self.design.gathered(curvature * scores).plus(1, direction)
            size = np.where(active, aligned / np.maximum(direction.dot(image), 1e-20), 0).astype(np.float32)
            step = _moved(step, size, direction, scores)
            residual = residual.plus(-size, image)
            length = np.where(active, residual.dot(residual), length)
            improved = precondition(residual)
            before, aligned = aligned, np.where(active, residual.dot(improved), aligned)
            direction = improved.plus((aligned / np.maximum(before, 1e-20)).astype(np.float32), direction)
        return step

    def shortened(self, point: Point, step: Point, slope: Floats) -> Point:
        """Take the step, halved in each column until the objective falls enough there (Armijo 1966)."""
        here, size = self.objective(point), np.ones_like(slope)
        # The last term forgives the rounding of float32, without which a step at the optimum is halved to nothing.
        for _ in range(_HALVINGS):
            further = _moved(point, size, step, step.scores)
            worse = self.objective(further) > here - 1e-4 * size * slope + 1e-6 * np.abs(here)
            if not worse.any():
                break
            size = np.where(worse, size / 2, size).astype(np.float32)
        return further

    def objective(self, point: Point) -> Floats:
        losses = np.logaddexp(np.float32(0), -self.signs * (point.scores + self.offsets))
        return np.asarray((self.costs * losses).sum(axis=0) + point.dot(point) / 2)


def _moved(point: Point, size: Floats, direction: _Vector, scores: Floats) -> Point:
    """Return the point moved by ``size`` in a direction that has these scores."""
    moved = point.plus(size, direction)
    return Point(moved.weights, moved.bias, point.scores + size * scores)
