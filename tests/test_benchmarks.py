"""The benchmarks run on a few labels, without the real tables, MiniLM or a network."""

import csv
import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import adapt
import choices
import cold
import exact
import field
import public
import quality
import queue_gain
import speed
import speed_peers
import steps
import training
from narratives.labels.simple_table import read_simple_table
from narratives.model import persistence
from narratives.tables.table import read_all
from narratives.training.fitting import fit
from narratives.training.folds import fold_numbers
from narratives.training.train import settings_for

pytestmark = pytest.mark.slow


def letters(texts):
    """Embed each text as the share of each letter in it; stands in for MiniLM."""
    counts = [Counter(text.lower()) for text in texts]
    return np.array([[count[letter] / count.total() for letter in "abcdefghijklmnopqrstuvwxyz"] for count in counts])


@pytest.fixture(scope="module")
def folds(truth):
    return fold_numbers(truth.texts, truth.groups, truth.values, 0)


@pytest.fixture(scope="module")
def measured(truth):
    return steps.measure_steps(truth, {"tiny.csv": truth}, letters)


def write_table(path, truth, columns):
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "frames", *columns])
        for text, values, row in zip(truth.texts, truth.values, zip(*columns.values(), strict=True), strict=True):
            frames = [frame for frame, value in zip(truth.frames, values, strict=True) if value == 1]
            writer.writerow([text, ";".join(frames) or "other", *row])
    return path


def test_every_step_has_every_figure_and_learns_something(measured):
    (table,) = measured
    assert (table["table"], len(table["rows"])) == ("tiny.csv", 12)
    for row in table["rows"]:
        assert set(row) == {"step", *steps.HEADS}
        assert row["mean_average_precision"] > 0.5, row
        assert row["macro_f1_best"] >= row["macro_f1"], row


def test_without_minilm_its_steps_are_left_out(truth):
    (table,) = steps.measure_steps(truth, {"tiny.csv": truth}, None)
    assert len(table["rows"]) == 7
    assert "product_ahead_of" not in table


def test_the_product_as_a_step_is_the_product(truth, folds, classifier):
    learned = steps.product(truth, folds)
    sigmoids, thresholds = steps.stream_rule(learned.held_out, truth.values)
    np.testing.assert_allclose(
        learned.score(truth.texts),
        classifier.frame_model.scores(classifier.features.transform(truth.texts)),
        atol=0.1,  # the classifier's weights are rounded to bytes
    )
    np.testing.assert_allclose(sigmoids, classifier.sigmoids)
    np.testing.assert_allclose(thresholds, classifier.thresholds)


def test_held_out_scores_have_not_seen_their_fold(truth, folds):
    values = np.where((folds == 0)[:, None], 1 - truth.values, truth.values)
    changed = replace(truth, values=values)
    before, after = (steps.words(gold, folds).held_out for gold in (truth, changed))
    np.testing.assert_array_equal(before[folds == 0], after[folds == 0])
    assert (before[folds == 1] != after[folds == 1]).any()


def test_the_lead_over_minilm_is_the_difference_of_the_rows(measured, capsys):
    (table,) = measured
    rows, leads = {row["step"]: row for row in table["rows"]}, table["product_ahead_of"]
    assert [step for step in rows if step.startswith(steps.MINILM)] == list(leads)
    for step, lead in leads.items():
        for key in ("mean_average_precision", "macro_f1"):
            gap = rows[steps.PRODUCT][key] - rows[step][key]
            assert lead[key]["difference"] == pytest.approx(gap, abs=2e-4)
            low, high = lead[key]["interval"]
            assert low <= lead[key]["difference"] <= high
    steps.show_steps(measured)
    assert "product ahead of MiniLM + LR, English labels by" in capsys.readouterr().out


def test_a_text_is_embedded_only_once(tmp_path):
    encoded = []

    def encode(texts):
        encoded.extend(texts)
        return letters(texts)

    path = tmp_path / "cache" / "letters.npz"
    first = steps.cached(["one", "two", "one"], encode, path)
    again = steps.cached(["three", "two", "one"], encode, path)
    assert encoded == ["one", "two", "three"]
    np.testing.assert_allclose(first, letters(["one", "two", "one"]), atol=1e-6)
    np.testing.assert_array_equal(again[2], first[0])


