from dataclasses import replace

import numpy as np
import pytest

from conftest import paragraph, reading
from narratives.annotation.queue import in_random_share
from narratives.annotation.ranking import rank
from narratives.annotation.review import Finding, accept_all, find
from narratives.codebook.frames import retire
from narratives.labels.files import check_labels
from narratives.labels.gold import UNKNOWN, gold
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import now

PLAIN = "Wake up, neighbours: the dam breaks before Friday!"
NEW = ["A dam and a mayor, said a councillor.", "The bridge of the choir."]
STRANGE = f"{PLAIN} The river rises! Zorblatt quindle, Frobnitz quindle."
STRANGER = f"{STRANGE} Vexilla!"


@pytest.fixture
def reviewed(store, label_set, classifier, codebook):
    """The tiny world's labels, one of them plainly against the model, ranked."""
    store.import_labels(label_set)
    store.add(map(paragraph, [*NEW, "The dam breaks today, and the river rises, neighbours."]))
    store.save([reading("The dam breaks today, and the river rises, neighbours.", "", "", labelled_at=now())])
    rank(store, classifier, codebook)
    return store


def test_the_surest_decision_against_a_label_comes_first(reviewed, classifier, codebook):
    against = [finding for finding in find(reviewed, classifier, codebook).items if finding.reason == "against"]
    assert against[0].text == "The dam breaks today, and the river rises, neighbours."
    assert against[0].frame == "flood"
    assert against[0].detail.startswith("flood: labelled no, the model ")


def test_what_is_near_a_threshold_has_been_read_by_nobody(reviewed, classifier, codebook):
    findings = find(reviewed, classifier, codebook)
    assert {finding.text for finding in findings.items if finding.reason == "near"} <= set(NEW)
    assert all(findings.readings(finding.paragraph_id) for finding in findings.items if finding.reason == "against")


@pytest.mark.slow
def test_the_random_share_is_left_to_the_queue(store, label_set, classifier):
    texts = [f"{STRANGE} Number {number}, said the mayor of the bridge." for number in range(40)]
    store.import_labels(label_set)
    store.add(map(paragraph, texts))
    rank(store, classifier)
    drawn = {text for text in texts if in_random_share(paragraph(text).paragraph_id)}
    listed = {finding.text for finding in find(store, classifier, classifier.codebook).items} & set(texts)
    assert 2 < len(drawn) < 20
    assert listed == set(texts) - drawn
    queued = {item.text for item in AssignmentQueue(store).upcoming("maria", 500) if item.reason == "random"}
    assert queued == drawn


@pytest.mark.slow
def test_decisions_on_words_that_the_model_does_not_know_are_listed_most_unknown_first(store, label_set, classifier):
    silent = "Zorblatt quindle: Frobnitz sings."
    store.import_labels(label_set)
    store.add(map(paragraph, [PLAIN, STRANGE, STRANGER, silent]))
    rank(store, classifier)
    assert classifier.predict([PLAIN, STRANGE, STRANGER, silent]) == [("flood",)] * 3 + [()]
    new = [finding for finding in find(store, classifier, classifier.codebook).items if finding.reason == "new"]
    assert [finding.text for finding in new] == [STRANGER, STRANGE]
    assert new[1].frame == "flood"
    assert new[1].detail.endswith("; 27% of the words are new to the model: Zorblatt, quindle, Frobnitz")


@pytest.mark.slow
def test_what_somebody_has_read_is_not_listed_for_its_new_words(store, label_set, classifier):
    store.import_labels(label_set)
    store.add([paragraph(STRANGE)])
    store.save([reading(STRANGE, "flood", "promotes", labelled_at=now())])
    rank(store, classifier)
    assert not find(store, classifier, classifier.codebook).select("new")


def test_findings_are_chosen_by_reason_and_frame_a_paragraph_once(reviewed, classifier, codebook):
    findings = find(reviewed, classifier, codebook)
    ids = [finding.paragraph_id for finding in findings.select()]
    assert len(ids) == len(set(ids))
    assert {finding.frame for finding in findings.select("against", "flood")} == {"flood"}
    positions = [findings.items.index(finding) for finding in findings.select()]
    assert positions == sorted(positions)


def test_a_decision_takes_a_paragraph_off_the_list(reviewed, classifier, codebook):
    first = next(finding for finding in find(reviewed, classifier, codebook).items if finding.reason == "against")
    reviewed.save([reading(first.text, "", "", annotator="lead", kind="decision", labelled_at=now())])
    assert first.paragraph_id not in {
        finding.paragraph_id for finding in find(reviewed, classifier, codebook).select("against")
    }


def test_many_are_accepted_at_once_and_undone_at_once(reviewed, classifier, codebook):
    before = set(reviewed.label_set().labels)
    chosen = find(reviewed, classifier, codebook).select("against")
    name = accept_all(reviewed, chosen, classifier, codebook, "maria")
    accepted = [label for label in reviewed.label_set().labels if label.annotator == "maria"]
    assert {label.paragraph_id for label in accepted} == {finding.paragraph_id for finding in chosen}
    assert {label.note for label in accepted} == {"accepted"}
    assert {event.reason for event in reviewed.history() if event.annotator == "maria"} == {"against"}
    predicted = dict(
        zip(
            [finding.paragraph_id for finding in chosen],
            classifier.predict([finding.text for finding in chosen]),
            strict=True,
        )
    )
    for label in accepted:
        assert (label.frame in predicted[label.paragraph_id]) or (
            label.frame == "" and not predicted[label.paragraph_id]
        )
    assert reviewed.undo_all("ivan", name) == 0
    assert reviewed.undo_all("maria", name) == len(chosen)
    assert set(reviewed.label_set().labels) == before


@pytest.mark.slow
def test_a_model_without_voices_is_accepted_without_a_voice(store, classifier, codebook):
    silent = replace(classifier, voice_model=None)
    texts = [PLAIN, "The choir sings in the market hall on Sunday at ten."]
    store.add(map(paragraph, texts))
    rank(store, silent, codebook)
    findings = [Finding(paragraph(text).paragraph_id, text, "flood", "near", "") for text in texts]
    accept_all(store, findings, silent, codebook, "maria")
    labels = store.label_set()
    assert {label.voice for label in labels.labels} == {""}
    check_labels(labels, codebook, "the database")
    accepted = gold(labels, codebook)
    np.testing.assert_array_equal(accepted.values, silent.predict_texts(accepted.texts).predicted)
    assert (accepted.voices == UNKNOWN).all()


def test_after_a_merge_the_model_is_reviewed_by_the_successor(reviewed, classifier, codebook):
    merged = retire(codebook, "flood", "mayor", "2026-05-01")
    findings = find(reviewed, classifier, merged)
    assert {finding.frame for finding in findings.items if finding.reason != "doubtful"} <= {"mayor", "bridge"}
    frames = [
        label.frame
        for finding in findings.items
        for reading in findings.readings(finding.paragraph_id)
        for label in reading
    ]
    assert frames
    assert "flood" not in frames
    flood = next(finding for finding in find(reviewed, classifier, codebook).items if finding.frame == "flood")
    accept_all(reviewed, [flood], classifier, merged, "maria")
    assert {label.frame for label in reviewed.label_set().labels if label.annotator == "maria"} == {"mayor"}
