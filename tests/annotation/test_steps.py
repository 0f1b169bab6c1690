import json
from dataclasses import replace

import numpy as np
import pytest

from conftest import paragraph
from narratives.annotation.steps import Correction, Step, correct, suggest, take_step, with_imported
from narratives.codebook.frames import bare, retire
from narratives.errors import UserError
from narratives.labels.files import check_labels
from narratives.labels.gold import UNKNOWN, gold
from narratives.labels.interchange.intake import Suggestion as Imported
from narratives.store.events import Circumstances
from narratives.ui.components.board import hints

NOTHING = Circumstances()  # nothing was suggested, and nobody said why the paragraph was shown
TEXT = "Wake up, neighbours: the dam breaks before Friday!"


def step(**changes):
    given = {
        "act": "save",
        "step": "t1",
        "paragraph_id": paragraph(TEXT).paragraph_id,
        "frames": [["flood", "reports"]],
    }
    return given | {"sure": True, "note": ""} | changes


@pytest.mark.slow
def test_the_model_suggests_what_it_predicts_and_hides_it_for_one_in_five(classifier):
    suggested = suggest(classifier, classifier.codebook, "any", TEXT)
    assert [(suggestion.frame, suggestion.voice) for suggestion in suggested.frames] == [("flood", "promotes")]
    shown = [suggest(classifier, classifier.codebook, f"p{n}", "A choir.").shown for n in range(300)]
    assert 0.7 < sum(shown) / len(shown) < 0.9
    assert suggest(classifier, bare(["mayor"]), "any", TEXT).frames == ()
    assert json.loads(suggested.as_json())["frames"][0]["frame"] == "flood"


def test_a_random_paragraph_is_read_without_what_the_model_says(classifier):
    ids = [f"p{n}" for n in range(50)]
    drawn, chosen = (
        [suggest(classifier, classifier.codebook, name, TEXT, reason) for name in ids] for reason in ("random", "rare")
    )
    assert not any(suggested.shown for suggested in drawn)
    assert any(suggested.shown for suggested in chosen)
    assert drawn[0].frames == chosen[0].frames, "what the model says is stored all the same"


def test_a_frame_merged_since_the_model_was_trained_is_suggested_as_its_successor(classifier, codebook):
    merged = retire(codebook, "flood", "mayor", "2026-05-01")
    everything = replace(classifier, thresholds=np.zeros(3))
    assert {suggestion.frame for suggestion in suggest(everything, codebook, "any", TEXT).frames} == {
        "flood",
        "mayor",
        "bridge",
    }
    once = suggest(everything, merged, "any", TEXT).frames
    assert sorted(suggestion.frame for suggestion in once) == ["bridge", "mayor"]
    assert once[0].probability == suggest(classifier, codebook, "any", TEXT).frames[0].probability
    assert [suggestion.frame for suggestion in suggest(classifier, merged, "any", TEXT).frames] == ["mayor"]
    assert suggest(classifier, retire(codebook, "flood", "", "2026-05-01"), "any", TEXT).frames == ()


def imported(model, *frames):
    return Imported(
        "any", model, json.dumps([dict(zip(("frame", "voice", "probability"), each, strict=False)) for each in frames])
    )


def test_what_models_said_in_imported_files_stands_behind_what_ours_says(classifier, codebook):
    own = suggest(classifier, codebook, "any", TEXT)
    files = [
        imported(
            "theirs@1", ("flood", "rebuts", 0.9), ("Mayor", "reports", 0.8), ("bridge", "", 0.2), ("tram", "", 0.9)
        ),
        imported("spaCy", ("bridge", "wrong"), ("mayor", "", 0.7)),
        imported(own.model, ("bridge", "reports", 0.9)),
    ]
    suggested = with_imported(own, files, codebook)
    assert suggested.frames[:1] == own.frames
    assert [(each.frame, each.voice, each.probability, each.by) for each in suggested.frames[1:]] == [
        ("mayor", "reports", 0.8, "theirs@1"),
        ("bridge", "", None, "spaCy"),
    ]
    stored = json.loads(suggested.as_json())["frames"]
    assert [each.get("by", "ours") for each in stored] == ["ours", "theirs@1", "spaCy"]
    assert [each["likely"] for each in hints(suggested.frames)][1:] == ["0.80 · theirs@1", "spaCy"]


def test_an_imported_suggestion_follows_a_merged_frame_and_is_hidden_where_ours_is(classifier, codebook):
    merged = retire(codebook, "bridge", "mayor", "2026-05-01")
    blind = suggest(classifier, codebook, "any", "The choir sings.", "random")
    suggested = with_imported(blind, [imported("theirs@1", ("bridge", "reports", 0.9))], merged)
    assert [(each.frame, each.by) for each in suggested.frames] == [("mayor", "theirs@1")]
    assert not suggested.shown