def test_without_minilm_there_is_no_function_that_embeds(tmp_path, monkeypatch):
    monkeypatch.setattr(steps.importlib.util, "find_spec", lambda name: None)
    assert steps.minilm(tmp_path) is None


def test_public_tasks_are_measured_coarse_and_fine_by_language(truth, tmp_path, capsys):
    languages = ["en" if row % 3 else "ru" for row in range(len(truth))]
    fine = ["; ".join(f"{frame}-{row % 2}" for frame in truth.frames[:1]) for row in range(len(truth))]
    write_table(tmp_path / public.SEMEVAL, truth, {"subframes": fine, "language": languages})
    rows = public.measure_public(tmp_path)
    assert [(row["task"], row["part"]) for row in rows] == [
        (task, part) for task in (public.COARSE, public.FINE) for part in ("all", "en", "ru")
    ]
    assert [row["frames"] for row in rows] == [3, 3, 3, 2, 2, 2]
    assert rows[0]["n"] == rows[1]["n"] + rows[2]["n"] == len(truth)
    public.show_public(rows)
    printed = capsys.readouterr().out
    assert f"{public.UNLP} is missing" in printed
    assert "XLM-R .491" in printed


def test_figures_of_public_tasks_are_those_of_training(truth, tmp_path):
    path = write_table(tmp_path / public.UNLP, truth, {"language": truth.languages})
    (row, *_) = public.measure_public(tmp_path)
    figures = fit(read_simple_table(path), settings=settings_for(path))[1].as_json()
    assert {key: row[key] for key in public.FIGURES} == {key: figures[key] for key in public.FIGURES}


def test_retraining_is_simulated_on_a_stream_that_the_model_has_not_seen(truth, classifier, monkeypatch):
    monkeypatch.setattr(adapt, "SIZES", (20, 10_000))
    prior = adapt.Prior(classifier, np.zeros((0, 2), np.uint64), {})
    stream = replace(truth, how=("random",) * len(truth))
    (row,) = adapt.simulate(prior, stream, "town")
    assert (row["stream"], row["labels"], row["measured on"]) == ("town", 20, int(adapt.MEASURED * len(truth)))
    assert min(row["shipped"], row["kept"], row["chosen"]) > 0.5


def test_counts_of_terms_are_in_the_order_of_the_vocabulary(truth, classifier, tmp_path):
    field.write_counts(classifier.features, truth, tmp_path / "counts.npz")
    with np.load(tmp_path / "counts.npz") as stored:
        own, borrowed, documents = stored["counts"].T
    assert own[classifier.features.word_terms.index("dam")] == sum("dam" in text.lower() for text in truth.texts)
    assert not borrowed.any()
    assert not documents.any()


def test_measuring_the_product_only_keeps_the_figures_of_the_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(quality, "HERE", tmp_path / "benchmarks")
    (tmp_path / "benchmarks").mkdir()
    quality.keep({"model": "one", "steps": {"model": "one"}})
    quality.keep({"model": "two"})
    results = json.loads((tmp_path / "benchmarks" / "results" / "quality.json").read_text(encoding="utf-8"))
    assert results == {"model": "two", "steps": {"model": "one"}}


def test_the_rows_of_the_product_have_figures_of_its_band(truth, classifier, tmp_path, capsys):
    path = write_table(tmp_path / "tiny.csv", truth, {"language": truth.languages})
    rows = quality.table_rows(classifier, path)
    assert [row["part"] for row in rows] == ["English"]
    assert rows[0]["band"]["precision_of_yes"] > 0.5
    quality.show(rows, [])
    assert "kept" in capsys.readouterr().out


def test_every_choice_is_measured_beside_the_product(truth):
    (table,) = choices.measure_choices(truth, {"tiny.csv": truth}, None)
    figures = {row["step"]: row for row in table["rows"]}
    assert len(figures) == len(table["rows"]) > 12
    product, strict = figures[steps.PRODUCT], figures["aim precision=0.9"]
    assert product["macro_f1"] > 0.9
    assert strict["mean_average_precision"] == product["mean_average_precision"]
    assert (
        len({row["mean_average_precision"] for row in table["rows"]} | {row["micro_f1"] for row in table["rows"]}) > 1
    )


