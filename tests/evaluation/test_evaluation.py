import json
import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from narratives.evaluation import bootstrap
from narratives.evaluation.bootstrap import resamples
from narratives.evaluation.evaluation import EvaluationSet, evaluate
from narratives.evaluation.metrics import macro_f1

GOLD = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.int8)
SAID = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]], dtype=bool)


def outcome(**changes) -> EvaluationSet:
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
    return EvaluationSet(**(parts | changes))


def test_the_whole_evaluation_holds_what_the_contract_names():
    figures = evaluate(outcome(), model="m@1", codebook="7")
    document = json.loads(json.dumps(figures.as_json()))
    assert set(document) >= {
        "n", "macro_f1", "micro_f1", "samples_f1", "mean_average_precision", "macro_f1_interval", "frames", "voice",
        "languages", "false_alarm_rate", "calibration_error", "band", "unsupported", "model", "codebook",
    }  # fmt: skip
    assert set(document["frames"]) == {"a", "b"}
    assert document["unsupported"] == {"c": 0}
    assert document["frames"]["b"] | {"threshold": 0} == {
        "support": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5, "average_precision": 0.45,
        "threshold": 0, "calibration_error": document["frames"]["b"]["calibration_error"],
        "f1_interval": document["frames"]["b"]["f1_interval"],
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


def test_each_voice_has_its_recalls_and_its_row_of_the_confusion():
    gold = np.where(GOLD == 1, 0, -1).astype(np.int8)
    gold[1, 1] = 2
    voices = evaluate(outcome(gold_voices=gold)).as_json()["voices"]
    assert voices["promotes"] == {
        "n": 3, "frame_recall": 1.0, "voice_recall": 1.0, "said": {"promotes": 3, "reports": 0, "rebuts": 0},
    }  # fmt: skip
    assert (voices["rebuts"]["n"], voices["rebuts"]["frame_recall"], voices["rebuts"]["voice_recall"]) == (1, 0.0, 1.0)
    assert voices["reports"]["frame_recall"] is None


def test_registers_are_measured_where_the_table_names_them():
    assert evaluate(outcome()).registers == {}
    found = evaluate(outcome(registers=("tweet", "tweet", "op-ed", "op-ed", ""))).registers
    assert set(found) == {"tweet", "op-ed", "not named"}
    assert (found["tweet"].n, found["tweet"].micro_f1) == (2, pytest.approx(0.8))
    assert math.isnan(found["tweet"].false_alarm_rate)
    assert (found["op-ed"].false_alarm_rate, found["not named"].false_alarm_rate) == (1.0, 0.0)


def test_each_source_has_its_share_of_rows_that_are_wrongly_said_to_promote():
    assert evaluate(outcome()).sources == {}
    stated = np.where(SAID, 0, -1).astype(np.int8)
    sources = ("office", "channel", "office", "channel", "office")
    found = evaluate(outcome(sources=sources, stated=stated)).sources
    # In row 2 of the office the frame is not there; in row 3 of the channel the claim is reported.
    assert found["office"].wrong_promotes == pytest.approx(1 / 3)
    reported = np.where(GOLD == 1, 0, -1).astype(np.int8)
    reported[3, 1] = 1
    found = evaluate(outcome(sources=sources, stated=stated, gold_voices=reported)).sources
    assert found["channel"].wrong_promotes == 0.5
    left = evaluate(outcome(sources=sources, stated=stated, human=np.ones_like(SAID))).sources
    unsettled = evaluate(outcome(sources=sources, stated=np.where(SAID, 3, -1).astype(np.int8))).sources
    assert left["office"].wrong_promotes == unsettled["office"].wrong_promotes == 0.0
    assert math.isnan(evaluate(outcome(sources=sources)).sources["office"].wrong_promotes)


def test_a_confusion_is_a_frame_missed_where_another_is_wrongly_found():
    said = SAID.copy()
    said[1] = [False, False, True]
    said[0] = [False, True, True]
    found = [(pair.gold, pair.predicted, pair.count) for pair in evaluate(outcome(predicted=said)).confusion]
    assert found == [("a", "c", 2), ("a", "b", 1), ("b", "c", 1)]
    unsettled = GOLD.copy()
    unsettled[:, 2] = -1
    assert "c" not in {pair.predicted for pair in evaluate(outcome(predicted=said, values=unsettled)).confusion}


def test_rows_and_frames_can_be_taken_with_all_that_belongs_to_them():
    whole = outcome(registers=("tweet", "tweet", "op-ed", "op-ed", "blog"), thresholds=np.array([0.1, 0.2, 0.3]))
    part = whole.take(np.array([4, 1])).of_frames(["c", "a"])
    assert (part.registers, part.languages, part.frames) == (("blog", "tweet"), ("uk", "en"), ("c", "a"))
    assert part.values.tolist() == [[0, 0], [0, 1]]
    assert part.thresholds.tolist() == [0.3, 0.1]


def test_resamples_draw_each_row_as_often_as_there_are_rows(monkeypatch):
    at_once = np.concatenate(list(resamples(7, 3)))
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 50)
    assert np.array_equal(np.concatenate(list(resamples(7, 3))), at_once)
    assert at_once.shape == (1000, 7)
    assert set(at_once.sum(axis=1)) == {7}


@pytest.mark.slow
def test_the_interval_is_that_of_measuring_every_resample():
    scores, of_b = [], []
    for drawn in np.concatenate(list(resamples(len(GOLD), 0))):
        rows = np.repeat(np.arange(len(GOLD)), drawn.astype(int))
        scores.append(macro_f1(GOLD[rows], SAID[rows]))
        of_b.append(f1_score(GOLD[rows, 1], SAID[rows, 1]) if GOLD[rows, 1].any() else np.nan)
    figures = evaluate(outcome())
    assert figures.macro_f1_interval == pytest.approx(np.nanpercentile(scores, [2.5, 97.5]))
    assert figures.frames["b"].f1_interval == pytest.approx(np.nanpercentile(of_b, [2.5, 97.5]))


def words_by_line(table):
    return [line.split() for line in table.splitlines()]


def test_the_table_shows_voices_registers_and_confusions():
    said = SAID.copy()
    said[0] = [False, True, False]
    lines = words_by_line(evaluate(outcome(predicted=said, registers=("tweet",) * 5)).table())
    assert ["gold", "voice", "pairs", "frame", "found", "voice", "right"] in [line[:7] for line in lines]
    assert ["tweet", "5"] in [line[:2] for line in lines]
    assert ["a", "1", "b"] in lines


def test_the_table_names_frames_without_a_gold_row():
    assert "c 0 no gold row; predicted 0 times".split() in words_by_line(evaluate(outcome()).table())


@pytest.mark.parametrize("frames", [3, 0])
def test_an_empty_label_set_has_figures_that_are_undefined(frames):
    nothing = outcome().take(np.arange(0)).of_frames("abc"[:frames])
    document = json.loads(json.dumps(evaluate(nothing).as_json(), allow_nan=False))
    assert (document["n"], document["frames"], document["languages"]) == (0, {}, {})
    assert document["macro_f1"] is document["mean_average_precision"] is document["calibration_error"] is None
    assert document["macro_f1_interval"] == [None, None]
