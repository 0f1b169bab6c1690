import json
import time
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from conftest import CODEBOOK, paragraph, reading
from narratives.cli.main import commands
from narratives.codebook.frames import retire
from narratives.evaluation.agreement import measure, measure_agreement, measure_months, measure_pairs
from narratives.evaluation.coefficients import cohen_kappa, gwet_ac1, krippendorff_alpha, percent_agreement, tally
from narratives.evaluation.readings import Readings, read_twice
from narratives.labels.files import write_labels
from narratives.labels.gold import UNKNOWN
from narratives.labels.label_set import LabelSet

TEXT, OTHER, THIRD = "The dam breaks, they say.", "The choir sings on Sunday.", "Дамба тримається."
# Ten units, two raters: 1 both yes, 8 both no, 1 yes and no.
TEN = np.array([[1, 1], [1, 0], *[[0, 0]] * 8], dtype=np.int8)


def readings(values, voices=None, languages=None):
    """Readings with these values, n × readers × k; voices are unknown unless given."""
    values = np.asarray(values, dtype=np.int8)
    voices = np.full_like(values, UNKNOWN) if voices is None else np.asarray(voices, dtype=np.int8)
    names = tuple(f"f{k}" for k in range(values.shape[2]))
    return Readings(names, tuple(languages or ["en"] * len(values)), values, voices, values.shape[1])


