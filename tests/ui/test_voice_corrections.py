import pytest

from narratives.model.document import classify
from narratives.ui.session.voice_corrections import VoiceCorrections

FLOOD, CHOIR = "Wake up, neighbours: the dam breaks before Friday!", "The choir sings in the market hall."


@pytest.fixture(scope="module")
def classification(classifier):
    return classify(classifier, f"{CHOIR}\n\n{FLOOD}")


@pytest.fixture
def choose(classification, store, codebook):
    corrections = VoiceCorrections()

    def chosen(step, voice="", annotator="olha", **sent):
        where = {"paragraph": 1, "frame": "flood", "opened": ["flood"]}
        corrections.take({"step": step, "voice": voice, **where, **sent}, classification, store, annotator)
        if annotator:
            corrections.store_waiting(store, annotator, codebook, "tiny@1")
        return corrections

    return chosen


def labels_of(store):
    return [(label.kind, label.frame, label.value, label.voice, label.annotator) for label in store.label_set().labels]


def test_a_voice_is_stored_as_a_label_of_the_person_and_shown_at_once(choose, classification, store):
    corrections = choose("a1", "rebuts")
    assert labels_of(store) == [("single", "flood", "yes", "rebuts", "olha")]
    assert (store.history()[-1].reason, store.history()[-1].model) == ("corrected", "tiny@1")
    person = corrections.by_person(classification.paragraphs[1], ("flood",))
    assert (person.voices, person.opened) == ({"flood": "rebuts"}, ("flood",))


def test_a_correction_is_undone_to_the_one_before_and_then_to_the_voice_of_the_model(choose, store):
    choose("a1", "rebuts")
    corrections = choose("a2", "reports")
    assert corrections.voice(FLOOD, "flood") == "reports"
    assert choose("a3", undo=True).voice(FLOOD, "flood") == "rebuts"
    assert labels_of(store) == [("single", "flood", "yes", "rebuts", "olha")]
    assert choose("a4", undo=True).voice(FLOOD, "flood") == ""
    assert labels_of(store) == []
    assert choose("a5", undo=True).complaint == ""


def test_a_voice_waits_until_the_person_has_a_name(choose, store):
    corrections = choose("a1", "rebuts", annotator="")
    assert (corrections.waiting.voice, labels_of(store)) == ("rebuts", [])
    assert choose("", annotator="olha").voice(FLOOD, "flood") == "rebuts"
    assert labels_of(store) == [("single", "flood", "yes", "rebuts", "olha")]


def test_a_step_counts_once(choose, store):
    choose("a1", "rebuts")
    assert len(choose("a1", "rebuts").given) == 1
    assert len(labels_of(store)) == 1


@pytest.mark.parametrize(
    "sent",
    [
        {"voice": "sings"},
        {"frame": "mayor"},
        {"paragraph": 0},
        {"paragraph": 7},
        {"paragraph": "1"},
        {"step": "%"},
        {"step": "a" * 61},
    ],
)
def test_what_names_no_finding_or_voice_is_ignored(choose, store, sent):
    assert choose(**({"step": "a1", "voice": "rebuts"} | sent)).given == []
    assert labels_of(store) == []
