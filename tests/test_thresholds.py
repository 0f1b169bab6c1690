import numpy as np
import pytest

from narratives.thresholds import best_f1_threshold, choose_thresholds

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
    chosen = choose_thresholds(np.column_stack([P, P / 10]), values, EVEN)
    common = best_f1_threshold(np.r_[P, P / 10], np.r_[values[:, 0], values[:, 1]], np.ones(10))
    assert chosen == pytest.approx([common, common], abs=0.05)


def test_one_positive_does_not_move_a_threshold_far():
    many = np.tile(P, 20)
    values = np.column_stack([np.tile([1, 1, 1, 0, 0], 20), np.eye(1, 100, 4)[0].astype(int)]).astype(np.int8)
    own, rare = choose_thresholds(np.column_stack([many, many]), values, np.ones(100))
    assert abs(own - rare) < 0.2


def test_a_heavy_wrong_row_raises_the_threshold():
    values = np.array([1, 1, 0, 1, 0])
    assert best_f1_threshold(P, values, EVEN) == pytest.approx(0.25)
    assert best_f1_threshold(P, values, np.array([1, 1, 9, 1, 1])) == pytest.approx(0.7)
