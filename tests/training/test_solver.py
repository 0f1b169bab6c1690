import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from narratives.training.solver import SparseProducts, fit_regressions, fit_together, row_products

RANDOM = np.random.default_rng(0)
ROWS = csr_matrix(np.where(RANDOM.random((80, 300)) < 0.1, RANDOM.random((80, 300)), 0))
TARGETS = np.stack([RANDOM.random(80) < share for share in (0.5, 0.2, 0.05)], axis=1)
TARGETS[:2] = [[True] * 3, [False] * 3]


def test_row_products_are_the_inner_products_of_the_rows():
    np.testing.assert_allclose(row_products(ROWS), (ROWS @ ROWS.T).toarray(), atol=1e-5)


@pytest.mark.parametrize("strength", [0.1, 5.0, 50.0])
def test_each_column_is_the_logistic_regression_that_scikit_learn_fits(strength):
    fits = fit_together(row_products(ROWS), TARGETS, np.full(TARGETS.shape, strength, np.float32))
    for k in range(3):
        clf = LogisticRegression(C=strength, solver="newton-cg", tol=1e-8).fit(ROWS, TARGETS[:, k])
        np.testing.assert_allclose(fits.scores[:, k], clf.decision_function(ROWS), rtol=0.01, atol=0.03)
        np.testing.assert_allclose(ROWS.T @ fits.duals[:, k], clf.coef_[0], rtol=0.01, atol=0.03)


def test_a_row_that_costs_nothing_is_left_out():
    costs = np.full(TARGETS.shape, 5.0, np.float32)
    costs[60:] = 0
    whole = fit_together(row_products(ROWS), TARGETS, costs)
    part = fit_together(row_products(ROWS[:60]), TARGETS[:60], costs[:60])
    np.testing.assert_allclose(ROWS.T @ whole.duals, ROWS[:60].T @ part.duals, atol=0.02)


def test_scores_are_those_of_the_weights_and_the_bias():
    fits = fit_together(row_products(ROWS), TARGETS, np.full(TARGETS.shape, 5.0, np.float32))
    np.testing.assert_allclose(ROWS @ (ROWS.T @ fits.duals) + fits.bias, fits.scores, atol=1e-3)


def test_many_columns_are_solved_in_blocks_with_the_same_result(monkeypatch):
    costs = np.full(TARGETS.shape, 5.0, np.float32)
    together = fit_together(row_products(ROWS), TARGETS, costs)
    monkeypatch.setattr("narratives.training.solver._TOGETHER", 2)
    np.testing.assert_allclose(fit_together(row_products(ROWS), TARGETS, costs).scores, together.scores, atol=0.02)


def test_products_that_are_not_held_give_the_same_fit():
    costs = np.full(TARGETS.shape, 5.0, np.float32)
    held, sparse = (fit_together(products, TARGETS, costs) for products in (row_products(ROWS), SparseProducts(ROWS)))
    np.testing.assert_allclose(held.scores, sparse.scores, atol=0.02)


def test_what_is_known_beforehand_is_not_learned_again():
    costs = np.full(TARGETS.shape, 5.0, np.float32)
    known = RANDOM.normal(0, 3, TARGETS.shape).astype(np.float32)
    fits = fit_together(row_products(ROWS), TARGETS, costs, known)
    # At the optimum each dual is its cost times what the chance still lacks (the gradient is zero).
    lacking = TARGETS - 1 / (1 + np.exp(-(fits.scores + known)))
    np.testing.assert_allclose(fits.duals, costs * lacking, atol=0.02)
    settled = np.where(TARGETS, 30, -30).astype(np.float32)
    assert np.abs(fit_together(row_products(ROWS), TARGETS, costs, settled).duals).max() < 1e-6


def test_regressions_without_a_fold_end_where_they_would_from_scratch():
    parts = [np.ones(80, bool), np.arange(80) % 2 == 0]
    costs = np.concatenate([np.full(TARGETS.shape, 5.0) * part[:, None] for part in parts], axis=1).astype(np.float32)
    fitted = fit_regressions(ROWS, np.tile(TARGETS, 2), costs, 3)
    alone = fit_together(row_products(ROWS), TARGETS, costs[:, 3:])
    np.testing.assert_allclose(fitted.scores[:, 3:], alone.scores, rtol=0.01, atol=0.05)
