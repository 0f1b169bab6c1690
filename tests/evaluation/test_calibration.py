import numpy as np
import pytest

from narratives.evaluation.reliability import SHOWN, by_word, calibration_error, reliability
from narratives.model.calibration import calibrate, words_of_probability
from narratives.training.decision_rule import fit_flattened_sigmoids, fit_sigmoids, stream_weights


def drawn(slope: float, shift: float, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    scores = random.normal(0, 2, (rows, 2))
    chance = 1 / (1 + np.exp(-(slope * scores + shift)))
    return scores, (random.random(scores.shape) < chance).astype(np.int8)


def test_the_curve_that_made_the_values_is_recovered():
    scores, values = drawn(0.7, -1.0)
    np.testing.assert_allclose(fit_sigmoids(scores, values, np.ones(len(scores))), [[0.7, -1.0, 1.0]] * 2, atol=0.15)


def test_calibrated_probabilities_match_observed_shares():
    scores, values = drawn(0.5, -2.0)
    assert calibration_error(1 / (1 + np.exp(-scores)), values) > 0.1
    assert calibration_error(calibrate(scores, fit_sigmoids(scores, values, np.ones(len(scores)))), values) < 0.03


def test_a_frame_with_three_labels_leans_on_all_frames():
    scores, values = drawn(0.7, -1.0)
    values[:, 1] = -1
    values[:3, 1] = [0, 1, 0]
    np.testing.assert_allclose(*fit_sigmoids(scores, values, np.ones(len(scores))), atol=0.3)


def test_weights_make_the_set_as_empty_as_the_stream():
    values = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=np.int8)
    weights = stream_weights(values, 0.7)
    assert weights[3] / weights.sum() == pytest.approx(0.7)
    assert weights.mean() == pytest.approx(1)
    assert stream_weights(values[:3], 0.7).tolist() == [1, 1, 1]


def test_unsettled_cells_do_not_count():
    assert calibration_error(np.array([0.9, 0.1]), np.array([1, -1], dtype=np.int8)) == pytest.approx(0.1)
    assert np.isnan(calibration_error(np.array([0.9]), np.array([-1], dtype=np.int8)))


def test_the_reliability_curve_compares_predicted_with_observed():
    predicted, observed = (
        np.array([[0.02, 0.91], [0.04, 1.0], [0.5, 0.95]]),
        np.array([[0, 1], [1, 1], [-1, 0]], np.int8),
    )
    curve = reliability(predicted, observed)
    assert [part.cells for part in curve] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 3]
    assert (curve[0].low, curve[0].high, curve[9].high) == (0, 0.1, 1)
    assert (curve[0].probability, curve[0].share) == (pytest.approx(0.03), 0.5)
    assert (curve[9].probability, curve[9].share) == (pytest.approx(2.86 / 3), pytest.approx(2 / 3))
    assert np.isnan(curve[4].share)


def test_the_calibration_error_is_the_mean_gap_of_the_curve():
    scores, values = drawn(0.5, -2.0)
    predicted = 1 / (1 + np.exp(-scores))
    shown = [part for part in reliability(predicted, values) if part.cells and part.low >= SHOWN]
    gaps = [part.cells * abs(part.probability - part.share) for part in shown]
    assert calibration_error(predicted, values) == pytest.approx(sum(gaps) / sum(part.cells for part in shown))


@pytest.mark.slow
def test_what_is_true_of_one_source_and_not_of_another_is_flattened_above_the_knee_only():
    # A score of 6 is always right in one half of the sources and right as often as not in the other half.
    random = np.random.default_rng(5)
    scores = np.where(random.random((4000, 2)) < 0.9, -4.0, 6.0)
    folds = np.repeat(np.arange(4), 1000)
    right = np.where(scores > 0, np.where(folds < 2, 1.0, 0.5)[:, None], 0.02)
    values = (random.random(scores.shape) < right).astype(np.int8)
    plain, flat = (
        fit_sigmoids(scores, values, np.ones(4000)),
        fit_flattened_sigmoids(scores, values, np.ones(4000), folds),
    )
    assert (flat[:, :2] == plain[:, :2]).all()
    assert (flat[:, 2] < 1).all()
    both = np.array([[-4.0, -4.0], [6.0, 6.0]])
    assert (calibrate(both, flat)[0] == calibrate(both, plain)[0]).all()
    assert (calibrate(both, flat)[1] > 0.2).all()
    assert (calibrate(both, flat)[1] < calibrate(both, plain)[1]).all()


def test_each_word_of_probability_is_measured_by_what_was_right():
    probabilities = np.array([[0.97, 0.6], [0.96, 0.7], [0.5, 0.01], [0.99, 0.6]])
    values = np.array([[1, 1], [1, 0], [0, 0], [-1, 1]], dtype=np.int8)
    said = {word.term: word for word in by_word(probabilities, values)}
    assert [(said[term].cells, said[term].share) for term in ("almost certain", "roughly even chance")] == [
        (2, 1),
        (1, 0),
    ]
    assert (said["likely"].cells, said["likely"].share) == (3, pytest.approx(2 / 3))
    assert said["likely"].probability == pytest.approx(1.9 / 3)
    assert (said["very likely"].cells, np.isnan(said["very likely"].share)) == (0, True)


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        (0.0, "almost no chance"),
        (0.0499, "almost no chance"),
        (0.05, "very unlikely"),
        (0.2, "unlikely"),
        (0.45, "roughly even chance"),
        (0.55, "likely"),
        (0.8, "very likely"),
        (0.95, "almost certain"),
        (1.0, "almost certain"),
    ],
)
def test_the_words_of_estimative_probability_follow_icd_203(probability, word):
    assert words_of_probability(probability) == word
