import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import AWKWARD
from narratives.model.explanation.counterfactual import MOST, smallest_flip
from narratives.model.features import words

LONG = "The dam breaks before Friday, wake up! The river rises and nobody is safe from the flood wave, of course."


def flips_of(classifier, text):
    return {reading.frame: smallest_flip(classifier, text, reading) for reading in classifier.explain(text)}


def without(text, removed):
    """Remove each of the words wherever it occurs."""
    folded = {word.folded for name in removed for word in words(name)}
    for word in reversed(words(text)):
        if word.folded in folded:
            text = text[: word.start] + text[word.end :]
    return text


def check_flips(classifier, text):
    """Check that the words of each flip occur in the text and flip the frame, and that several are all needed."""
    for frame, flip in flips_of(classifier, text).items():
        assert len(flip) <= MOST
        assert all(word in text for word in flip)
        if flip:
            assert frame not in classifier.predict([without(text, flip)])[0]
        if len(flip) > 1:
            assert all(frame in classifier.predict([without(text, [word])])[0] for word in flip)


@pytest.mark.parametrize("text", [*AWKWARD, LONG], ids=range(len(AWKWARD) + 1))
def test_removing_the_words_flips_the_frame_and_one_of_them_alone_does_not(classifier, text):
    check_flips(classifier, text)


@settings(max_examples=40, deadline=None)
@given(text=st.lists(st.one_of(st.text(), st.sampled_from(["dam ", "breaks ", "Mayor ", "stole ", "Й"]))).map("".join))
def test_a_flip_flips_on_any_text(classifier, text):
    check_flips(classifier, text)


def test_a_predicted_frame_has_a_flip_and_an_absent_one_has_none(classifier):
    flips = flips_of(classifier, LONG)
    assert flips["flood"]
    assert flips["mayor"] == ()


def test_words_are_returned_as_written(classifier):
    assert set(flips_of(classifier, LONG.upper())["flood"]) <= set(LONG.upper().replace(",", "").split())
