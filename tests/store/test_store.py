"""The store and its queue, on SQLite and on PostgreSQL alike."""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, event

from conftest import paragraph, reading
from forked import fork
from narratives.errors import UserError
from narratives.labels.label_set import LabelSet, reading_key
from narratives.store import engine
from narratives.store.assignments import AssignmentQueue, QueueEntry
from narratives.store.engine import NEWEST
from narratives.store.events import Circumstances, Store, new_token, now
from narratives.store.schema import HELD, metadata

TEXTS = [f"The choir sings the song number {number}." for number in range(8)]
PARAGRAPHS = [paragraph(text) for text in TEXTS]


@pytest.fixture
def queue(store):
    store.add(PARAGRAPHS)
    queue = AssignmentQueue(store)
    queue.order([QueueEntry(row.paragraph_id, "random", "") for row in PARAGRAPHS])
    return queue


def test_a_label_set_comes_back_whole(store, label_set):
    summary = store.import_labels(label_set)
    back = store.label_set()
    assert (summary.paragraphs, summary.readings, summary.known) == (len(label_set.paragraphs), 102, 0)
    assert back.paragraphs == label_set.paragraphs
    assert set(back.labels) == set(label_set.labels)


def test_importing_twice_changes_nothing(store, label_set):
    store.import_labels(label_set)
    before = store.history()
    again = store.import_labels(label_set)
    assert (again.paragraphs, again.readings, again.replaced, again.known) == (0, 0, 0, 102)
    assert store.history() == before


def test_a_label_corrected_in_the_file_replaces_the_older_one(store, label_set):
    store.import_labels(label_set)
    first, *others = label_set.labels
    corrected = replace(first, voice="rebuts", note="corrected")
    assert store.import_labels(LabelSet(label_set.paragraphs, (corrected, *others))).replaced == 1
    assert set(store.label_set().labels) == {corrected, *others}


def test_a_step_that_arrives_twice_is_stored_once(store):
    store.add(PARAGRAPHS)
    label, token = reading(TEXTS[0], "flood", "promotes"), new_token()
    assert store.save([label], Circumstances(token=token))
    assert not store.save([label], Circumstances(token=token))
    assert store.label_set().labels == (label,)


def test_two_people_on_one_paragraph_both_stand(store):
    store.add(PARAGRAPHS)
    one, other = reading(TEXTS[0], "flood", "promotes"), reading(TEXTS[0], "", "", annotator="ivan")
    store.save([one])
    store.save([other])
    assert set(store.label_set().labels) == {one, other}


def test_what_was_undone_is_kept_but_no_longer_in_force(store):
    store.add(PARAGRAPHS)
    around = Circumstances(model="tiny@1", suggested='[{"frame": "flood"}]')
    for text in TEXTS[:3]:
        store.save([reading(text, "flood", "promotes")], around)
    undone = [store.undo("olha").paragraph_id for _ in range(2)]
    assert undone == [PARAGRAPHS[2].paragraph_id, PARAGRAPHS[1].paragraph_id]
    assert [label.paragraph_id for label in store.label_set().labels] == [PARAGRAPHS[0].paragraph_id]
    history = store.history(PARAGRAPHS[2].paragraph_id)
    assert [(event.kind, event.undone) for event in history] == [("reading", True), ("undo", False)]
    assert (history[0].model, history[0].suggested) == ("tiny@1", '[{"frame": "flood"}]')
    assert history[0].labels[0].voice == "promotes"


def test_undo_takes_back_only_ones_own_work_and_nothing_from_files(store, label_set):
    store.import_labels(label_set)
    assert store.undo("olha") is None
    assert store.undo("ivan") is None
    assert len(store.label_set().labels) == len(label_set.labels)


def test_an_undo_that_arrives_twice_takes_back_one_step(store):
    store.add(PARAGRAPHS)
    for text in TEXTS[:2]:
        store.save([reading(text, "flood", "promotes")])
    token = new_token()
    assert store.undo("olha", token) is not None
    assert store.undo("olha", token) is None
    assert len(store.label_set().labels) == 1


