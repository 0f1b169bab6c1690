import numpy as np
import pytest

from narratives.errors import UserError
from narratives.training.decision_rule import (
    HIGHEST,
    ThresholdRule,
    best_f1_threshold,
    cautious_f1_threshold,
    choose_band,
    choose_thresholds,
    precise_threshold,
    read_aim,
    steady_f1_threshold,
)

P = np.array([0.9, 0.8, 0.6, 0.4, 0.1])
EVEN = np.ones(5)


def test_the_best_threshold_parts_right_from_wrong():
    assert best_f1_threshold(P, np.array([1, 1, 1, 0, 0]), EVEN) == pytest.approx(0.5)


def test_equal_probabilities_are_never_parted():
    assert best_f1_threshold(np.array([0.7, 0.7, 0.2]), np.array([1, 0, 0]), EVEN[:3]) == pytest.approx(0.45)


def test_unsettled_cells_are_left_out():
    assert best_f1_threshold(P, np.array([1, 1, -1, 0, 0]), EVEN) == pytest.approx(0.6)


def test_a_frame_without_positives_gets_the_common_threshold():
    values = np.array([[1, 0], [1, 0], [1, 0], [0, 0], [0, 0]], dtype=np.int8)
    chosen = choose_thresholds(np.column_stack([P, P / 10]), values, EVEN, ThresholdRule(300))
    common = best_f1_threshold(np.r_[P, P / 10], np.r_[values[:, 0], values[:, 1]], np.ones(10))
    assert chosen == pytest.approx([common, common], abs=0.05)


def test_the_steady_threshold_is_the_middle_of_a_flat_top():
    flat = np.concatenate([np.linspace(0.99, 0.9, 100), np.linspace(0.7, 0.3, 2), np.linspace(0.1, 0.01, 100)])
    values = np.concatenate([np.ones(100), [0, 1], np.zeros(100)]).astype(np.int8)
    ends = [0.5 * (0.9 + 0.7), 0.5 * (0.3 + 0.1)]  # about as good before the two doubtful ones as after them
    threshold = steady_f1_threshold(flat, values, np.ones(202), 0.97)
    assert ends[1] < threshold < ends[0]
    assert 0.3 < threshold < 0.75
    assert steady_f1_threshold(P, np.array([1, 1, 1, 0, 0]), EVEN, 0.97) == pytest.approx(0.5)
    assert steady_f1_threshold(P, np.zeros(5, dtype=np.int8), EVEN, 0.97) == 0.5


def test_the_cautious_threshold_is_the_upper_end_of_a_flat_top():
    flat = np.concatenate([np.linspace(0.99, 0.9, 100), np.linspace(0.7, 0.3, 2), np.linspace(0.1, 0.01, 100)])
    values = np.concatenate([np.ones(100), [0, 1], np.zeros(100)]).astype(np.int8)
    threshold = cautious_f1_threshold(flat, values, np.ones(202), 0.97)
    assert threshold > 0.9  # F1 falls below .97 of the best only when more than five of the hundred are lost
    assert cautious_f1_threshold(flat, values, np.ones(202), 0.5) > threshold
    assert cautious_f1_threshold(P, np.zeros(5, dtype=np.int8), EVEN, 0.97) == 0.5
    rule = ThresholdRule(0, plateau=0.97, cautious=True)
    assert choose_thresholds(flat[:, None], values[:, None], np.ones(202), rule) == pytest.approx([threshold])


def test_a_few_labels_more_or_less_hardly_move_it():
    rng = np.random.default_rng(0)
    p = rng.random(4000)
    values = (rng.random(4000) < p**3).astype(np.int8)
    samples = [np.flatnonzero(rng.random(4000) < 0.97) for _ in range(20)]
    thresholds = {
        plateau: [steady_f1_threshold(p[rows], values[rows], np.ones(len(rows)), plateau) for rows in samples]
        for plateau in (0.97, 1.0)
    }
    assert np.std(thresholds[0.97]) < np.std(thresholds[1.0])
    best = [best_f1_threshold(p[rows], values[rows], np.ones(len(rows))) for rows in samples]
    assert thresholds[1.0] == pytest.approx(best)


def test_one_positive_does_not_move_a_threshold_far():
    many = np.tile(P, 20)
    values = np.column_stack([np.tile([1, 1, 1, 0, 0], 20), np.eye(1, 100, 4)[0].astype(int)]).astype(np.int8)
    own, rare = choose_thresholds(np.column_stack([many, many]), values, np.ones(100), ThresholdRule(300))
    assert abs(own - rare) < 0.2


def test_a_heavy_wrong_row_raises_the_threshold():
    values = np.array([1, 1, 0, 1, 0])
    assert best_f1_threshold(P, values, EVEN) == pytest.approx(0.25)
    assert best_f1_threshold(P, values, np.array([1, 1, 9, 1, 1])) == pytest.approx(0.7)


def test_the_precise_threshold_is_the_lowest_with_that_precision():
    values = np.array([1, 0, 1, 1, 0])
    assert precise_threshold(P, values, EVEN, 0.75) == pytest.approx(0.25)
    assert precise_threshold(P, values, EVEN, 0.9) == pytest.approx(0.85)
    assert precise_threshold(P, np.array([1, -1, 1, 1, 0]), EVEN, 0.9) == pytest.approx(0.25)


def test_a_precision_that_nothing_reaches_gives_the_highest_threshold():
    assert precise_threshold(P, np.array([0, 1, 1, 0, 0]), EVEN, 0.9) == HIGHEST


def test_a_wanted_precision_moves_every_threshold_up():
    rng = np.random.default_rng(0)
    p = rng.random((400, 3))
    values = (rng.random((400, 3)) < p**2).astype(np.int8)
    lax, strict = (choose_thresholds(p, values, np.ones(400), ThresholdRule(10, aim)) for aim in (None, 0.85))
    assert (strict > lax).all()
    assert (values[p >= strict] == 1).mean() == pytest.approx(0.85, abs=0.05)


def test_the_aim_is_read_or_refused():
    assert read_aim("f1") is None
    assert read_aim("precision=0.9") == 0.9
    for wrong in ("precision", "precision=2", "precision=x", "recall=0.9", ""):
        with pytest.raises(UserError, match="give f1, or a precision between 0 and 1"):
            read_aim(wrong)


def test_what_lies_above_the_band_has_the_precision_that_was_asked_for():
    rng = np.random.default_rng(1)
    p = rng.random((2000, 2))
    values = (rng.random((2000, 2)) < p).astype(np.int8)
    low, high = choose_band(p, values, np.ones(2000), np.array([0.5, 0.4]), 0.9).T
    assert (low < [0.5, 0.4]).all()
    assert (high > [0.5, 0.4]).all()
    assert (values[p >= high] == 1).mean() == pytest.approx(0.9, abs=0.03)
    under = (p >= low) & (p < [0.5, 0.4])
    assert (values[under] == 1).mean() == pytest.approx(1 / 3, abs=0.06)


def test_a_band_never_leaves_its_threshold_outside():
    values = np.array([[1], [1], [1], [0], [0]], dtype=np.int8)
    low, high = choose_band(P[:, None], values, EVEN, np.array([0.7]), 0.1)[0]
    assert low <= 0.7 <= high
