import json
import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from narratives.evaluation import Outcome, evaluate, false_alarm_rate, macro_f1, micro_f1, samples_f1

GOLD = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.int8)
SAID = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]], dtype=bool)


def outcome(**changes) -> Outcome:
    voices = np.where(GOLD == 1, 0, -1).astype(np.int8)
    said = voices.copy()
    said[1, 1] = 2
    parts = {
        "frames": ("a", "b", "c"),
        "values": GOLD,
        "probabilities": np.where(SAID, 0.9, 0.1),
        "predicted": SAID,
        "human": np.zeros_like(SAID),
        "gold_voices": voices,
        "voices": said,
        "languages": ("en", "en", "en", "uk", "uk"),
    }
    return Outcome(**(parts | changes))


def test_f1s_equal_those_of_scikit_learn():
    assert macro_f1(GOLD, SAID) == pytest.approx(f1_score(GOLD[:, :2], SAID[:, :2], average="macro"))
    assert micro_f1(GOLD, SAID) == pytest.approx(f1_score(GOLD, SAID, average="micro"))


def test_samples_f1_gives_a_row_without_frame_the_class_other():
    assert samples_f1(GOLD, SAID) == pytest.approx((1 + 2 / 3 + 0 + 1 + 1) / 5)


def test_a_false_alarm_is_a_frame_on_a_row_without_any():
    assert false_alarm_rate(GOLD, SAID) == 0.5
    assert math.isnan(false_alarm_rate(GOLD[:2], SAID[:2]))


def test_unsettled_cells_count_for_nothing():
    unsettled = GOLD.copy()
    unsettled[2, 1] = -1
    assert micro_f1(unsettled, SAID) > micro_f1(GOLD, SAID)


def test_the_whole_evaluation_holds_what_the_contract_names():
    figures = evaluate(outcome(), model="m@1", codebook="7")
    document = json.loads(json.dumps(figures.as_json()))
    assert set(document) == {
        "n", "macro_f1", "micro_f1", "samples_f1", "mean_average_precision", "macro_f1_interval", "frames", "voice",
        "languages", "false_alarm_rate", "calibration_error", "band", "unsupported", "model", "codebook",
    }  # fmt: skip
    assert set(document["frames"]) == {"a", "b"}
    assert document["unsupported"] == {"c": 0}
    assert document["frames"]["b"] | {"threshold": 0} == {
        "support": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5, "average_precision": 0.45,
        "threshold": 0, "calibration_error": document["frames"]["b"]["calibration_error"],
    }  # fmt: skip
    assert document["voice"] == {"n": 4, "accuracy": 0.75, "macro_f1": document["voice"]["macro_f1"]}
    assert document["languages"]["uk"]["n"] == 2
    low, high = figures.macro_f1_interval
    assert low <= figures.macro_f1 <= high


def test_the_band_keeps_the_recall_of_what_is_decided_yes():
    human = np.zeros_like(SAID)
    human[1, 0] = human[2, 1] = True
    band = evaluate(outcome(human=human)).band
    assert (band.precision_of_yes, band.recall_kept) == (1.0, pytest.approx(2 / 3))


def test_the_table_names_frames_without_a_gold_row():
    assert "c      " in evaluate(outcome()).table()
    assert "no gold row; predicted 0 times" in evaluate(outcome()).table()
