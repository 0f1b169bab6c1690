"""Fits many logistic regressions over the same rows at once.

The weights of a regression with an L2 penalty are a weighted sum of its rows (Kimeldorf and Wahba 1971), so it can be
solved over the n × n products of the rows instead of the many columns. The regressions share these products: one matrix
product serves a step of all of them, for every frame and every fold.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]

TOLERANCE = 3e-4  # length of the gradient, relative to the start, at which a fit is done
_STEPS, _INNER, _HALVINGS = 50, 200, 30
_BIAS_SCALE = np.float32(30.0)  # the bias is penalised 1/900 as much as a weight: hardly at all
_COMMON = 0.02  # share of rows above which a column is multiplied as a dense one
_DONE = 1e6  # a tolerance that every residual meets, so a finished regression takes no further step
_WORTH_ALL = 0.9  # share of active regressions above which all are multiplied: selecting some costs a copy
_TOGETHER = 256  # regressions solved side by side; more would only take memory
_LARGEST = 12_000  # rows whose products (4 n² bytes) are still held in memory


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
    products = row_products(rows) if rows.shape[0] <= _LARGEST else SparseProducts(rows)
    scale = _BIAS_SCALE if free_bias else np.float32(1.0)
    fits = fit_together(products, targets[:, :weighed], costs[:, :weighed], offsets, bias_scale=scale)
    weights = rows.T @ fits.duals.astype(np.float64)
    if targets.shape[1] > weighed:
        # Without a fold a regression ends close to that of all rows, so it starts there and takes fewer steps.
        # The duals of the fold's rows are in them, and fall to zero on the way.
        times = targets.shape[1] // weighed - 1
        nearby = _Start(np.tile(fits.duals, times), np.tile(fits.bias, times))
        repeated = None if offsets is None else np.tile(offsets, times)
        others = fit_together(products, targets[:, weighed:], costs[:, weighed:], repeated, nearby, scale)
        fits = fits.beside(others)
    return Regressions(np.asarray(weights), fits.bias.astype(np.float64), fits.scores.astype(np.float64))


class SparseProducts:
    """Multiplies by the products of the rows without holding them, for more rows than their products fit in memory."""

    def __init__(self, rows: csr_matrix) -> None:
        self._rows = rows.astype(np.float32)
        self._columns = self._rows.T.tocsr()  # twice as fast to multiply as the transposed view

    def __matmul__(self, duals: Floats) -> Floats:
        return np.asarray(self._rows @ (self._columns @ duals))


@dataclass(frozen=True)
class Fits:
    """m fitted regressions over n rows: weights = rowsᵀ · ``duals`` (n × m), ``bias`` (m), ``scores`` (n × m)."""

    duals: Floats
    bias: Floats
    scores: Floats

    def beside(self, other: "Fits") -> "Fits":
        """Return these regressions and then the others."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("duals", "bias", "scores"))
        return Fits(*(np.concatenate(pair, axis=-1) for pair in pairs))


@dataclass(frozen=True)
class _Start:
    """Where regressions start: their ``duals`` (n × m) and ``bias`` (m)."""

    duals: Floats
    bias: Floats

    def take(self, columns: slice) -> "_Start":
        return _Start(self.duals[:, columns], self.bias[columns])


def row_products(rows: csr_matrix) -> Floats:
    """Return the n × n inner products of the rows, float32. Takes 4·n² bytes.

    Columns that many rows share are multiplied densely: a sparse product visits every pair of rows that share one.
    """
    rows = rows.astype(np.float32)
    common = np.bincount(rows.indices, minlength=rows.shape[1]) > _COMMON * rows.shape[0]
    dense, sparse = rows[:, common].toarray(), rows[:, ~common]
    products: Floats = dense @ dense.T
    products += (sparse @ sparse.T).toarray()
    return products


def fit_together(
    products: "Floats | SparseProducts",
    targets: NDArray[np.bool_],
    costs: Floats,
    offsets: Floats | None = None,
    start: _Start | None = None,
    bias_scale: np.float32 = _BIAS_SCALE,
) -> Fits:
    """Fit the regressions of ``fit_regressions`` from the products of their rows.

    Newton's method. Each step is solved by conjugate gradients to a shrinking tolerance, and shortened until the
    objective falls (Lin, Weng and Keerthi 2008). A regression is done when its gradient is ``TOLERANCE`` of what it is
    without weights.
    """
    fits: Fits | None = None
    offsets = np.zeros_like(costs) if offsets is None else offsets
    for first in range(0, targets.shape[1], _TOGETHER):
        block = slice(first, first + _TOGETHER)
        together = _Together(products, targets[:, block], costs[:, block], offsets[:, block], bias_scale)
        own = together.solve(start.take(block) if start else None)
        fits = own if fits is None else fits.beside(own)
    assert fits is not None
    return fits


@dataclass(frozen=True)
class _Vectors:
    """A point or direction of each regression: ``duals`` (n × m), the row products with them, the scaled ``bias`` (m).

    The products are kept because the dot product and the scores both need them, and they are what costs.
    """

    duals: Floats
    products: Floats
    bias: Floats

    def plus(self, size: Floats, other: "_Vectors") -> "_Vectors":
        return _Vectors(
            self.duals + size * other.duals, self.products + size * other.products, self.bias + size * other.bias
        )

    def dot(self, other: "_Vectors") -> Floats:
        return np.asarray(np.einsum("ij,ij->j", self.duals, other.products) + self.bias * other.bias)

    def scores(self, bias_scale: np.float32) -> Floats:
        return np.asarray(self.products + bias_scale * self.bias)


