"""Nobody speaks in the name of somebody else, and what was stored last counts; on both databases."""

from dataclasses import replace

import pytest

from conftest import paragraph, reading
from narratives.annotation.roles import give_role
from narratives.errors import UserError
from narratives.labels.disputes import disputes
from narratives.labels.gold import gold
from narratives.labels.interchange.intake import Suggestion
from narratives.labels.label_set import LabelSet
from narratives.store import appending, events
from narratives.store.assignments import AssignmentQueue, QueueEntry
from narratives.store.events import ImportedFile, now

TEXT = "The choir sings the song of the dam."
PARAGRAPH = paragraph(TEXT)
AHEAD = ("9999-01-01T00:00:00Z", "2999-12-31T23:59:59.999999+00:00", "tomorrow", "")


def file(by, name="a.jsonl"):
    return ImportedFile(name, "jsonl", by, now(), "0" * 64)


@pytest.fixture
def team(store):
    give_role(store, "lead", "olha", "annotator")
    give_role(store, "lead", "ivan", "adjudicator")
    store.add([PARAGRAPH])
    return store


def decision(voice, by="lead", **changes):
    return reading(TEXT, "flood", voice, annotator=by, kind="decision", **changes)


@pytest.mark.parametrize("by", ["olha", "ivan", "stranger"])
def test_a_file_with_labels_brings_in_its_texts_alone_unless_a_lead_brings_it(team, by):
    other = paragraph("A text that nobody knew.")
    labels = LabelSet((PARAGRAPH, other), (decision("rebuts"), reading(TEXT, "", "", annotator=by)))
    would = team.preview_import(labels, file(by))
    done = team.import_labels(labels, {}, file(by))
    assert (done.paragraphs, done.readings, done.replaced) == (1, 0, 0) == (would.paragraphs, would.readings, 0)
    assert team.label_set().labels == ()
    assert other in team.label_set().paragraphs
    role = "adjudicator" if by == "ivan" else "annotator"
    assert done.sentence().endswith(
        f"No label was taken: {by} ({role}) may not import labels; a lead can give the role"
    )
    assert team.import_labels(labels, {}, file("lead")).readings == 2


def test_suggestions_of_a_model_come_in_with_the_texts_of_an_annotator(team):
    brought = replace(file("olha"), suggestions=(Suggestion(PARAGRAPH.paragraph_id, "m@1", "[]"),))
    assert team.import_labels(LabelSet((PARAGRAPH,), ()), {}, brought).suggestions == 1


def test_whoever_has_a_terminal_of_the_server_needs_no_role(team):
    labels = LabelSet((PARAGRAPH,), (decision("rebuts"),))
    assert team.import_labels(labels, {}, replace(file("root"), by_operator=True)).readings == 1


def test_a_role_that_was_taken_away_counts_no_more_at_the_next_import(team):
    give_role(team, "lead", "olha", "lead")
    give_role(team, "olha", "lead", "annotator")
    assert team.import_labels(LabelSet((PARAGRAPH,), (decision("rebuts"),)), {}, file("lead")).readings == 0


def test_each_event_of_an_import_names_its_uploader_and_file_and_an_undo_is_nobody_elses(team):
    own = reading(TEXT, "flood", "promotes", annotator="ivan")
    team.import_labels(LabelSet((PARAGRAPH,), (own,)), {}, file("lead"))
    team.import_labels(LabelSet((PARAGRAPH,), (replace(own, voice="rebuts"),)), {}, file("lead", "b.jsonl"))
    brought = [(each.kind, each.annotator, each.uploader, each.file) for each in team.history(PARAGRAPH.paragraph_id)]
    assert brought == [
        ("reading", "ivan", "lead", "a.jsonl"),
        ("undo", "lead", "lead", "b.jsonl"),
        ("reading", "ivan", "lead", "b.jsonl"),
    ]
    team.save([reading(TEXT, "", "", annotator="olha", labelled_at=now())])
    assert (team.history()[-1].uploader, team.history()[-1].file) == ("", "")


@pytest.mark.parametrize("time", AHEAD)
def test_a_label_of_the_future_is_refused_with_its_paragraph(team, time):
    with pytest.raises(UserError, match=rf"a.jsonl: the label of lead on paragraph {PARAGRAPH.paragraph_id} has the"):
        team.import_labels(LabelSet((PARAGRAPH,), (decision("rebuts", labelled_at=time),)), {}, file("lead"))
    assert team.label_set().labels == ()


@pytest.mark.parametrize("earlier", ["2026-01-01T10:00:00Z", "2026-01-01T10:00:00.999999Z", "2026-02-01T10:00:00.5Z"])
def test_the_last_decision_counts_also_where_the_clock_was_set_back(team, codebook, earlier):
    team.save([decision("promotes", labelled_at=earlier)])
    team.save([decision("rebuts", "ivan", labelled_at="2026-01-01T09:00:00Z")])
    last = gold(team.label_set().of_interest(False), codebook)
    assert codebook.ids[0] == "flood"
    assert (last.values[0, 0], last.voices[0, 0]) == (1, 2)
    assert [event.annotator for event in team.history(kind="decision")] == ["lead", "ivan"]


def test_a_later_reading_replaces_an_earlier_one_also_where_the_clock_was_set_back(team, codebook):
    team.save([reading(TEXT, "flood", "promotes", labelled_at="2026-05-01T10:00:00Z")])
    team.save([reading(TEXT, "", "", labelled_at="2026-05-01T09:00:00Z")])
    assert gold(team.label_set().of_interest(False), codebook).values.tolist() == [[0, 0, 0]]


def test_a_decision_settles_readings_before_it_also_where_the_clock_was_set_back(team):
    team.save([reading(TEXT, "flood", "promotes", labelled_at="2026-05-01T10:00:00Z")])
    team.save([reading(TEXT, "", "", annotator="ivan", labelled_at="2026-05-01T10:30:00Z")])
    assert len(disputes(team.label_set())) == 1
    team.save([decision("rebuts", "ivan", labelled_at="2026-05-01T09:00:00Z")])
    assert disputes(team.label_set()) == []


def test_an_undo_takes_back_what_was_stored_last_also_where_the_clock_was_set_back(team):
    team.save([reading(TEXT, "flood", "promotes", labelled_at="2026-05-01T10:00:00Z")])
    team.save([reading(TEXT, "", "", labelled_at="2026-05-01T09:00:00Z")])
    assert team.undo("olha").labels[0].frame == ""
    assert team.undo("olha").labels[0].frame == "flood"


def test_an_undone_paragraph_is_shown_next_also_where_the_clock_was_set_back(team, monkeypatch):
    other = paragraph("A text that comes after it.")
    team.add([other])
    queue = AssignmentQueue(team)
    queue.order([QueueEntry(each.paragraph_id, "near", "") for each in (PARAGRAPH, other)])
    queue.take("olha")
    team.save([reading(TEXT, "flood", "promotes", labelled_at=now())])
    assert queue.take("olha").paragraph_id == other.paragraph_id
    for module in (appending, events):
        monkeypatch.setattr(module, "now", lambda: "2026-01-01T09:00:00.000000Z")
    team.undo("olha")
    assert queue.take("olha").paragraph_id == PARAGRAPH.paragraph_id