def test_calibrations_are_measured_by_error_and_brier_score(truth, capsys):
    rows = choices.measure_calibration(truth, {"tiny.csv": truth})
    choices.show_calibration(rows)
    errors = {row["calibration"]: row["tables"]["tiny.csv"] for row in rows}
    assert 0 <= errors["isotonic a frame"]["brier"] <= errors["none: the sigmoid of the score"]["brier"] < 0.1
    printed = capsys.readouterr().out
    assert all(name in printed for name in errors)


def test_documents_are_read_whole_and_by_paragraph(truth, tmp_path, capsys):
    documents = tuple(f"{text}\n\n{truth.texts[-1]}" for text in truth.texts)
    path = write_table(tmp_path / public.SEMEVAL, replace(truth, texts=documents), {"language": truth.languages})
    precision = public.measure_documents(path)
    public.show_documents(precision)
    assert set(precision) == {"whole", *public.COMBINED}
    assert min(precision.values()) > 0.8
    assert f"whole {precision['whole']:.3f}" in capsys.readouterr().out


def test_a_new_frame_is_ranked_from_its_definition_and_better_with_all_labels(truth):
    rows = cold.measure(truth, truth, seed=0)
    figures = {row["known"]: row["mean_average_precision"] for row in rows}
    assert next(iter(figures)) == "definition and cues alone"
    assert list(figures)[-1] == "all labels"
    assert 0.5 < figures["definition and cues alone"] < figures["all labels"]


def test_labelling_is_simulated_by_the_queue_and_at_random(truth):
    result = queue_gain.simulate(truth, settings_for(Path(__file__).parent), 1, (20, 40))
    assert set(result["orders"]) == {"random", "queue"}
    for curves in result["orders"].values():
        assert set(curves) == set(queue_gain.FIGURES)
        assert all(0 < figure["curve"][-1] <= 1 for figure in curves.values())
        assert curves["macro_f1_at_best"]["curve"][-1] >= curves["macro_f1"]["curve"][-1]


def test_the_number_of_labels_needed_is_interpolated_between_two_steps():
    assert queue_gain.labels_to_reach(0.5, (100, 200, 400), np.array([0.2, 0.4, 0.6])) == 300
    assert queue_gain.labels_to_reach(0.1, (100, 200), np.array([0.2, 0.4])) == 100
    assert queue_gain.labels_to_reach(0.9, (100, 200), np.array([0.2, 0.4])) is None


def test_a_training_is_timed_and_gives_the_same_hash_twice(truth):
    seconds, content = training.train(truth)
    assert seconds > 0
    assert content == training.train(truth)[1]


@pytest.fixture(scope="module")
def saved(classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("speed") / "tiny"
    persistence.save(classifier, folder, {}, "card")
    table = folder.parent / "posts.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = [(str(number), f"Wake up {number}: the dam breaks,\nthe mayor lies!") for number in range(40)]
        csv.writer(file).writerows([("id", "text"), *rows])
    return folder, table


def test_speed_repeats_and_shuffles_a_table_and_the_plain_script_scores_it(saved, tmp_path):
    folder, table = saved
    source = speed.made_table(table, tmp_path / "100.csv", 100)
    rows = read_all(source)
    assert len(rows["text"]) == 100
    assert Counter(rows["id"]).most_common(1)[0][1] == 3
    assert speed_peers.plain(str(source), str(folder), str(tmp_path / "plain.csv")) > 0
    scored = read_all(tmp_path / "plain.csv")
    assert scored["text"] == rows["text"]
    assert "frames" in scored


def test_speed_measures_time_and_memory_of_a_separate_process():
    seconds, memory = speed.run([sys.executable, "-c", "import time; x = bytearray(50_000_000); time.sleep(0.2)"])
    assert seconds >= 0.2
    assert 50 <= memory < 200
    assert speed.run([sys.executable, "-c", "print(7.5)"])[0] == 7.5
    with pytest.raises(SystemExit, match="no such input"):
        speed.run([sys.executable, "-c", "raise SystemExit('no such input')"])


def test_exact_compares_kernel_and_classifier(saved, capsys, monkeypatch):
    folder, table = saved
    monkeypatch.setattr(sys, "argv", ["exact.py", str(table), "--model", str(folder)])
    exact.main()
    assert capsys.readouterr().out.startswith("40 rows, ")