def random_readings(n, frames, seed=0, flipped=0.05):
    """A first reader says yes to a fifth of the cells; a second differs in the share ``flipped``."""
    rng = np.random.default_rng(seed)
    first = rng.random((n, frames)) < 0.2
    second = first ^ (rng.random((n, frames)) < flipped)
    return readings(np.stack([first, second], axis=1), languages=["en", "uk"] * (n // 2))


def label_set(*labels):
    return LabelSet((paragraph(TEXT), paragraph(OTHER), paragraph(THIRD, language="uk")), labels)


TWICE = (
    reading(TEXT, "flood", "promotes"),
    reading(TEXT, "flood", "reports", annotator="ivan"),
    reading(OTHER, "", ""),
    reading(OTHER, "mayor", "promotes", annotator="ivan"),
    reading(THIRD, "flood", "rebuts"),
    reading(THIRD, "flood", "rebuts", annotator="ivan"),
)


def test_alpha_is_that_of_krippendorff_s_example_with_missing_data():
    rows = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    ratings = np.array([[UNKNOWN if cell == "." else int(cell) - 1 for cell in row] for row in rows], dtype=np.int8).T
    assert krippendorff_alpha(tally(ratings, 5)) == pytest.approx(0.743, abs=0.0005)


def test_two_raters_by_hand():
    counts = tally(TEN, 2)
    chance = 2 * 0.15 * 0.85  # 3 of the 20 ratings are yes
    assert percent_agreement(counts) == pytest.approx(0.9)
    assert gwet_ac1(counts) == pytest.approx((0.9 - chance) / (1 - chance))
    assert cohen_kappa(TEN, 2) == pytest.approx((0.9 - 0.74) / (1 - 0.74))  # 0.2 × 0.1 + 0.8 × 0.9
    # 2 ratings in differing pairs; 3 × 17 × 2 ordered pairs of a yes and a no among 20 ratings
    assert krippendorff_alpha(counts) == pytest.approx(1 - (2 / 20) / (2 * 3 * 17 / (20 * 19)))


def test_ac1_takes_shares_also_from_units_with_one_rating():
    ratings = np.array([[1, 1, 1], [0, 0, 1], [0, UNKNOWN, UNKNOWN]], dtype=np.int8)
    agreed = (1 + 1 / 3) / 2
    yes = (1 + 1 / 3 + 0) / 3
    chance = 2 * yes * (1 - yes)
    assert gwet_ac1(tally(ratings, 2)) == pytest.approx((agreed - chance) / (1 - chance))
    assert np.isnan(cohen_kappa(ratings, 2))


def test_perfect_agreement_is_one():
    values = np.tile([[[1, 0]], [[0, 1]], [[0, 0]]], (1, 3, 1))
    agreement = measure(readings(values))
    for figures in agreement.frames.values():
        assert figures.alpha == figures.ac1 == figures.percent == pytest.approx(1)
        assert np.isnan(figures.cohen_kappa)  # three readers
    assert agreement.means["all"].alpha == pytest.approx(1)
    assert agreement.low == agreement.low_cells == {}


@pytest.mark.slow
def test_a_rater_who_guesses_is_near_zero_and_named():
    rng = np.random.default_rng(3)
    agreement = measure(readings(rng.integers(0, 2, (4000, 2, 1))))
    figures = agreement.frames["f0"]
    assert [figures.alpha, figures.ac1, figures.cohen_kappa] == pytest.approx([0, 0, 0], abs=0.05)
    assert list(agreement.low) == ["f0"]
    assert list(agreement.low_cells) == ["f0 in en"]
    assert "f0 (" in agreement.table().split("\n\n")[-2]


def test_a_frame_in_a_language_with_few_yes_is_not_called_low():
    agreement = measure(readings([[[1], [0]]] * 19 + [[[0], [0]]] * 50))
    assert agreement.cells["en"]["f0"].some_yes == 19
    assert (list(agreement.low), agreement.low_cells) == (["f0"], {})
    assert measure(readings([[[1], [0]]] * 20 + [[[0], [0]]] * 50)).low_cells


@pytest.mark.slow
def test_intervals_hold_the_estimate_and_follow_the_seed():
    made = random_readings(400, 3)
    agreement = measure(made, seed=1)
    for figures in (*agreement.frames.values(), *agreement.cells["uk"].values(), *agreement.means.values()):
        assert figures.alpha_interval[0] < figures.alpha < figures.alpha_interval[1]
        assert figures.ac1_interval[0] < figures.ac1 < figures.ac1_interval[1]
    assert measure(made, seed=1).as_json() == agreement.as_json()
    assert measure(made, seed=2).as_json() != agreement.as_json()


def test_the_bootstrap_is_the_plain_one():
    made = random_readings(60, 1)
    picks = np.random.default_rng(5).integers(0, 60, (1000, 60))
    alphas = [krippendorff_alpha(tally(made.values[pick, :, 0], 2)) for pick in picks]
    assert measure(made, seed=5).frames["f0"].alpha_interval == pytest.approx(np.percentile(alphas, [2.5, 97.5]))


@pytest.mark.slow
def test_six_thousand_paragraphs_take_seconds():
    made = random_readings(6000, 20)
    start = time.perf_counter()
    measure(made)
    assert time.perf_counter() - start < 10  # under 2 s where nothing else runs


def test_means_leave_out_frames_that_nobody_saw():
    agreement = measure(readings([[[1, 0], [1, 0]], [[0, 0], [1, 0]], [[0, 0], [0, 0]]]))
    mean = agreement.means["en"]
    assert np.isnan(agreement.frames["f1"].alpha)
    assert agreement.frames["f1"].ac1 == 1
    assert (mean.frames, mean.alpha, mean.ac1) == (1, agreement.frames["f0"].alpha, agreement.frames["f0"].ac1)


def test_readings_are_counted_by_frame_language_and_voice(codebook):
    agreement = measure_agreement(label_set(*TWICE), codebook)
    assert (agreement.paragraphs, agreement.annotators) == (3, 2)
    counts = {name: (row.units, row.both_yes, row.differing) for name, row in agreement.frames.items()}
    assert counts == {"flood": (3, 2, 0), "mayor": (3, 0, 1), "bridge": (3, 0, 0)}
    assert list(agreement.means) == ["all", "en", "uk"]
    assert agreement.cells["uk"]["flood"].units == 1
    assert (agreement.voice.units, agreement.voice.both_yes, agreement.voice.differing) == (2, 2, 1)
    assert agreement.voice.percent == pytest.approx(0.5)
    # promotes-reports and rebuts-rebuts: expected 2 × (1×1 + 1×2 + 1×2) / (4 × 3), observed 2 / 4
    assert agreement.voice.alpha == pytest.approx(1 - 0.5 / (10 / 12))
    assert agreement.voice.cohen_kappa == pytest.approx((0.5 - 0.25) / (1 - 0.25))


def test_only_wholly_read_twice_counts_and_decisions_do_not(codebook):
    single = replace(reading(OTHER, "flood", "promotes", annotator="ivan"), kind="single")
    decided = reading(TEXT, "", "", annotator="lead", kind="decision")
    once = label_set(reading(TEXT, "flood", "promotes"), decided, reading(OTHER, "", ""), single)
    assert measure_agreement(once, codebook).paragraphs == 0


def test_a_single_label_speaks_of_its_frame_and_unsure_is_missing(codebook):
    single = replace(reading(TEXT, "flood", "promotes", annotator="anna"), kind="single")
    unsure = reading(OTHER, "bridge", "", annotator="olha", value="unsure", labelled_at="2026-02-01T10:00:00Z")
    twice = read_twice(label_set(*TWICE, single, unsure), codebook)
    assert twice.values[0].T.tolist() == [[1, 1, 1], [0, 0, UNKNOWN], [0, 0, UNKNOWN]]
    assert twice.values[1].T.tolist() == [[0, 0, UNKNOWN], [1, 0, UNKNOWN], [0, UNKNOWN, UNKNOWN]]
    assert measure(twice).frames["bridge"].units == 2


def test_an_annotator_s_last_word_counts(codebook):
    later = reading(OTHER, "", "", annotator="ivan", labelled_at="2026-02-01T10:00:00Z")
    assert measure_agreement(label_set(*TWICE, later), codebook).frames["mayor"].differing == 0


def test_one_annotator_is_no_agreement(label_set, codebook):
    agreement = measure_agreement(label_set, codebook)
    assert agreement.paragraphs == agreement.voice.units == agreement.frames["flood"].units == 0
    assert np.isnan(agreement.frames["flood"].alpha)
    assert agreement.table().startswith("No paragraph has been read in full by two annotators")
    assert json.loads(json.dumps(agreement.as_json()))["frames"]["flood"]["alpha"] is None


def test_the_command_prints_and_writes_the_figures(codebook, tmp_path, monkeypatch):
    (tmp_path / "codebook.toml").write_text(CODEBOOK, encoding="utf-8")
    write_labels(tmp_path, label_set(*TWICE))
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path))
    done = CliRunner().invoke(commands, ["labels", "agreement", "--json", str(tmp_path / "scores.json")])
    assert done.exit_code == 0, done.output
    output = " ".join(done.output.split())
    assert "| flood | 3 | 2 | 0 | 1.000 [1.000, 1.000] |" in output
    assert "| uk | 1 |" in output
    assert "| voice | 2 | 1 |" in output
    assert "Frames with an alpha below 0.8: mayor (0.000)." in done.output
    assert json.loads((tmp_path / "scores.json").read_text())["frames"]["mayor"]["differing"] == 1