class _Together:
    """The regressions of some columns of the targets, solved in step; ``solve`` returns their fits."""

    def __init__(
        self,
        products: "Floats | SparseProducts",
        targets: NDArray[np.bool_],
        costs: Floats,
        offsets: Floats,
        bias_scale: np.float32,
    ) -> None:
        self.row_products, self.targets, self.costs = products, targets.astype(np.float32), costs.astype(np.float32)
        self.offsets, self.bias_scale = offsets.astype(np.float32), bias_scale
        self.signs = 2 * self.targets - 1

    def solve(self, start: _Start | None) -> Fits:
        point = self.vectors(np.zeros_like(self.costs), self.log_odds() / self.bias_scale)
        downhill = self.downhill(point, _sigmoid(point.scores(self.bias_scale) + self.offsets))
        without_weights = downhill.dot(downhill)
        if start is not None:
            point = self.vectors(start.duals, start.bias / self.bias_scale)
        for _ in range(_STEPS):
            chances = _sigmoid(point.scores(self.bias_scale) + self.offsets)
            downhill = self.downhill(point, chances)
            length = downhill.dot(downhill)
            share = np.sqrt(length / np.maximum(without_weights, 1e-20))
            if share.max() < TOLERANCE:
                break
            curvature = self.costs * chances * (1 - chances)
            # Far from the optimum a rough step is enough; close to it, an exact one saves further steps.
            within = np.where(share < TOLERANCE, _DONE, np.minimum(0.25, np.sqrt(share)))
            step = self.newton_step(downhill, length, curvature, within)
            point = self.shortened(point, step, downhill.dot(step))
        return Fits(point.duals, self.bias_scale * point.bias, point.scores(self.bias_scale))

    def log_odds(self) -> Floats:
        """Return the best bias of a model without weights, 0 where offsets are known.

        The gradient there is what later ones are compared with.
        """
        yes, no = ((self.costs * side).sum(axis=0) for side in (self.targets, 1 - self.targets))
        best = np.log(np.maximum(yes, 1e-6) / np.maximum(no, 1e-6))
        return np.asarray(np.where(self.offsets.any(axis=0), 0, best), dtype=np.float32)

    def vectors(self, duals: Floats, bias: Floats, active: NDArray[np.bool_] | None = None) -> _Vectors:
        """Return the vectors with these duals; regressions that are not ``active`` get no products."""
        if active is None or active.mean() > _WORTH_ALL:
            return _Vectors(duals, np.asarray(self.row_products @ duals), bias)
        products = np.zeros_like(duals)
        products[:, active] = self.row_products @ duals[:, active]
        return _Vectors(duals, products, bias)

    def downhill(self, point: _Vectors, chances: Floats) -> _Vectors:
        """Return the negative gradient. Like a point's, its weights are the rows weighted by its duals."""
        residuals = self.costs * (self.targets - chances)
        return self.vectors(residuals - point.duals, self.bias_scale * residuals.sum(axis=0) - point.bias)

    def newton_step(self, downhill: _Vectors, length: Floats, curvature: Floats, within: Floats) -> _Vectors:
        """Solve Hessian · step = downhill by conjugate gradients, each column until it is ``within`` its tolerance.

        ``length`` is the squared length of ``downhill``.
        """
        step = self.vectors(np.zeros_like(self.costs), np.zeros_like(length))
        residual, direction, goal = downhill, downhill, within**2 * length
        for _ in range(_INNER):
            active = length > goal
            if not active.any():
                break
            bent = curvature * direction.scores(self.bias_scale)
            image = self.vectors(direction.duals + bent, direction.bias + self.bias_scale * bent.sum(axis=0), active)
            size = np.where(active, length / np.maximum(direction.dot(image), 1e-20), 0).astype(np.float32)
            step, residual = step.plus(size, direction), residual.plus(-size, image)
            before, length = length, np.where(active, residual.dot(residual), length)
            direction = residual.plus((length / np.maximum(before, 1e-20)).astype(np.float32), direction)
        return step

    def shortened(self, point: _Vectors, step: _Vectors, slope: Floats) -> _Vectors:
        """Take the step, halved in each column until the objective falls enough there (Armijo 1966)."""
        here, size = self.objective(point), np.ones_like(slope)
        # The last term forgives the rounding of float32, without which a step at the optimum is halved to nothing.
        for _ in range(_HALVINGS):
            further = point.plus(size, step)
            worse = self.objective(further) > here - 1e-4 * size * slope + 1e-6 * np.abs(here)
            if not worse.any():
                break
            size = np.where(worse, size / 2, size).astype(np.float32)
        return further

    def objective(self, point: _Vectors) -> Floats:
        losses = np.logaddexp(np.float32(0), -self.signs * (point.scores(self.bias_scale) + self.offsets))
        return np.asarray((self.costs * losses).sum(axis=0) + point.dot(point) / 2)


def _sigmoid(scores: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-scores.clip(-80, 80))))  # exp would overflow float32
