import json
import re

import numpy as np
import pytest

from conftest import put_unreadable
from narratives import paths
from narratives.errors import UserError
from narratives.evaluation.model_card import thresholds_remark
from narratives.model import persistence
from narratives.model.releases import model_in_use
from narratives.training.frames import ModelSettings
from narratives.training.train import TrainingOptions, ready_model, settings_for, train_on_files


@pytest.mark.slow
def test_the_first_model_is_released_and_named_by_date_and_content(town, labels_folder):
    steps = []
    trained = train_on_files(labels_folder, progress=lambda step, share: steps.append(share))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-[0-9a-f]{8}", trained.folder.name)
    assert trained.released
    assert paths.released_model() == trained.folder
    assert steps == sorted(steps)
    assert steps[-1] == 1.0


@pytest.mark.slow
def test_a_second_training_gives_the_same_bytes_and_releases_nothing(town, labels_folder, trained_folder, tmp_path):
    second = train_on_files(labels_folder, tmp_path / "two").folder
    assert paths.released_model() is None
    for path in trained_folder.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_the_manifest_says_what_the_model_was_made_from(trained_folder):
    manifest = persistence.read_manifest(trained_folder)
    assert set(manifest["labels"]) == {"paragraphs.csv", "labels.csv"}
    assert manifest["codebook"]["version"] == "7"
    assert manifest["codebook"]["sha256"] == manifest["files"]["codebook.json"]
    assert {"pull", "flat", "least"} <= set(manifest["settings"]["frames"]), "the names that older manifests have"
    assert manifest["seed"] == 0
    assert {"numpy", "scikit-learn", "scipy"} <= set(manifest["libraries"])
    assert not re.search(r"\d\d:\d\d", json.dumps(manifest))


def test_the_card_holds_the_figures(trained_folder):
    card = (trained_folder / "card.md").read_text(encoding="utf-8")
    assert "macro-F1" in card
    assert "flood" in card


@pytest.mark.slow
def test_training_says_what_thresholds_rest_on(town, labels_folder):
    trained = train_on_files(labels_folder)
    assert trained.thresholds == (
        "Thresholds are from all 102 labelled paragraphs, weighted as a stream in which 95% have no frame."
    )
    assert f"- {trained.thresholds}\n" in (trained.folder / "card.md").read_text(encoding="utf-8")
    assert thresholds_remark(persistence.read_manifest(trained.folder)) == trained.thresholds


def test_of_a_model_of_an_older_version_only_its_random_paragraphs_are_known():
    assert thresholds_remark({"random": 11_090}) == "Thresholds are from 11,090 paragraphs drawn at random."
    assert thresholds_remark({"settings": {}}) == ""


def test_an_own_taxonomy_without_voices_trains_from_a_table(town, tmp_path):
    rows = [
        f"{word} number {n},{frame}" for n in range(12) for word, frame in (("apple pie", "Fruit"), ("iron nail", ""))
    ]
    (tmp_path / "my.csv").write_text("text,frames\n" + "\n".join(rows) + "\n", encoding="utf-8")
    trained = train_on_files(tmp_path / "my.csv", tmp_path / "mine")
    assert trained.thresholds == "Thresholds are from all 24 rows of the table, taken as a sample."
    model = trained.classifier
    assert model.predict(["a pie of one apple", "one more iron nail"]) == [("Fruit",), ()]
    assert model.explain("apple pie")[0].voice == ""


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("text,frames\nOne two three,a\nFour five six,\n", "too few"),
        ("text,frames\nOne,\nTwo,\n", "no row carries a frame"),
    ],
)
def test_labels_that_cannot_train_are_a_sentence(town, tmp_path, content, complaint):
    (tmp_path / "my.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        train_on_files(tmp_path / "my.csv")


@pytest.mark.slow
def test_a_training_beside_the_shipped_model_is_released_as_the_first(town, shipped, labels_folder):
    trained = train_on_files(labels_folder)
    assert trained.released
    assert model_in_use() == trained.folder


@pytest.mark.slow
def test_a_training_takes_the_place_of_a_release_that_cannot_be_read(town, labels_folder):
    put_unreadable(town)
    trained = train_on_files(labels_folder)
    assert trained.released
    assert paths.released_model() == trained.folder


def test_no_training_writes_a_model_under_the_name_of_the_shipped_one(town, labels_folder):
    with pytest.raises(UserError, match="'shipped' is the name of the model in the package; give the folder another"):
        train_on_files(labels_folder, town / "shipped")
    assert not town.exists()


def test_with_a_fitting_shipped_model_the_first_use_trains_nothing(town, shipped):
    assert ready_model(lambda step, share: pytest.fail("trained")) == shipped


@pytest.mark.slow
def test_without_a_model_the_first_use_trains_one(town):
    folder = ready_model()
    assert paths.released_model() == folder
    assert ready_model(lambda step, share: pytest.fail("trained again")) == folder


@pytest.mark.slow
def test_the_aim_moves_the_thresholds_and_stands_in_the_manifest(labels_folder, trained_folder, tmp_path):
    lax = train_on_files(labels_folder, tmp_path / "lax", TrainingOptions(aim="precision=0.2")).classifier
    assert (lax.thresholds < persistence.load(trained_folder).thresholds).all()
    settings = persistence.read_manifest(tmp_path / "lax")["settings"]["frames"]
    assert settings["precision"] == 0.2


@pytest.mark.slow
def test_unlabelled_text_changes_what_words_weigh_and_is_named_in_manifest_and_card(
    labels_folder, trained_folder, tmp_path
):
    table = tmp_path / "stream.csv"
    table.write_text("text\n" + "the dam the river the bridge\n" * 200, encoding="utf-8")
    plain = persistence.load(trained_folder)
    trained = train_on_files(labels_folder, tmp_path / "informed", TrainingOptions(unlabelled=(table,)))
    assert trained.classifier.features.word_terms == plain.features.word_terms
    assert not np.allclose(trained.classifier.features.idf, plain.features.idf)
    manifest = persistence.read_manifest(trained.folder)
    assert list(manifest["unlabelled"]) == ["stream.csv"]
    assert "unlabelled text, for how common words are: stream.csv" in (trained.folder / "card.md").read_text()


def test_a_simple_table_is_taken_for_a_sample_and_a_labels_folder_is_not(labels_folder, tmp_path):
    assert settings_for(labels_folder).topical_none == ModelSettings().topical_none
    assert settings_for(tmp_path / "my.csv").topical_none is None
