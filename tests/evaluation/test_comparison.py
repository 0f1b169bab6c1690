import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from narratives.evaluation import bootstrap
from narratives.evaluation.bootstrap import resamples
from narratives.evaluation.comparison import FIGURES, Difference, compare, compare_kept
from narratives.evaluation.evaluation import EvaluationSet, evaluate
from narratives.evaluation.metrics import f1_by_row
from narratives.evaluation.reliability import calibration_error

FRAMES = ("a", "b", "c", "never")
MODELS = ("one@1", "two@2")


def drawn(seed: int, rows: int = 200, noise: float = 0.6) -> EvaluationSet:
    """Predictions of a model with this much noise on the same gold; ``never`` has no support."""
    random, fixed = np.random.default_rng(seed), np.random.default_rng(9)
    values = (fixed.random((rows, 4)) < [0.3, 0.2, 0.1, 0.0]).astype(np.int8)
    gold_voices = np.where(values == 1, fixed.integers(0, 3, values.shape), -1).astype(np.int8)
    probabilities = np.round(np.clip(0.15 + 0.6 * values + noise * random.normal(0, 0.4, values.shape), 0, 1), 2)
    values[fixed.random(values.shape) < 0.02] = -1
    voices = np.where(random.random(values.shape) < 0.7, gold_voices, 0).astype(np.int8)
    return EvaluationSet(
        FRAMES, values, probabilities, probabilities >= 0.5, np.zeros(values.shape, bool), gold_voices, voices,
        ("en",) * rows,
    )  # fmt: skip


def test_the_figures_are_those_of_the_evaluation():
    outcomes = drawn(1), drawn(2, noise=1.0)
    comparison = compare(*outcomes, MODELS)
    for outcome, side in zip(outcomes, "ab", strict=True):
        whole = evaluate(outcome).as_json()
        for name, figure in comparison.figures.items():
            expected = whole["voice"]["macro_f1"] if name == "voice_macro_f1" else whole[name]
            assert getattr(figure, side) == pytest.approx(expected, abs=5e-5), name
        for name, figures in whole["frames"].items():
            assert getattr(comparison.frames[name].f1, side) == pytest.approx(figures["f1"], abs=5e-5)
            assert comparison.frames[name].support == figures["support"]


@pytest.mark.slow
def test_an_interval_is_that_of_measuring_both_on_every_resample(monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 100)
    outcomes = drawn(1, 30), drawn(2, 30, noise=1.0)
    figures = compare(*outcomes, MODELS).figures
    gaps = []
    for counts in np.concatenate(list(resamples(30, 0))):
        rows = np.repeat(np.arange(30), counts.astype(int))
        gaps.append([scores(outcome.take(rows)) for outcome in outcomes])
    differences = np.diff(np.array(gaps), axis=1)[:, 0]
    for name, column in zip(("mean_average_precision", "samples_f1", "calibration_error"), differences.T, strict=True):
        assert figures[name].interval == pytest.approx(np.nanpercentile(column, [2.5, 97.5])), name


def scores(outcome: EvaluationSet) -> tuple[float, float, float]:
    """Mean average precision by scikit-learn, and two metrics of the evaluation."""
    precisions = [
        average_precision_score(outcome.values[known, k], outcome.probabilities[known, k])
        for k in range(len(FRAMES))
        if (outcome.values[:, k] == 1).any()
        for known in [outcome.values[:, k] >= 0]
    ]
    samples = float(f1_by_row(outcome.values, outcome.predicted).mean())
    return float(np.mean(precisions)), samples, calibration_error(outcome.probabilities, outcome.values)


def test_a_model_against_itself_changes_nothing():
    comparison = compare(drawn(1), drawn(1), MODELS)
    assert comparison.changed == comparison.rows_changed == 0
    assert {figure.interval for figure in comparison.figures.values()} == {(0.0, 0.0)}
    assert comparison.conclusion() == "The two models do not differ in any figure on these rows."
    assert comparison.table().count("=") == 10


def test_models_that_differ_by_chance_are_not_told_apart():
    comparison = compare(drawn(1, 40), drawn(3, 40), MODELS)
    assert not any(figure.excludes_zero for figure in comparison.figures.values())
    assert comparison.conclusion().startswith("None of the 10 differences excludes zero")