def test_one_comes_back_to_the_paragraph_where_one_was(queue):
    item = queue.take("olha")
    assert queue.take("olha") == item
    assert AssignmentQueue(Store(queue.engine.url.render_as_string(hide_password=False))).take("olha") == item


def test_after_an_undo_the_paragraph_is_assigned_again(queue):
    first = queue.take("olha")
    queue.store.save([reading(first.text, "", "")])
    second = queue.take("olha")
    queue.store.undo("olha")
    assert queue.take("olha") == first
    queue.store.save([reading(first.text, "flood", "reports", labelled_at=now())])
    assert queue.take("olha") == second


def test_two_annotators_never_get_the_same_paragraph_unless_it_has_two_slots(queue):
    queue.order(
        [QueueEntry(row.paragraph_id, "random", "", 1 + (number == 2)) for number, row in enumerate(PARAGRAPHS)]
    )
    given = {name: [] for name in ("olha", "ivan")}
    for _ in range(6):
        for name, texts in given.items():
            item = queue.take(name)
            if item is not None:
                texts.append(item.text)
                queue.store.save([reading(item.text, "", "", annotator=name)])
    assert sorted(set(given["olha"]) & set(given["ivan"])) == [TEXTS[2]]
    assert len(given["olha"]) + len(given["ivan"]) == 9
    assert queue.take("olha") is None


def test_many_hands_at_once_each_get_their_own(queue):
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(queue.take, [f"annotator {number}" for number in range(8)]))
    assert sorted(item.text for item in taken) == sorted(TEXTS)


def test_a_skipped_paragraph_goes_to_somebody_else_and_undo_brings_it_back(queue):
    item = queue.take("olha")
    queue.store.note("skip", "olha", item.paragraph_id, "in Polish")
    assert queue.take("olha") != item
    assert queue.take("ivan") == item
    queue.store.undo("olha")
    assert queue.take("olha") == item


def test_progress_counts_what_stands(queue):
    for _ in range(3):
        queue.store.save([reading(queue.take("olha").text, "", "", labelled_at=now())])
    queue.store.undo("olha")
    progress = queue.progress("olha")
    assert (progress.today, progress.last_hour, progress.left) == (2, 2, 5)


def test_upcoming_shows_and_takes_nothing(queue):
    assert [item.text for item in queue.upcoming("olha", 3)] == TEXTS[:3]
    assert queue.take("ivan").text == TEXTS[0]


def test_a_paragraph_that_was_left_for_a_day_goes_back(queue, monkeypatch):
    monkeypatch.setattr("narratives.store.assignments.now", lambda: "2026-01-01T10:00:00.000000Z")
    left = queue.take("olha")
    assert queue.take("ivan") == left


WRITER = """
from narratives.labels.label_set import Label
from narratives.store.events import Circumstances, Store, now
address, name, first, labels = {}
store = Store(address)
for number in range(labels):
    label = Label(first, "flood", "promotes", "yes", "reading", "yes", name, now(), "7", "")
    if store.save([label], Circumstances(token=f"{{name}}:{{number}}")):
        print(label.labelled_at, flush=True)
"""


def writer(store, output, labels):
    """Start a process that stores labels one after the other and prints the time of each that was acknowledged."""
    address = store.engine.url.render_as_string(hide_password=False)
    code = WRITER.format((address, output.name, PARAGRAPHS[0].paragraph_id, labels))
    return fork(code, "import narratives.store.events", output=output)


@pytest.mark.slow
def test_sixteen_processes_store_fifty_labels_each(store, tmp_path):
    store.add(PARAGRAPHS)
    outputs = [tmp_path / f"writer{number}" for number in range(16)]
    for process in [writer(store, output, 50) for output in outputs]:
        process.wait(300)
    stored = [(label.annotator, label.labelled_at) for label in store.label_set().labels]
    assert sorted(stored) == sorted((path.name, at) for path in outputs for at in path.read_text().split())
    assert len(stored) == 16 * 50


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_nothing_acknowledged(store, tmp_path):
    store.add(PARAGRAPHS)
    acknowledged = []
    for number in range(10):
        output = tmp_path / f"writer{number}"
        process = writer(store, output, 10_000)
        wait_for_lines(output, 10 + number)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        acknowledged += output.read_text().split()
    stored = {label.labelled_at for label in store.label_set().labels}
    assert len(acknowledged) >= 145
    assert {at for at in acknowledged if at.endswith("Z")} <= stored
    assert len(stored) == len(store.label_set().labels)


