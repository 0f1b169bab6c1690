"""What a model cannot read is said, and is no "no frame"."""

from dataclasses import replace

import pytest

from narratives.kernel.kernel import Kernel
from narratives.model import persistence
from narratives.model.scope import outside, outside_in_words
from narratives.text.language import identify

OURS = ("en", "ru", "uk")
FRENCH = "Les habitants du quartier se sont réunis hier soir pour parler de la nouvelle école."
DAM = "The dam breaks before Friday."


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("fr", FRENCH),
        ("de", "Der Bürgermeister sagte am Montag, dass die neue Brücke erst im nächsten Jahr fertig wird."),
        ("pl", "Burmistrz zapowiedział, że nowy most zostanie otwarty dopiero w przyszłym roku."),
        ("bg", "Кметът обяви, че новият мост ще бъде открит едва през следващата година."),
        ("sr", "Градоначелник је изјавио да ће нови мост бити отворен тек следеће године."),
        ("en", "The mayor announced that the new bridge will only open next year."),
        ("uk", "Міський голова заявив, що новий міст відкриють лише наступного року."),
        ("ru", "Мэр заявил, что новый мост откроют только в следующем году."),
    ],
)
def test_a_sentence_is_enough_to_tell_a_language(code, text):
    assert identify(text) == code


def test_a_list_of_numbers_and_types_is_in_no_language():
    assert identify("a Cessna XLS+ (MSN 6170) 9H-MAO, a BD-700-1A10 (MSN 9223)") == ""


def test_the_language_counts_where_words_are_unknown_and_hardly_a_known_word_is_reason_enough():
    assert outside(FRENCH, 0.8, OURS) == "language=fr"
    assert outside(FRENCH, 0.2, OURS) == ""  # a model that knows its words can read it
    assert outside(FRENCH, 0.6, ()) == ""
    assert outside(FRENCH, 0.8, ()) == outside(DAM, 0.8, OURS) == "unknown"
    assert outside(DAM, 0.6, OURS) == ""


def test_reasons_are_said_in_words():
    assert outside_in_words("language=fr") == "in French"
    assert outside_in_words("language=xx") == "in the language 'xx'"
    assert outside_in_words("unknown") == "hardly a known word"


def test_a_text_that_cannot_be_read_has_no_frame_and_the_kernel_says_the_same(classifier):
    ours = replace(classifier, languages=OURS)
    # The link is in the way of the letters, and the French has words of the frame.
    # An ampersand alone is looked at, and stays.
    texts = [DAM, f"{DAM} {FRENCH}", FRENCH, "Zyx wvu tsr.", f"{DAM} https://quay.example/1", f"{DAM} & so on"]
    for predictor in (ours, Kernel(ours)):
        predictions = predictor.predict_texts(texts)
        assert predictions.outside == {1: "language=fr", 2: "language=fr", 3: "unknown"}
        assert predictions.predicted.any(axis=1).tolist() == [True, False, False, False, True, True]
        assert not predictions.human[1:4].any()
        assert (predictions.voices[1:4] == -1).all()
        assert predictions.cleaned == {4}
    assert {reading.decision for reading in ours.explain(FRENCH)} == {"no"}


def test_the_languages_of_a_model_are_kept_with_it(classifier, tmp_path):
    persistence.save(replace(classifier, languages=OURS), tmp_path / "model", {}, "card")
    assert persistence.load(tmp_path / "model").languages == OURS
