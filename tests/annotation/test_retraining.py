import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import paragraph, reading
from narratives import paths
from narratives.annotation.retraining import report_training, reviewed, train_on_store
from narratives.errors import UserError
from narratives.model import persistence
from narratives.model.releases import model_in_use
from narratives.store.assignments import AssignmentQueue, QueueEntry
from narratives.store.events import Store, now
from narratives.training import fitting

NEW = "The ferry of the mayor was paid by nobody knows whom."


@pytest.fixture
def own(town, labels_folder, label_set, tmp_path, monkeypatch):
    """A database of its own with the tiny world's labels."""
    monkeypatch.setenv("NARRATIVES_DATABASE", f"sqlite:///{tmp_path / 'own.sqlite'}")
    store = Store(paths.database_address())
    store.import_labels(label_set)
    yield store
    store.close()


@pytest.mark.slow
def test_the_same_labels_from_files_and_from_the_database_give_the_same_model(own, trained_folder, tmp_path):
    from_store = train_on_store(own, tmp_path / "store").folder
    for path in trained_folder.iterdir():
        assert path.read_bytes() == (from_store / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_paragraphs_that_nobody_labelled_do_not_change_the_model(own, trained_folder, tmp_path):
    own.add([paragraph(NEW)])
    from_store = train_on_store(own, tmp_path / "store").folder
    assert (trained_folder / "manifest.json").read_bytes() == (from_store / "manifest.json").read_bytes()


def test_a_label_on_a_frame_that_the_codebook_lacks_is_refused(own, tmp_path):
    own.add([paragraph(NEW)])
    own.save([reading(NEW, "dragon", "reports", labelled_at=now())])
    with pytest.raises(UserError, match="the label database: frame 'dragon' is not in the codebook"):
        train_on_store(own, tmp_path / "model")


@pytest.mark.slow
def test_what_was_labelled_is_learned_and_what_was_undone_is_not(own, trained_folder, tmp_path):
    own.add([paragraph(NEW)])
    own.save([reading(NEW, "mayor", "reports", labelled_at=now())])
    after = train_on_store(own, tmp_path / "after")
    before = persistence.read_manifest(trained_folder)
    assert (before["figures"]["n"], after.figures.n) == (102, 103)
    own.undo("olha")
    again = train_on_store(own, tmp_path / "again")
    assert (again.folder / "weights.npz").read_bytes() == (trained_folder / "weights.npz").read_bytes()


def label_by_queue(store, label_set, is_random):
    """Let one annotator label the paragraphs as the label set does, each taken from the queue with its reason."""
    reasons = ("uncertain", "random")
    store.add(label_set.paragraphs)
    queue = AssignmentQueue(store)
    queue.order(
        QueueEntry(row.paragraph_id, reasons[is_random(number)], "") for number, row in enumerate(label_set.paragraphs)
    )
    while (item := queue.take("olha")) is not None:
        store.save([replace(label, annotator="olha") for label in label_set.by_paragraph[item.paragraph_id]])


@pytest.mark.slow
def test_what_the_queue_chose_trains_and_what_it_drew_at_random_sets_thresholds(
    store, town, label_set, codebook, tmp_path, monkeypatch
):
    monkeypatch.setattr(fitting, "ENOUGH_RANDOM", 40)
    label_by_queue(store, label_set, lambda number: number % 2 == 0 or number > 89)
    by_queue = train_on_store(store, tmp_path / "by-queue")
    assert by_queue.figures.n == 57
    assert by_queue.thresholds == "Thresholds are from 57 paragraphs drawn at random."
    manifest = persistence.read_manifest(by_queue.folder)
    assert (manifest["paragraphs"], manifest["random"]) == (102, 57)
    monkeypatch.setattr(fitting, "ENOUGH_RANDOM", 58)
    too_few = train_on_store(store, tmp_path / "too-few")
    assert too_few.figures.n == 102
    assert "random" not in persistence.read_manifest(too_few.folder)
    np.testing.assert_array_equal(too_few.classifier.frame_model.weights, by_queue.classifier.frame_model.weights)
    assert (too_few.classifier.thresholds != by_queue.classifier.thresholds).any()


@pytest.mark.slow
def test_reviewed_paragraphs_are_those_labelled_in_the_app(own, codebook, trained_folder, tmp_path):
    own.add([paragraph(NEW)])
    before = persistence.load(trained_folder)
    assert reviewed(own, codebook, before, before) is None
    own.save([reading(NEW, "bridge", "reports", labelled_at=now())])
    comparison = reviewed(own, codebook, before, before)
    assert (comparison.paragraphs, comparison.changed) == (1, 0)
    after = train_on_store(own, tmp_path / "after").classifier
    comparison = reviewed(own, codebook, before, after)
    assert comparison.changed == comparison.fixed + comparison.regressed
    assert comparison.after >= comparison.before


@pytest.mark.slow
def test_another_process_reports_its_progress_and_the_new_model(own, town):
    code = "from narratives.annotation.retraining import report_training; report_training()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    shares = [line["share"] for line in lines if "share" in line]
    assert shares == sorted(shares)
    assert persistence.load(paths.models_folder() / lines[-1]["folder"].rsplit("/", 1)[-1]).frames


@pytest.mark.slow
def test_a_model_trained_for_a_page_waits_beside_the_one_in_use(own, town, shipped, capsys, monkeypatch):
    monkeypatch.setattr("narratives.annotation.retraining.open_store", lambda: own)
    report_training()
    assert Path(json.loads(capsys.readouterr().out.splitlines()[-1])["folder"]).parent == town
    assert model_in_use() == shipped


@pytest.mark.slow
def test_a_codebook_without_a_label_is_enough_for_a_first_model(town, tmp_path, monkeypatch, labels_folder):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "codebook.toml").write_bytes((labels_folder / "codebook.toml").read_bytes())
    monkeypatch.setenv("NARRATIVES_LABELS", str(folder))
    code = "from narratives.annotation.retraining import report_training; report_training()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    model = persistence.load(Path(json.loads(done.stdout.splitlines()[-1])["folder"]))
    assert model.explain("they say the dam breaks and the river rises")[0].frame == "flood"


@pytest.mark.slow
def test_what_is_wrong_is_reported_in_a_sentence(town, tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path / "nowhere"))
    code = "from narratives.annotation.retraining import report_training; report_training()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert "there is no codebook here" in json.loads(done.stdout.splitlines()[-1])["error"]
