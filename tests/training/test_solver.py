import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from narratives.training import solver
from narratives.training.solver import Regressions, fit_regressions

RANDOM = np.random.default_rng(0)
ROWS = csr_matrix(np.where(RANDOM.random((80, 300)) < 0.1, RANDOM.random((80, 300)), 0))
TARGETS = np.stack([RANDOM.random(80) < share for share in (0.5, 0.2, 0.05)], axis=1)
TARGETS[:2] = [[True] * 3, [False] * 3]
COSTS = np.full(TARGETS.shape, 5.0, np.float32)


def fit_all(targets: np.ndarray = TARGETS, costs: np.ndarray = COSTS, **options) -> Regressions:
    return fit_regressions(ROWS[: len(targets)], targets, costs, targets.shape[1], **options)


@pytest.mark.parametrize("strength", [0.1, 5.0, 50.0])
@pytest.mark.parametrize("bending", [1, 10, 300])
def test_each_column_is_the_logistic_regression_that_scikit_learn_fits(strength, bending, monkeypatch):
    monkeypatch.setattr(solver, "_BENDING", bending)
    fitted = fit_all(costs=np.full(TARGETS.shape, strength, np.float32))
    for k in range(3):
        clf = LogisticRegression(C=strength, solver="newton-cg", tol=1e-8).fit(ROWS, TARGETS[:, k])
        np.testing.assert_allclose(fitted.scores[:, k], clf.decision_function(ROWS), rtol=0.01, atol=0.03)
        np.testing.assert_allclose(fitted.weights[:, k], clf.coef_[0], rtol=0.01, atol=0.03)


def test_a_row_that_costs_nothing_is_left_out():
    costs = COSTS.copy()
    costs[60:] = 0
    np.testing.assert_allclose(fit_all(costs=costs).weights, fit_all(TARGETS[:60], COSTS[:60]).weights, atol=0.02)


def test_scores_are_those_of_the_weights_and_the_bias():
    fitted = fit_all()
    np.testing.assert_allclose(ROWS @ fitted.weights + fitted.bias, fitted.scores, atol=1e-3)


def test_many_columns_are_solved_in_blocks_with_the_same_result(monkeypatch):
    together = fit_all()
    monkeypatch.setattr(solver, "_TOGETHER", 2)
    np.testing.assert_allclose(fit_all().scores, together.scores, atol=0.02)


def test_a_column_that_no_row_has_weighs_nothing():
    wider = csr_matrix((ROWS.data, ROWS.indices, ROWS.indptr), shape=(80, 1000))
    fitted = fit_regressions(wider, TARGETS, COSTS, 3)
    np.testing.assert_array_equal(fitted.weights[300:], 0)
    np.testing.assert_allclose(fitted.weights[:300], fit_all().weights, atol=1e-6)


def test_what_is_known_beforehand_is_not_learned_again():
    known = RANDOM.normal(0, 3, TARGETS.shape).astype(np.float32)
    fitted = fit_all(offsets=known)
    # At the optimum the weights are the rows weighted by their cost times what the chance still lacks.
    lacking = TARGETS - 1 / (1 + np.exp(-(fitted.scores + known)))
    np.testing.assert_allclose(fitted.weights, ROWS.T @ (COSTS * lacking), atol=0.02)
    settled = np.where(TARGETS, 30, -30).astype(np.float32)
    assert np.abs(fit_all(offsets=settled).weights).max() < 1e-6


def test_regressions_without_a_fold_end_where_they_would_from_scratch():
    parts = [np.ones(80, bool), np.arange(80) % 2 == 0]
    costs = np.concatenate([COSTS * part[:, None] for part in parts], axis=1)
    fitted = fit_regressions(ROWS, np.tile(TARGETS, 2), costs, 3)
    np.testing.assert_allclose(fitted.scores[:, 3:], fit_all(costs=costs[:, 3:]).scores, rtol=0.02, atol=0.08)
