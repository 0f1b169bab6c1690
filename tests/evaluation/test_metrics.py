import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from narratives.evaluation.metrics import (
    average_precision,
    false_alarm_rate,
    macro_f1,
    mean_average_precision,
    micro_f1,
    samples_f1,
    voice_macro_f1,
)
from narratives.evaluation.reliability import calibration_error

GOLD = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.int8)
SAID = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]], dtype=bool)


def random_rows(seed, rows=80, frames=3):
    """Random gold with unsettled cells, probabilities with ties, gold voices and predicted voices."""
    random = np.random.default_rng(seed)
    values = random.choice(np.array([1, 0, -1], dtype=np.int8), (rows, frames), p=[0.3, 0.6, 0.1])
    probabilities = np.round(random.random((rows, frames)), 1)
    gold_voices, voices = random.integers(-1, 3, (2, rows, frames), dtype=np.int8)
    return values, probabilities, gold_voices, voices


def test_f1s_equal_those_of_scikit_learn():
    assert macro_f1(GOLD, SAID) == pytest.approx(f1_score(GOLD[:, :2], SAID[:, :2], average="macro"))
    assert micro_f1(GOLD, SAID) == pytest.approx(f1_score(GOLD, SAID, average="micro"))


def test_samples_f1_gives_a_row_without_frame_the_class_other():
    assert samples_f1(GOLD, SAID) == pytest.approx((1 + 2 / 3 + 0 + 1 + 1) / 5)


def test_a_false_alarm_is_a_frame_on_a_row_without_any():
    assert false_alarm_rate(GOLD, SAID) == 0.5
    assert math.isnan(false_alarm_rate(GOLD[:2], SAID[:2]))
    unsettled = GOLD.copy()
    unsettled[2, 1] = -1
    assert false_alarm_rate(unsettled, SAID) == 0.0


def test_unsettled_cells_count_for_nothing():
    unsettled = GOLD.copy()
    unsettled[2, 1] = -1
    assert micro_f1(unsettled, SAID) > micro_f1(GOLD, SAID)


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_that_of_scikit_learn_with_and_without_weights(seed):
    (values, probabilities, *_), random = random_rows(seed, frames=1), np.random.default_rng(seed)
    values, probabilities, known = values[:, 0], probabilities[:, 0], values[:, 0] >= 0
    assert average_precision(values, probabilities) == pytest.approx(
        average_precision_score(values[known], probabilities[known]), abs=1e-12
    )
    weights = random.integers(0, 4, (5, len(values))).astype(float)
    expected = [average_precision_score(values[known], probabilities[known], sample_weight=w[known]) for w in weights]
    assert average_precision(values, probabilities, weights) == pytest.approx(expected, abs=1e-12)


def test_average_precision_needs_a_positive_row_and_bears_resamples_without_the_first_rows():
    values, probabilities = np.array([0, 1, 1], dtype=np.int8), np.array([0.9, 0.8, 0.7])
    assert np.isnan(average_precision(np.zeros(3, dtype=np.int8), probabilities))
    weights = np.array([[3.0, 0, 0], [0, 0, 3], [1, 1, 1]])
    expected = [np.nan, 1.0, (1 / 2 + 2 / 3) / 2]
    assert average_precision(values, probabilities, weights) == pytest.approx(expected, nan_ok=True)


METRICS = {
    "macro_f1": lambda v, p, g, s, w=None: macro_f1(v, p >= 0.5, w),
    "micro_f1": lambda v, p, g, s, w=None: micro_f1(v, p >= 0.5, w),
    "samples_f1": lambda v, p, g, s, w=None: samples_f1(v, p >= 0.5, w),
    "false_alarm_rate": lambda v, p, g, s, w=None: false_alarm_rate(v, p >= 0.8, w),
    "mean_average_precision": lambda v, p, g, s, w=None: mean_average_precision(v, p, w),
    "voice_macro_f1": lambda v, p, g, s, w=None: voice_macro_f1(v, g, s, w),
    "calibration_error": lambda v, p, g, s, w=None: calibration_error(p, v, w),
}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_weight_counts_a_row_as_often_as_it_says(metric):
    arrays, weights = random_rows(1), np.random.default_rng(2).integers(0, 4, (6, 80))
    repeated = [metric(*(np.repeat(array, each, axis=0) for array in arrays)) for each in weights]
    assert metric(*arrays, weights.astype(float)) == pytest.approx(repeated, abs=1e-12)
    assert metric(*arrays) == pytest.approx(metric(*arrays, np.ones((1, 80)))[0], abs=1e-12)
