"""Imports of files can be taken back as a whole, on SQLite and on PostgreSQL alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from conftest import paragraph, reading
from narratives.errors import UserError
from narratives.labels.interchange.intake import Suggestion
from narratives.labels.label_set import LabelSet, reading_key
from narratives.store.assignments import AssignmentQueue, QueueEntry
from narratives.store.events import ImportedFile, now

TEXTS = [f"The choir sings the song number {number}." for number in range(4)]
PARAGRAPHS = tuple(map(paragraph, TEXTS))
IDS = [row.paragraph_id for row in PARAGRAPHS]
LABELS = (reading(TEXTS[0], "flood", "promotes"), reading(TEXTS[1], "", "", annotator="ivan"))
SET = LabelSet(PARAGRAPHS, LABELS)


def file(name="a.csv", **changes):
    return replace(ImportedFile(name, "table", "lead", now(), "0" * 64), **changes)


def test_an_import_is_listed_with_its_file_uploader_time_and_counts(store):
    brought = file(suggestions=(Suggestion(IDS[2], "m@1", '[{"frame": "flood"}]'),))
    summary = store.import_labels(SET, {}, brought)
    assert (summary.number, summary.paragraphs, summary.readings, summary.suggestions) == (1, 4, 2, 1)
    (listed,) = store.imports()
    assert (listed.file, listed.layout, listed.uploader, listed.at) == ("a.csv", "table", "lead", brought.at)
    assert (listed.texts, listed.readings, listed.suggestions, listed.withdrawn) == (4, 2, 1, False)


def test_suggestions_are_kept_apart_from_labels(store):
    store.import_labels(SET, {}, file(suggestions=(Suggestion(IDS[2], "m@1", '[{"frame": "flood"}]'),)))
    assert set(store.label_set().labels) == set(LABELS)
    (event,) = store.history(kind="suggestion")
    assert (event.paragraph_id, event.model, event.suggested) == (IDS[2], "m@1", '[{"frame": "flood"}]')


def test_the_last_suggestion_of_each_model_is_found_until_its_import_is_withdrawn(store):
    given = [
        Suggestion(IDS[2], model, f'[{{"frame": "{frame}"}}]') for model, frame in (("a", "flood"), ("b", "mayor"))
    ]
    store.import_labels(SET, {}, file(suggestions=given))
    changed = Suggestion(IDS[2], "a", '[{"frame": "bridge"}]')
    second = store.import_labels(SET, {}, file("b.csv", suggestions=[changed])).number
    assert store.suggestions(IDS[2]) == (changed, given[1])
    assert store.suggestions(IDS[1]) == ()
    store.withdraw(second, "lead")
    assert store.suggestions(IDS[2]) == (given[1], given[0])


def test_a_dry_run_says_what_an_import_does_and_changes_nothing(store):
    would = store.preview_import(SET, file())
    assert (would.paragraphs, would.readings, would.number) == (4, 2, None)
    assert store.history() == () == store.imports() == store.label_set().paragraphs
    assert store.import_labels(SET, {}, file()).readings == would.readings


def test_importing_twice_changes_nothing_also_where_the_file_has_no_times(store):
    first, second = (file(at=at) for at in ("2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z"))
    for each in (first, second):
        undated = tuple(replace(label, labelled_at=each.at) for label in LABELS)
        summary = store.import_labels(LabelSet(PARAGRAPHS, undated), {}, each)
    assert (summary.readings, summary.known, summary.number) == (0, 2, None)
    assert len(store.imports()) == 1


def test_a_withdrawn_import_is_out_of_force_and_nothing_is_deleted(store):
    store.import_labels(SET, {}, file())
    events = len(store.history())
    done = store.withdraw(1, "lead")
    assert (done.readings, done.texts, done.restored) == (2, 4, 0)
    assert store.label_set() == LabelSet((), ())
    assert store.imports()[0].withdrawn
    history = store.history()
    assert len(history) == events + 3
    assert [event.undone for event in history[:events]] == [True, True]
    record = next(event for event in history if event.kind == "withdraw" and event.paragraph_id is None)
    assert (record.annotator, record.note) == ("lead", "import 1: a.csv")


def test_a_reason_that_an_import_brought_goes_with_it_and_one_that_it_replaced_comes_back(store):
    key = reading_key(LABELS[0])
    store.import_labels(replace(SET, reasons={key: "near"}), {}, file())
    drawn = replace(SET, reasons={key: "random"})
    assert (store.import_labels(drawn, {}, file("b.csv")).replaced, store.label_set().reasons) == (1, {key: "random"})
    store.withdraw(2, "lead")
    assert store.label_set().reasons == {key: "near"}
    assert store.import_labels(drawn, {}, file("b.csv")).readings == 1
    assert store.label_set().reasons == {key: "random"}


def test_a_withdrawn_reading_does_not_come_back_with_label_files_that_lack_its_reason(store):
    store.import_labels(replace(SET, reasons={reading_key(LABELS[0]): "random"}), {}, file())
    store.withdraw(1, "lead")
    assert store.import_labels(SET).readings == 0
    assert store.label_set().labels == ()


def test_only_what_the_import_brought_is_taken_back(store):
    store.add(PARAGRAPHS[:1])
    own = reading(TEXTS[3], "mayor", "reports", labelled_at=now())
    store.import_labels(SET, {}, file())
    store.save([own])
    store.withdraw(1, "lead")
    left = store.label_set()
    assert left.labels == (own,)
    assert left.paragraphs == (PARAGRAPHS[0], PARAGRAPHS[3])  # one was there before, one was labelled since


def test_a_text_of_two_imports_stays_while_one_of_them_stands(store):
    store.import_labels(LabelSet(PARAGRAPHS[:2], ()), {}, file())
    store.import_labels(LabelSet(PARAGRAPHS[1:3], ()), {}, file("b.csv"))
    store.withdraw(1, "lead")
    assert store.label_set().paragraphs == PARAGRAPHS[1:3]
    store.withdraw(2, "lead")
    assert store.label_set().paragraphs == ()


def test_a_withdrawn_file_can_be_imported_again_and_withdrawn_again(store):
    for number in (1, 2, 3):
        summary = store.import_labels(SET, {}, file(at=f"2026-03-0{number}T10:00:00Z"))
        assert (summary.number, summary.paragraphs, summary.readings) == (number, 4, 2)
        assert store.label_set() == LabelSet(PARAGRAPHS, LABELS)
        store.withdraw(number, "lead")
    assert store.label_set() == LabelSet((), ())


def test_the_label_files_do_not_bring_back_what_was_withdrawn(store):
    store.import_labels(SET, {}, file())
    store.withdraw(1, "lead")
    assert store.import_labels(SET).readings == 0
    assert store.label_set().labels == ()


@pytest.mark.slow
def test_a_reading_that_the_import_had_replaced_counts_again(store):
    store.import_labels(SET, {}, file())
    corrected = replace(LABELS[0], voice="rebuts")
    assert store.import_labels(LabelSet(PARAGRAPHS, (corrected, LABELS[1])), {}, file("b.csv")).replaced == 1
    assert store.withdraw(2, "lead").restored == 1
    assert set(store.label_set().labels) == set(LABELS)
    store.withdraw(1, "lead")
    assert store.label_set().labels == ()


def test_a_withdrawn_reading_is_not_restored(store):
    store.import_labels(SET, {}, file())
    store.import_labels(LabelSet(PARAGRAPHS, (replace(LABELS[0], voice="rebuts"),)), {}, file("b.csv"))
    store.withdraw(1, "lead")
    assert store.withdraw(2, "lead").restored == 0
    assert store.label_set().labels == ()


def test_an_import_is_withdrawn_once(store):
    store.import_labels(SET, {}, file())
    store.withdraw(1, "lead")
    with pytest.raises(UserError, match=r"import 1 \(a.csv\) was withdrawn before"):
        store.withdraw(1, "lead")
    with pytest.raises(UserError, match="there is no import 7; narratives labels imports lists them"):
        store.withdraw(7, "lead")


def test_of_two_withdrawals_at_once_one_is_stored(store):
    store.import_labels(SET, {}, file())

    def withdraw(name):
        try:
            return store.withdraw(1, name).readings
        except UserError as error:
            return str(error)

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(withdraw, ["one", "two"]))
    assert sorted(map(str, outcomes))[0] == "2"
    assert "was withdrawn before" in sorted(map(str, outcomes))[1]


def test_withdrawn_texts_leave_the_queue_also_where_somebody_has_them(store):
    store.import_labels(SET, {}, file())
    queue = AssignmentQueue(store)
    queue.order([QueueEntry(each, "random", "") for each in IDS])
    assert queue.take("petro").paragraph_id == IDS[0]
    store.withdraw(1, "lead")
    assert queue.take("petro") is None
    assert queue.take("olha") is None


def test_a_paragraph_whose_label_was_withdrawn_waits_for_its_annotator_again(store):
    store.add(PARAGRAPHS[:1])
    store.import_labels(LabelSet(PARAGRAPHS[:1], LABELS[:1]), {}, file())
    queue = AssignmentQueue(store)
    queue.order([QueueEntry(IDS[0], "random", "")])
    assert (queue.take("olha"), queue.progress("olha").left) == (None, 0)
    store.withdraw(1, "olha")
    assert queue.progress("olha").left == 1
    assert queue.take("olha").paragraph_id == IDS[0]
