from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import AWKWARD


def check_explanation(classifier, text):
    """Check that the evidence sums to the score, spans cut the text, and probabilities are those of predict_proba."""
    probabilities = classifier.predict_proba([text])[0]
    for reading in classifier.explain(text):
        total = sum(item.weight for item in reading.evidence) + reading.other + reading.bias
        assert total == pytest.approx(reading.score, abs=1e-9)
        everything = sum(item.weight for item in classifier.evidence_ngrams(text, reading.frame))
        assert everything + reading.bias == pytest.approx(reading.score, abs=1e-9)
        assert reading.probability == pytest.approx(probabilities[classifier.frames.index(reading.frame)], abs=1e-12)
        for item in reading.evidence:
            start, end = item.spans[0]
            assert text[start:end] == item.text != ""


@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_the_evidence_adds_up_to_the_score(classifier, text):
    check_explanation(classifier, text)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(text=st.lists(st.one_of(st.text(), st.sampled_from(["dam", "Mayor ", " the river", "Й", "\n"]))).map("".join))
def test_the_evidence_adds_up_on_any_text(classifier, text):
    check_explanation(classifier, text)


def test_the_evidence_shown_outweighs_the_rest(classifier):
    reading = classifier.explain(AWKWARD[0])[0]
    assert reading.frame in ("flood", "mayor")
    shown = sum(item.weight for item in reading.evidence)
    assert abs(reading.other) < abs(shown)


@pytest.mark.parametrize("text", ["", " \n", "?!"])
def test_a_text_without_words_has_no_frame(classifier, text):
    assert classifier.predict([text]) == [()]
    assert {reading.decision for reading in classifier.explain(text)} == {"no"}


def test_frames_come_most_probable_first_and_voices_only_where_predicted(classifier):
    texts = ["Wake up, neighbours: the dam breaks before Friday!", "The choir sings in the market hall."]
    predictions = classifier.predict_texts(texts)
    assert classifier.predict(texts) == [("flood",), ()]
    assert ((predictions.voices >= 0) == predictions.predicted).all()


def test_inside_the_band_a_person_decides_whether_the_frame_is_predicted_or_not(classifier):
    text = "Wake up, neighbours: the dam breaks before Friday!"
    p = classifier.predict_proba([text])[0, 0]
    for threshold, low, high, decision, predicted in (
        (p - 0.02, p - 0.03, p - 0.01, "yes", True),
        (p - 0.02, p - 0.03, p + 0.01, "human", True),
        (p + 0.02, p - 0.01, p + 0.03, "human", False),
        (p + 0.02, p + 0.01, p + 0.03, "no", False),
    ):
        moved = replace(classifier, thresholds=np.full(3, threshold), band=np.tile([low, high], (3, 1)))
        reading = next(reading for reading in moved.explain(text) if reading.frame == "flood")
        predictions = moved.predict_texts([text])
        assert (reading.decision, reading.predicted) == (decision, predicted)
        assert (bool(predictions.human[0, 0]), bool(predictions.predicted[0, 0])) == (decision == "human", predicted)


def test_every_threshold_lies_in_its_band(classifier):
    assert (classifier.band[:, 0] <= classifier.thresholds).all()
    assert (classifier.band[:, 1] >= classifier.thresholds).all()


def test_voices_follow_who_speaks(classifier):
    texts = [
        "Wake up, neighbours: the dam breaks before Friday!",
        "A councillor said on Monday that the dam breaks before Friday.",
        "It is false that the dam breaks before Friday; the records show the contrary.",
    ]
    assert classifier.predict_texts(texts).voices[:, 0].tolist() == [0, 1, 2]


def test_a_text_has_the_same_probabilities_alone_and_in_a_batch(classifier):
    whole = classifier.predict_proba(AWKWARD)
    np.testing.assert_allclose(whole, np.vstack([classifier.predict_proba([text]) for text in AWKWARD]), atol=1e-12)


def test_a_finding_in_one_or_two_words_is_left_to_a_person(classifier):
    short, longer = "dam breaks", "the dam breaks"
    predictions = classifier.predict_texts([short, longer])
    flood = classifier.frames.index("flood")
    assert predictions.predicted[:, flood].tolist() == [True, True]
    assert predictions.human[0, flood]
    decisions = [
        next(reading.decision for reading in classifier.explain(text) if reading.frame == "flood")
        for text in (short, longer)
    ]
    assert decisions == ["human", "human" if predictions.human[1, flood] else "yes"]
