"""Every file of the product appears whole or not at all, on a disk that fills up as on one that does not."""

import errno
import os
import resource
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from openpyxl.writer.excel import ExcelWriter

from narratives.cli.common import write_json
from narratives.codebook.editing import edit_frame
from narratives.errors import UserError
from narratives.files import AtomicFile, atomic_write, atomic_write_text
from narratives.labels.files import write_labels
from narratives.labels.interchange.exporting import write_labels_as, write_refused
from narratives.labels.label_set import LabelSet
from narratives.model.persistence import save
from narratives.model.releases import release
from narratives.store.engine import NEWEST
from narratives.store.events import Store
from narratives.tables.rows import Refusal
from narratives.training.joblib_export import export_joblib


@contextmanager
def disk_that_fills_up(after):
    """Make every write fail beyond ``after`` bytes of a file, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changed(label_set):
    """The same labels with longer notes, so that every file differs."""
    return LabelSet(label_set.paragraphs, tuple(replace(label, note="a longer note") for label in label_set.labels))


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("labels", "labels.csv"),
        ("labels", "paragraphs.csv"),
        ("hugging-face", "data/train-00000-of-00001.parquet"),
        ("hugging-face", "README.md"),
        ("jsonl", ""),
        ("label-studio", ""),
        ("doccano", ""),
    ],
)
def test_an_export_that_fails_leaves_each_file_of_the_older_one_whole(label_set, layout, name, tmp_path):
    output = tmp_path / "out"
    write_labels_as(label_set, output, layout)
    before = contents(tmp_path)
    with disk_that_fills_up(len(before[output / name]) // 2), pytest.raises(UserError, match="no space left"):
        write_labels_as(changed(label_set), output, layout)
    assert contents(tmp_path) == before


def test_labels_that_cannot_be_written_leave_the_labels_folder_whole(label_set, tmp_path):
    write_labels(tmp_path, label_set)
    before = contents(tmp_path)
    with disk_that_fills_up(len(before[tmp_path / "labels.csv"]) // 2), pytest.raises(UserError, match="no space left"):
        write_labels(tmp_path, changed(label_set))
    assert contents(tmp_path) == before


def test_a_workbook_that_cannot_be_written_leaves_the_older_one_whole(label_set, tmp_path, monkeypatch):
    write_labels_as(label_set, tmp_path / "out.xlsx", "xlsx")
    before = contents(tmp_path)

    def fails(writer):
        write_data(writer)
        raise OSError(errno.ENOSPC, "No space left on device")

    write_data = ExcelWriter.write_data
    monkeypatch.setattr(ExcelWriter, "write_data", fails)
    with pytest.raises(UserError, match="no space left"):
        write_labels_as(changed(label_set), tmp_path / "out.xlsx", "xlsx")
    assert contents(tmp_path) == before


def test_an_edit_that_cannot_be_written_leaves_the_codebook_whole(codebook_path, tmp_path):
    path = tmp_path / "codebook.toml"
    path.write_bytes(codebook_path.read_bytes())
    before = contents(tmp_path)
    with disk_that_fills_up(100), pytest.raises(UserError, match="no space left"):
        edit_frame(path, "flood", {"claim": "The river stays where it is."})
    assert contents(tmp_path) == before


def test_figures_and_refused_rows_that_cannot_be_written_leave_the_older_ones_whole(tmp_path):
    atomic_write_text(tmp_path / "figures.json", "{}")
    atomic_write_text(tmp_path / "refused.csv", "line,reason,raw\n")
    before = contents(tmp_path)
    with disk_that_fills_up(10):
        with pytest.raises(UserError, match=r"figures.json: cannot be written"):
            write_json(tmp_path / "figures.json", {"macro_f1": 0.5})
        with pytest.raises(UserError, match=r"refused.csv: no space left"):
            write_refused([Refusal(1, "the text is empty", "")], tmp_path / "refused.csv")
    assert contents(tmp_path) == before


def test_a_model_or_an_export_of_it_that_cannot_be_written_leaves_no_half_file(classifier, tmp_path):
    with disk_that_fills_up(100), pytest.raises(UserError, match=r"weights.npz: no space left"):
        save(classifier, tmp_path / "half", {}, "card")
    assert contents(tmp_path) == {}
    save(classifier, tmp_path / "whole", {}, "card")
    export_joblib(tmp_path / "whole", tmp_path / "model.joblib")
    before = contents(tmp_path)
    with disk_that_fills_up(100), pytest.raises(UserError, match=r"model.joblib: no space left"):
        export_joblib(tmp_path / "whole", tmp_path / "model.joblib", overwrite=True)
    assert contents(tmp_path) == before


def test_a_release_that_cannot_be_written_leaves_the_model_released_before(tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path))
    release(tmp_path / "one")
    with disk_that_fills_up(1), pytest.raises(UserError, match="released: no space left"):
        release(tmp_path / "two")
    assert {path.name: content for path, content in contents(tmp_path).items()} == {"released": b"one\n"}


def test_a_copy_of_an_older_database_that_cannot_be_finished_is_not_left_behind(tmp_path):
    path = tmp_path / "labels.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('0001')")
        database.execute("CREATE TABLE paragraphs (text TEXT)")
        database.execute("CREATE TABLE events (note TEXT)")
        database.executemany("INSERT INTO events VALUES (?)", [("a long note " * 100,)] * 1000)
    database.close()
    with disk_that_fills_up(500_000), pytest.raises(UserError, match="the disk is full"):
        Store(f"sqlite:///{path}")
    assert not path.with_name(f"{path.name}.before-{NEWEST}").exists()
    assert [name for name in os.listdir(tmp_path) if name.endswith(".part")] == []


def test_an_exception_in_the_middle_leaves_the_file_and_its_folder_as_they_were(tmp_path):
    atomic_write_text(tmp_path / "out", "before")
    with suppress(KeyError), atomic_write(tmp_path / "out") as file:
        file.write(b"after")
        raise KeyError
    assert contents(tmp_path) == {tmp_path / "out": b"before"}


def test_an_existing_file_keeps_its_mode_and_a_new_one_gets_that_of_the_umask(tmp_path):
    atomic_write_text(tmp_path / "out", "before")
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "out").stat().st_mode == plain.stat().st_mode
    (tmp_path / "out").chmod(0o640)
    atomic_write_text(tmp_path / "out", "after")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "file")
    for text in ("before", "after"):
        atomic_write_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "elsewhere" / "file").read_text(encoding="utf-8") == text


def test_content_and_name_are_on_the_disk_before_the_write_returns(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    atomic_write_text(tmp_path / "out", "text")
    assert synced[0].startswith(f"{tmp_path}/.narratives-")
    assert synced[1:] == [str(tmp_path)]
    with atomic_write(tmp_path / "out", sync=False) as file:
        file.write(b"text")
    assert len(synced) == 2


def test_a_folder_that_cannot_be_synced_does_not_make_a_finished_write_fail(tmp_path, monkeypatch):
    monkeypatch.setattr("narratives.files.os.open", lambda *_: (_ for _ in ()).throw(OSError(errno.EINVAL, "")))
    atomic_write_text(tmp_path / "out", "text")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "text"


def test_a_device_is_written_and_not_replaced(tmp_path):
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "full").symlink_to("/dev/full")
    atomic_write_text(tmp_path / "null", "text")
    with pytest.raises(UserError, match="full: no space left"):
        atomic_write_text(tmp_path / "full", "text")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "cannot be written .*directory"), ("no/out", "cannot be written .*No such file")]
)
def test_a_path_that_cannot_be_written_is_a_sentence(tmp_path, name, sentence):
    with pytest.raises(UserError, match=sentence):
        atomic_write_text(tmp_path / name, "text")


def test_a_part_of_another_run_is_not_emptied(tmp_path):
    running = AtomicFile(tmp_path / "out", tmp_path / "part")
    running.file.write(b"rows")
    running.flush()
    with pytest.raises(UserError, match="another run is writing it"):
        AtomicFile(tmp_path / "out", tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == b"rows"
    running.suspend()
    resumed = AtomicFile(tmp_path / "out", tmp_path / "part", resume_at=2)
    resumed.file.write(b"ot")
    resumed.finish()
    resumed.place()
    assert contents(tmp_path) == {tmp_path / "out": b"root"}
