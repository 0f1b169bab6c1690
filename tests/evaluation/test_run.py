from dataclasses import replace

import numpy as np
import pytest

from narratives.errors import UserError
from narratives.evaluation.run import compare_on, evaluate_on, kept_figures, predict_gold
from narratives.labels.simple_table import read_simple_table
from narratives.labels.source import table_source
from narratives.model import persistence
from narratives.tables.reading import Reading

ROWS = [
    ("Wake up: the dam breaks before Friday!", "flood", "promotes", "en"),
    ("It is false that the mayor stole the budget.", "mayor", "rebuts", "en"),
    ("The choir sings in the hall.", "", "", "en"),
    ("Хор співає в залі щонеділі.", "", "", "uk"),
]


@pytest.fixture
def write(tmp_path):
    def table(rows, name="t.csv"):
        lines = ["text,frames,voices,language", *(",".join(f'"{cell}"' for cell in row) for row in rows)]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return tmp_path / name

    return table


@pytest.fixture(scope="module")
def model(classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    persistence.save(classifier, folder, {"labels": {}, "codebook": {}, "figures": {"n": 7, "frames": {}}}, "the card")
    return folder


def test_the_figures_are_those_of_the_table(model, write):
    evaluation = evaluate_on(model, write(ROWS), [])
    assert (evaluation.n, evaluation.frames["flood"].support, evaluation.frames["mayor"].support) == (4, 1, 1)
    assert list(evaluation.unsupported) == ["bridge"]
    assert (evaluation.macro_f1, evaluation.false_alarm_rate, evaluation.voice.n) == (1.0, 0.0, 2)
    assert evaluation.model.startswith("tiny@")
    assert evaluation.codebook == "7"


def test_only_the_languages_asked_for_are_measured(model, write):
    assert evaluate_on(model, write(ROWS), ["uk"]).n == 1
    assert evaluate_on(model, write(ROWS), ["en", "uk"]).n == 4
    with pytest.raises(UserError, match=r"t\.csv: no row in 'ru'; its languages are en, uk"):
        evaluate_on(model, write(ROWS), ["ru", "de"])


def test_a_labels_folder_is_measured_too_if_it_has_the_models_frames(model, labels_folder, tmp_path):
    assert evaluate_on(model, labels_folder, []).macro_f1 == 1.0
    codebook = (labels_folder / "codebook.toml").read_text(encoding="utf-8").replace('"bridge"', '"harbour"')
    (tmp_path / "codebook.toml").write_text(codebook, encoding="utf-8")
    with pytest.raises(UserError, match="its codebook has other frames than the model"):
        evaluate_on(model, tmp_path, [])


def test_an_unknown_frame_in_the_table_is_named(model, write):
    with pytest.raises(UserError, match="row 1: frame 'dragon' is not in the codebook"):
        evaluate_on(model, write([("A dragon.", "dragon", "", "en")]), [])


def test_every_gold_pair_has_a_voice_whether_its_frame_is_predicted_or_not(classifier, write):
    truth = read_simple_table(write(ROWS), classifier.codebook)
    silent = replace(classifier, thresholds=np.full(3, 2.0), band=np.full((3, 2), 2.0))
    predictions = predict_gold(silent, truth)
    assert not predictions.predicted.any()
    assert (predictions.voices >= 0).tolist() == (truth.values == 1).tolist()
    assert predictions.voices[0, 0] == predictions.gold_voices[0, 0] == 0


def test_cases_for_a_person_reach_the_evaluation_set(classifier, write):
    truth = read_simple_table(write(ROWS), classifier.codebook)
    doubtful = replace(classifier, band=np.tile([0.0, 1.1], (3, 1)))
    assert predict_gold(doubtful, truth).human.all(axis=1).tolist() == [True, True, True, False]  # no known word
    assert not predict_gold(classifier, truth).human[0, 1]


def test_kept_figures_come_with_the_card_and_the_models_name(model):
    card, figures = kept_figures(model)
    assert card == "the card"
    assert figures["n"] == 7
    assert figures["model"] == persistence.load(model).name


def test_a_comparison_on_the_rows_a_model_learned_says_so(model, write, classifier, tmp_path):
    table = write(ROWS)
    source = table_source("t.csv", read_simple_table(table, classifier.codebook))
    learned = {"labels": source.hashes, "codebook": {}, "figures": {}}
    persistence.save(classifier, tmp_path / "learned", learned, "")
    table_text = compare_on((model, tmp_path / "learned"), table, []).table()
    assert "B was trained on these very rows" in table_text
    assert "A was trained" not in table_text


def test_rows_without_text_and_texts_that_stand_twice_are_said_and_not_counted_as_right(model, write):
    said = []
    evaluation = evaluate_on(model, write([*ROWS, ("", "", "", "en"), (" ", "", "", "en")]), [], said.append)
    assert evaluation.n == evaluate_on(model, write(ROWS), []).n
    assert any("rows have no text and are left out" in note for note in said)


def said_on(model, path, **told):
    said = []
    evaluate_on(model, path, [], said.append, Reading(**told))
    return [note.removeprefix(f"{path}: ") for note in said]


def test_what_was_recognised_is_said_before_the_figures(model, tmp_path):
    (tmp_path / "t.csv").write_text("Post;Frames;lang\nThe dam breaks before Friday!;flood;en\n", encoding="utf-8")
    found, languages = said_on(model, tmp_path / "t.csv")[:2]
    assert found.startswith("CSV, UTF-8, delimiter ';', 3 columns, text in 'Post', language in 'lang'")
    assert found.endswith("frames in 'Frames'")
    assert languages == "1 rows by language: en 1"


def test_the_texts_of_an_export_are_found_in_all_its_columns(model, tmp_path):
    header = "Document ID,Hit Sentence,Opening Text,Source Name,Reach,frames"
    rows = (
        'a,,"The dam breaks before Friday!",x,1,flood\nb,"The dam breaks, they say.",,x,1,flood\nc,"The choir.",,x,1,\n'
    )
    (tmp_path / "t.csv").write_text(f"{header}\n{rows}", encoding="utf-8")
    assert evaluate_on(model, tmp_path / "t.csv", []).n == 3
    assert "Meltwater" in said_on(model, tmp_path / "t.csv")[0]


def test_texts_of_words_that_the_model_does_not_know_are_counted_by_language(model, write):
    strange = [("Ce soir, les habitants du quartier dansent près de leur vieille église.", "", "", "fr")] * 2
    notes = said_on(model, write([*ROWS, *strange]))
    said = next(note for note in notes if "consist mostly of words that the model does not know" in note)
    assert "of 6 texts" in said
    assert "fr 2" in said
    assert f"A: {said}" in compare_on((model, model), write([*ROWS, *strange]), []).remarks


def test_a_table_is_read_as_the_user_says(model, tmp_path):
    content = "a;b;frames\nThe dam breaks before Friday, all say.;The choir sings in the hall on Sunday.;flood\n"
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=r"could be in 'a' or in 'b'; say which with --text COLUMN"):
        evaluate_on(model, tmp_path / "t.csv", [])
    assert evaluate_on(model, tmp_path / "t.csv", [], reading=Reading(text="a")).macro_f1 == 1.0
    assert evaluate_on(model, tmp_path / "t.csv", [], reading=Reading(text="b")).macro_f1 == 0.0


def test_a_text_column_that_is_mostly_empty_must_be_named(model, write):
    path = write([ROWS[0], *[("", "", "", "en")] * 2])
    with pytest.raises(
        UserError, match="the column 'text' seems to hold the text, but 2 of its first 3 rows are empty"
    ):
        evaluate_on(model, path, [])
    assert evaluate_on(model, path, [], reading=Reading(text="text")).n == 1