def test_a_saved_step_is_a_whole_reading_with_what_was_suggested(store, codebook, classifier):
    store.add([paragraph(TEXT)])
    suggested = suggest(classifier, codebook, paragraph(TEXT).paragraph_id, TEXT)
    read = Step.read(
        step(note="  so\n said ", sure=False, frames=[["flood", "reports"], ["mayor", "rebuts"]]), codebook
    )
    assert take_step(store, read, "olha", codebook, suggested.around("rare")) == "saved: 2 frames"
    (event,) = store.history()
    assert (event.model, event.suggested, event.reason) == (classifier.name, suggested.as_json(), "rare")
    assert [(label.frame, label.voice, label.sure, label.note) for label in event.labels] == [
        ("flood", "reports", "no", "so said"),
        ("mayor", "rebuts", "no", "so said"),
    ]
    assert take_step(store, read, "olha", codebook, suggested.around("rare"))
    assert len(store.history()) == 1, "the same step twice is one"


def test_nothing_chosen_is_a_label_too_and_a_decision_is_gold(store, codebook):
    store.add([paragraph(TEXT)])
    assert take_step(store, Step.read(step(frames=[]), codebook), "olha", codebook, NOTHING) == "saved: no frame"
    decided = Step.read(step(step="t2"), codebook)
    assert take_step(store, decided, "lead", codebook, NOTHING, "decision") == "decided: 1 frame"
    assert gold(store.label_set(), codebook).values.tolist() == [[1, 0, 0]]


def test_a_suggestion_without_a_voice_is_stored_without_one_and_a_decision_asks_for_it(store, codebook, classifier):
    store.add([paragraph(TEXT)])
    (suggestion,) = suggest(replace(classifier, voice_model=None), codebook, "any", TEXT).frames
    assert (suggestion.frame, suggestion.voice) == ("flood", "")
    accepted = Step.read(step(frames=[[suggestion.frame, suggestion.voice]]), codebook)
    with pytest.raises(UserError, match="a decision on 'flood' needs a voice; choose one of promotes"):
        take_step(store, accepted, "lead", codebook, NOTHING, "decision")
    assert take_step(store, accepted, "olha", codebook, NOTHING) == "saved: 1 frame"
    labels = store.label_set()
    check_labels(labels, codebook, "the database")
    assert {(label.frame, label.voice, label.value, label.kind) for label in labels.labels} == {
        ("flood", "", "yes", "single"),
        ("mayor", "", "no", "single"),
        ("bridge", "", "no", "single"),
    }
    assert gold(labels, codebook).values.tolist() == [[1, 0, 0]]
    assert gold(labels, codebook).voices.tolist() == [[UNKNOWN] * 3]


def test_undo_and_skip_say_what_they_did(store, codebook):
    store.add([paragraph(TEXT)])
    assert take_step(store, Step.read(step(act="undo"), codebook), "olha", codebook, NOTHING) == "nothing to undo"
    assert take_step(store, Step.read(step(act="skip", step="t2"), codebook), "olha", codebook, NOTHING) == "skipped"
    assert (
        take_step(store, Step.read(step(act="undo", step="t3"), codebook), "olha", codebook, NOTHING) == "undone: skip"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"act": "drop"}, "was not understood"),
        ({"step": ""}, "was not understood"),
        ({"paragraph_id": ""}, "was not understood"),
        ({"frames": [["dragons", "promotes"]]}, "'dragons' as promotes is not in the codebook"),
        ({"frames": [["flood", "shouts"]]}, "'flood' as shouts is not in the codebook"),
        ({"frames": [["flood", "reports"], ["flood", "rebuts"]]}, "a frame was chosen twice"),
    ],
)
def test_a_step_that_makes_no_sense_stores_nothing(codebook, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        Step.read(step(**changes), codebook)


def test_a_correction_speaks_of_one_frame_only(store, codebook):
    assert (
        correct(store, Correction(f" {TEXT}\n", "flood", "no"), "olha", codebook, "m@1")
        == "saved: is not The flood is coming"
    )
    (row,) = store.label_set().paragraphs
    (label,) = store.label_set().labels
    assert (row.text, label.kind, label.value, label.voice) == (TEXT, "single", "no", "")
    assert gold(store.label_set(), codebook).values.tolist() == [[0, -1, -1]]
    correct(store, Correction(TEXT, "flood", "yes", "rebuts"), "olha", codebook, "m@1")
    assert gold(store.label_set(), codebook).values.tolist() == [[1, -1, -1]]
    assert gold(store.label_set(), codebook).how == ("corrected",)


def test_a_text_that_no_database_keeps_is_refused(store, codebook):
    with pytest.raises(UserError, match="NUL"):
        correct(store, Correction("a\0b", "flood", "yes", "promotes"), "olha", codebook, "m@1")
    assert store.history() == ()
