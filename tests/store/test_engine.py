"""An SQLite label database is its owner's alone, and a file of another program stays as it is."""

import os
import sqlite3
from contextlib import closing

import pytest

from conftest import paragraph, reading
from narratives.errors import UserError
from narratives.store.engine import NEWEST
from narratives.store.events import Store


def mode(path):
    return oct(path.stat().st_mode & 0o777)


@pytest.fixture
def open_to_all():
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_database_its_log_and_its_backup_can_be_read_by_their_owner_alone(tmp_path, open_to_all):
    path = tmp_path / "new" / "labels.sqlite"
    store = Store(f"sqlite:///{path}")
    store.add([paragraph("One.")])
    names = ("labels.sqlite", "labels.sqlite-wal", "labels.sqlite-shm")
    assert {file.name: mode(file) for file in path.parent.iterdir()} == dict.fromkeys(names, "0o600")
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        for table in ("imported_texts", "imported_events", "withdrawals", "imports"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
        connection.commit()
    Store(f"sqlite:///{path}").close()
    assert mode(path.with_name(f"labels.sqlite.before-{NEWEST}")) == "0o600"


@pytest.mark.parametrize(
    "made_by",
    [
        ["CREATE TABLE bookmarks (title TEXT)", "INSERT INTO bookmarks VALUES ('one')"],
        ["CREATE TABLE events (at TEXT)", "CREATE TABLE paragraphs (id TEXT)"],
        ["CREATE TABLE alembic_version (version_num TEXT)", "INSERT INTO alembic_version VALUES ('0001')"],
        [
            *(f"CREATE TABLE {name} (id TEXT)" for name in ("events", "paragraphs")),
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('ae1027a6acf')",
        ],
        ["CREATE VIEW one AS SELECT 1"],
    ],
)
def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path, made_by):
    path = tmp_path / "places.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        for statement in made_by:
            connection.execute(statement)
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(
        UserError, match=r"places.sqlite: an SQLite database of another program, which is left as it is"
    ):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["places.sqlite"]


def test_our_own_database_opens_again_also_one_that_is_empty(tmp_path):
    path = tmp_path / "labels.sqlite"
    path.touch()
    for opened in range(2):
        store = Store(f"sqlite:///{path}")
        assert len(store.label_set().labels) == opened
        store.add([paragraph("One.")])
        store.save([reading("One.", "", "")])
        store.close()