def make_older(connection, version):
    """Make the tables as they were at an older version of the schema."""
    config = Config()
    config.set_main_option("script_location", str(engine.Path(engine.__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def wait_for_lines(path, number):
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_text().count("\n") < number:
        assert time.monotonic() < deadline, "the writer stores nothing"
        time.sleep(0.002)


def test_a_file_of_an_older_schema_is_copied_and_migrated(tmp_path, label_set):
    path = tmp_path / "labels.sqlite"
    older = create_engine(f"sqlite:///{path}")
    with older.begin() as connection:
        make_older(connection, "0001")
        connection.exec_driver_sql(
            "INSERT INTO paragraphs VALUES (1, ?, ?, 'en', '', '', '', '')", (PARAGRAPHS[0].paragraph_id, TEXTS[0])
        )
    older.dispose()
    store = Store(f"sqlite:///{path}")
    assert [row.text for row in store.label_set().paragraphs] == [TEXTS[0]]
    assert AssignmentQueue(store).take("olha") is None
    with sqlite3.connect(f"{path}.before-{NEWEST}") as backup:
        assert backup.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert backup.execute("SELECT text FROM paragraphs").fetchall() == [(TEXTS[0],)]


def test_of_labels_of_an_older_schema_nobody_knows_why_they_were_asked_for(database):
    first, second = (row.paragraph_id for row in PARAGRAPHS[:2])
    older = create_engine(database)
    with older.begin() as connection:
        make_older(connection, "0002")
        for number, row in enumerate(PARAGRAPHS[:2], 1):
            values = f"{number}, '{row.paragraph_id}', '{row.text}', 'en', '', '', '', ''"
            connection.exec_driver_sql(f"INSERT INTO paragraphs VALUES ({values})")
        held = f"'{second}', 0, 'olha', '{now()}', {HELD}"
        for table, values in {
            "events": f"1, 't1', 'reading', 'olha', '{now()}', '{first}', NULL, '7', '', '', ''",
            "claims": "1, 'flood', 'promotes', 'yes', 'yes', ''",
            "assignments": held,
            "ranks": f"0, '{second}', 'random', '', 0",
        }.items():
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({values})")
    older.dispose()
    store = Store(database)
    assert [(label.paragraph_id, label.frame) for label in store.label_set().labels] == [(first, "flood")]
    item = AssignmentQueue(store).take("olha")
    assert (item.paragraph_id, item.reason) == (second, "")
    store.close()


def test_a_label_keeps_why_its_paragraph_was_shown_whatever_is_ranked_meanwhile(queue):
    chosen, drawn = PARAGRAPHS[:2]
    queue.order([QueueEntry(chosen.paragraph_id, "rare", "mayor: 0.90"), QueueEntry(drawn.paragraph_id, "random", "")])
    assert [(queue.take(name).text, queue.take(name).reason) for name in ("olha", "ivan")] == [
        (chosen.text, "rare"),
        (drawn.text, "random"),
    ]
    queue.order([QueueEntry(drawn.paragraph_id, "uncertain", "flood: 0.41")])
    assert [(item.reason, item.detail) for item in map(queue.take, ("olha", "ivan"))] == [("rare", ""), ("random", "")]
    queue.store.save([reading(chosen.text, "mayor", "reports")])
    queue.store.save([reading(drawn.text, "", "", annotator="ivan")])
    queue.store.save([reading(TEXTS[5], "", "", annotator="petro")])  # nobody assigned it
    assert [event.reason for event in queue.store.history()] == ["rare", "random", ""]


def test_a_label_given_elsewhere_has_the_reason_of_there(queue):
    item = queue.take("olha")
    queue.store.save([reading(item.text, "", "")], Circumstances(reason="near"))
    queue.store.save([reading(item.text, "flood", "promotes", labelled_at=now())])  # no longer what it was assigned for
    assert [event.reason for event in queue.store.history()] == ["near", ""]


@pytest.mark.slow
def test_reasons_come_back_with_the_labels_in_force_and_from_an_import(queue, label_set):
    kept, undone = (reading(queue.take("olha").text, "", "", labelled_at=now()) for _ in range(2))
    for label in (kept, undone):
        queue.store.save([label], Circumstances(reason="random"))
    queue.store.undo("olha")
    imported = {reading_key(label): "near" for label in label_set.labels[:2]}
    queue.store.import_labels(replace(label_set, reasons=imported))
    queue.store.import_labels(label_set)  # a file has no reasons, and takes none away
    assert queue.store.label_set().reasons == {reading_key(kept): "random"} | imported


def test_a_reading_known_from_a_file_gets_the_reason_that_an_export_knows_and_keeps_it(store, label_set):
    first, second = label_set.labels[:2]
    known = {reading_key(first): "random"}
    store.import_labels(label_set)
    summary = store.import_labels(replace(label_set, reasons=known))
    assert (summary.readings, summary.replaced) == (1, 1)
    assert set(store.label_set().labels) == set(label_set.labels)
    for again in (label_set, replace(label_set, reasons=known)):
        assert store.import_labels(again).readings == 0
    corrected = (replace(first, voice="rebuts"), replace(second, voice="rebuts"), *label_set.labels[2:])
    assert store.import_labels(replace(label_set, labels=corrected)).replaced == 2
    assert store.label_set().reasons == known


def test_a_reading_undone_in_the_app_does_not_come_back_with_a_reason(store, label_set):
    first = label_set.labels[0]
    store.import_labels(label_set)
    store.undo_all(first.annotator, "file:")
    number = len(store.label_set().labels)
    assert store.import_labels(replace(label_set, reasons={reading_key(first): "random"})).readings == 0
    assert len(store.label_set().labels) == number


def test_after_an_undo_the_label_is_still_one_of_a_random_paragraph(queue):
    for _ in range(2):
        queue.store.save([reading(queue.take("olha").text, "", "", labelled_at=now())])
        queue.store.undo("olha")
    assert {event.reason for event in queue.store.history() if event.kind == "reading"} == {"random"}
    assert {event.reason for event in queue.store.history() if event.kind == "undo"} == {""}


def test_the_migrations_make_the_tables_that_the_code_uses(store):
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_database_of_a_newer_version_is_refused(store):
    address = store.engine.url.render_as_string(hide_password=False)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match="newer than this version's"):
        Store(address)


def test_a_full_disk_gives_a_sentence_and_no_damage(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'labels.sqlite'}")
    store.add(PARAGRAPHS[:1])
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda raw, record: raw.execute(f"PRAGMA max_page_count={pages}"))
    long = [paragraph(f"{number} " + "a long text " * 5000) for number in range(20)]
    with pytest.raises(UserError, match="the disk is full"):
        store.add(long)
    assert store.label_set().paragraphs == tuple(PARAGRAPHS[:1])
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("mysql://localhost/labels", "sqlite:///PATH or postgresql"),
        ("no address", "sqlite:///PATH or postgresql"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", "PostgreSQL refused the connection"),
    ],
)
def test_an_address_that_does_not_serve_says_what_to_do(address, sentence):
    with pytest.raises(UserError, match=sentence):
        Store(address)


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "labels.sqlite"
    path.write_text("not a database, but somebody's notes " * 100, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(UserError, match="not a label database"):
        Store(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_what_a_model_said_is_kept_until_another_one_is_asked(store):
    store.add(PARAGRAPHS)
    ids = [row.paragraph_id for row in PARAGRAPHS]
    store.keep_scores("one@1", {ids[0]: np.array([0.25, 0.5], "f4"), ids[1]: np.array([0.75, 1], "f4")})
    store.keep_scores("two@2", {ids[1]: np.array([0.5, 0], "f4")})
    assert {key: values.tolist() for key, values in store.scores("one@1").items()} == {ids[0]: [0.25, 0.5]}
    assert store.scores("two@2")[ids[1]].tolist() == [0.5, 0.0]