def test_pairs_of_annotators_agree_by_cohens_kappa_over_all_frames(codebook):
    texts = [f"Text {number}." for number in range(4)]
    said = {"a": ["flood", "flood", "", ""], "b": ["flood", "", "", "mayor"], "c": ["flood", "flood"]}
    labels = tuple(
        reading(text, frame, "reports" if frame else "", annotator=name)
        for name, frames in said.items()
        for text, frame in zip(texts, frames, strict=False)
    )
    pairs = measure_pairs(LabelSet(tuple(map(paragraph, texts)), labels), codebook)
    assert [(pair.first, pair.second, pair.paragraphs) for pair in pairs] == [
        ("a", "b", 4),
        ("a", "c", 2),
        ("b", "c", 2),
    ]
    # a and b: of twelve cells one yes and nine no in common, one yes of a alone, one of b alone.
    observed, expected = 10 / 12, (2 / 12) * (2 / 12) + (10 / 12) * (10 / 12)
    assert pairs[0].percent == pytest.approx(observed)
    assert pairs[0].cohen_kappa == pytest.approx((observed - expected) / (1 - expected))
    assert (pairs[1].cohen_kappa, pairs[1].percent) == (1.0, 1.0)


def test_a_later_single_label_changes_its_frame_only_in_a_pair_too(codebook):
    single = replace(
        reading(TEXT, "mayor", "reports", annotator="ivan", labelled_at="2026-02-01T10:00:00Z"), kind="single"
    )
    said = reading(TEXT, "flood", "promotes"), reading(TEXT, "flood", "promotes", annotator="ivan"), single
    (pair,) = measure_pairs(label_set(*said), codebook)
    assert pair.percent == pytest.approx(2 / 3)  # flood and bridge alike, mayor not


def test_agreement_is_measured_month_by_month(codebook):
    texts = ["One.", "Two."]
    labels = [
        reading(text, "flood", "reports", annotator=name, labelled_at=f"2026-0{month}-05T10:00:00Z")
        for month, text in ((1, texts[0]), (3, texts[1]))
        for name in ("a", "b")
    ]
    months = measure_months(LabelSet(tuple(map(paragraph, texts)), tuple(labels)), codebook)
    assert {name: mean.paragraphs for name, mean in months.items()} == {"2026-01": 1, "2026-03": 1}


def test_annotators_agree_who_saw_a_merged_frame_and_its_successor(codebook):
    merged = retire(codebook, "mayor", "flood", "2026-05-01")
    said = reading(TEXT, "mayor", "promotes"), reading(TEXT, "flood", "promotes", annotator="ivan")
    assert measure_agreement(label_set(*said), codebook).frames["flood"].differing == 1
    assert measure_agreement(label_set(*said), merged).frames["flood"].both_yes == 1
    (pair,) = measure_pairs(label_set(*said), merged)
    assert pair.percent == 1.0


def test_a_word_on_a_retired_frame_alone_is_no_turn(codebook):
    retired = retire(codebook, "mayor", "", "2026-05-01")
    single = replace(reading(TEXT, "mayor", "promotes", annotator="petro"), kind="single")
    assert read_twice(label_set(*TWICE, single), retired).annotators == 2