@pytest.mark.slow
def test_a_plainly_better_model_is_said_to_be_better():
    comparison = compare(drawn(1, 400, noise=2.0), drawn(2, 400, noise=0.2), MODELS)
    assert comparison.figures["macro_f1"].excludes_zero
    assert comparison.figures["false_alarm_rate"].difference < 0
    assert "B is better in macro-F1" in comparison.conclusion()
    assert "worse" not in comparison.conclusion()
    back = compare(drawn(2, 400, noise=0.2), drawn(1, 400, noise=2.0), MODELS)
    assert "B is worse in macro-F1" in back.conclusion()
    low, high = comparison.figures["macro_f1"].interval
    assert back.figures["macro_f1"].interval == pytest.approx((-high, -low))


def test_the_same_rows_are_drawn_for_both_so_a_small_steady_gain_is_seen():
    first = drawn(1, 400)
    fixed = first.predicted | ((first.values == 1) & (np.arange(400) % 20 == 0)[:, None])
    micro_f1 = compare(first, replace(first, predicted=fixed), MODELS).figures["micro_f1"]
    alone = [evaluate(part).macro_f1_interval for part in (first, replace(first, predicted=fixed))]
    assert alone[1][0] < alone[0][1]
    assert micro_f1.excludes_zero


def test_the_share_of_changed_decisions_is_counted_by_frame_and_by_row():
    first = drawn(1, 100)
    flipped = first.predicted.copy()
    flipped[:5, 0] ^= True
    flipped[0, 1] ^= True
    comparison = compare(first, replace(first, predicted=flipped), MODELS)
    assert (comparison.frames["a"].changed, comparison.frames["b"].changed, comparison.frames["c"].changed) == (
        0.05,
        0.01,
        0.0,
    )
    assert (comparison.changed, comparison.rows_changed) == (0.015, 0.05)


def test_a_frame_without_a_gold_row_has_a_dash_and_no_interval():
    comparison = compare(drawn(1), drawn(2), MODELS)
    assert np.isnan(comparison.frames["never"].f1.a)
    assert not comparison.frames["never"].f1.excludes_zero
    line = next(line for line in comparison.table().splitlines() if line.startswith("never"))
    assert line.count("–") == 4


def test_everything_is_plain_json():
    document = json.loads(json.dumps(compare(drawn(1), drawn(2), MODELS, ["a remark"]).as_json(), allow_nan=False))
    assert document["models"] == {"a": "one@1", "b": "two@2"}
    assert (document["n"], document["resamples"], document["remarks"]) == (200, 1000, ["a remark"])
    assert set(document["figures"]) == set(FIGURES)
    assert set(document["figures"]["macro_f1"]) == {"a", "b", "difference", "interval", "excludes_zero"}
    assert document["frames"]["never"]["f1"]["a"] is None


def test_an_interval_that_touches_zero_does_not_exclude_it():
    assert not Difference(0.5, 0.6, (0.0, 0.2)).excludes_zero
    assert Difference(0.5, 0.6, (0.01, 0.2)).excludes_zero
    assert Difference(0.6, 0.5, (-0.2, -0.01)).excludes_zero
    assert not Difference(0.5, 0.6).excludes_zero


def test_stored_figures_stand_side_by_side_without_intervals():
    stored = [evaluate(drawn(seed), model=name).as_json() for seed, name in zip((1, 2), MODELS, strict=True)]
    comparison = compare_kept(*stored, ["only if trained on the same labels"])
    assert comparison.figures["macro_f1"].a == stored[0]["macro_f1"]
    assert comparison.figures["voice_macro_f1"].b == stored[1]["voice"]["macro_f1"]
    assert set(comparison.frames) == {"a", "b", "c"}
    assert "interval" not in comparison.table().replace(comparison.conclusion(), "")
    assert "only if trained on the same labels" in comparison.table()


def test_rows_without_a_voice_or_a_frame_do_not_break_a_comparison():
    nothing = drawn(1, 20)
    nothing = replace(nothing, values=np.zeros_like(nothing.values), gold_voices=np.full_like(nothing.voices, -1))
    comparison = compare(nothing, nothing, MODELS)
    assert np.isnan(comparison.figures["macro_f1"].a)
    assert np.isnan(comparison.figures["voice_macro_f1"].b)
    assert "do not differ" in comparison.conclusion()
