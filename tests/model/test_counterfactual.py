import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import AWKWARD
from narratives.model.counterfactual import MOST, smallest_flip
from narratives.model.features import words

LONG = "The dam breaks before Friday, wake up! The river rises and nobody is safe from the flood wave, of course."


def flips_of(classifier, text):
    return {reading.frame: smallest_flip(classifier, text, reading) for reading in classifier.explain(text)}


def without(text, gone):
    """Remove each of the words wherever it stands."""
    folded = {word.folded for name in gone for word in words(name)}
    for word in reversed(words(text)):
        if word.folded in folded:
            text = text[: word.start] + text[word.end :]
    return text


def holds(classifier, text):
    """Each flip's words stand in the text and take the frame away; no single word of a larger set does it alone."""
    for frame, gone in flips_of(classifier, text).items():
        assert len(gone) <= MOST
        assert all(word in text for word in gone)
        if gone:
            assert frame not in classifier.predict([without(text, gone)])[0]
        if len(gone) > 1:
            assert all(frame in classifier.predict([without(text, [word])])[0] for word in gone)


@pytest.mark.parametrize("text", [*AWKWARD, LONG], ids=range(len(AWKWARD) + 1))
def test_the_frame_is_gone_without_those_words_and_not_with_fewer(classifier, text):
    holds(classifier, text)


@settings(max_examples=40, deadline=None)
@given(text=st.lists(st.one_of(st.text(), st.sampled_from(["dam ", "breaks ", "Mayor ", "stole ", "Й"]))).map("".join))
def test_a_flip_flips_on_any_text(classifier, text):
    holds(classifier, text)


def test_a_predicted_frame_of_few_words_has_a_flip_and_an_absent_one_none(classifier):
    flips = flips_of(classifier, LONG)
    assert flips["flood"]
    assert flips["mayor"] == ()


def test_words_are_given_as_they_are_written(classifier):
    assert set(flips_of(classifier, LONG.upper())["flood"]) <= set(LONG.upper().replace(",", "").split())
