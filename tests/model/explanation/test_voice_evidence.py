from dataclasses import replace

import numpy as np
import pytest

from conftest import AWKWARD
from narratives.codebook.frames import VOICES
from narratives.model.explanation.voice_evidence import seen_with_origins, voice_shares
from narratives.model.features import words
from narratives.model.voice_markers import MARKERS, read_markers, sentences
from narratives.model.voice_model import against_others
from narratives.text.cleaning import plain

TEXTS = [
    *AWKWARD,
    "It is false that the mayor stole the budget! “No,” he said, “never, never, never, not at all.” Really? No.",
    "Неправда, що дамбу прорве: насправді експерти нічого такого не заявляли. «Це фейк», – повідомили в інституті.",
    "Якобы мэр украл бюджет, но это ложь; на самом деле эксперты этого не сообщали. «Никогда», – сказал он!",
    "<b>the da\u0301m</b>  breaks, n\u00ado &amp; n\u200bever: https://e.org/a t h e  d a m &#8220;a&#8221;",
    "Тhe mаyor (two letters of another script) ＳＴＯＬＥ the budget, @someone says #dam 🌊 !",
    " 'It'  isn't so, don’t you see… ",
]


@pytest.fixture(scope="module")
def wild(classifier):
    """The classifier with a voice model whose every term and marker has a weight."""
    random = np.random.default_rng(4)
    model = classifier.voice_model
    weights = {name: random.normal(size=getattr(model, name).shape) for name in ("row_weights", "sign_weights", "bias")}
    return replace(classifier, voice_model=replace(model, **weights))


def log_ratios(voices):
    return against_others(np.log([voices[voice] for voice in VOICES]))


@pytest.mark.parametrize("text", TEXTS)
def test_evidence_other_and_bias_add_up_to_the_score_which_is_that_of_the_probabilities(wild, text):
    for reading in wild.explain(text):
        assert list(reading.voice_readings) == list(VOICES)
        scores = log_ratios(reading.voices)
        for voice, score in zip(VOICES, scores, strict=True):
            why = reading.voice_readings[voice]
            assert sum(item.weight for item in why.evidence) + why.other + why.bias == pytest.approx(
                why.score, abs=1e-9
            )
            assert why.score == pytest.approx(score, abs=1e-6)
        assert reading.voice_reading == reading.voice_readings[reading.voice]


@pytest.mark.parametrize("text", TEXTS)
def test_the_shares_of_words_and_marks_leave_nothing_of_the_score_but_the_bias(wild, text):
    row, model, seen = wild.features.transform([text]), wild.voice_model, plain(text)
    places = sentences(seen)
    markers = read_markers(seen, places)
    for index, (spans, shares) in enumerate(voice_shares(model, wild.features, row, text, places)):
        scores = model.scores(row, markers[[index]])[0]
        np.testing.assert_allclose(shares.sum(axis=0), against_others(scores - model.bias), atol=1e-9)
        assert {(word.start, word.end) for word in words(text)} <= set(spans)


@pytest.mark.parametrize("text", TEXTS)
def test_the_spans_of_a_voice_lie_in_the_text_as_given(wild, text):
    for reading in wild.explain(text):
        for item in reading.voice_reading.evidence:
            assert all(0 <= start < end <= len(text) for start, end in item.spans)
            assert item.text == text[slice(*item.spans[0])]


@pytest.mark.parametrize("text", TEXTS)
def test_a_cleaned_text_is_seen_as_the_markers_see_it(text):
    seen, origins = seen_with_origins(text)
    assert (seen, len(seen)) == (plain(text), len(origins))
    assert origins == sorted(origins)


def markers_alone(classifier, **weights):
    """Return the classifier with a voice model of these markers, each with its weight for *rebuts*."""
    model = classifier.voice_model
    signs = np.zeros_like(model.sign_weights)
    for name, weight in weights.items():
        signs[MARKERS.index(f"{name}, paragraph"), VOICES.index("rebuts")] = weight
    return replace(
        classifier, voice_model=replace(model, row_weights=np.zeros_like(model.row_weights), sign_weights=signs)
    )


@pytest.mark.parametrize(
    ("text", "without", "word"),
    [
        ("NATO did not provoke this war.", "NATO did provoke this war.", "not"),
        ("Дамбу ніколи прорве вода.", "Дамбу прорве вода.", "ніколи"),
        ("Мэр никогда украл бюджет.", "Мэр украл бюджет.", "никогда"),
    ],
)
def test_a_negation_counts_as_much_as_the_score_loses_without_it(classifier, text, without, word):
    judge = markers_alone(classifier, negation=1.5)
    before, after = (judge.explain(each)[0].voice_readings["rebuts"] for each in (text, without))
    evidence = {item.text: item.weight for item in before.evidence}
    assert evidence == {word: pytest.approx(before.score - after.score)}
    assert before.score - after.score == pytest.approx(1.5 / 3)


def test_a_phrase_is_one_piece_of_evidence_and_a_quotation_its_two_marks(classifier):
    judge = markers_alone(classifier, proof=3.0, quotation=1.2)
    why = judge.explain("Is in fact “a lie” or so")[0].voice_readings["rebuts"]
    assert [(item.text, item.weight) for item in why.evidence] == [
        ("in fact “", pytest.approx(1.2)),
        ("”", pytest.approx(0.2)),
    ]


def test_what_has_no_place_in_the_text_is_in_other(wild):
    text = " or ".join(f"no{'t' * (n % 2)} choir {n}" for n in range(40))
    why = wild.explain(text)[0].voice_reading
    assert sum(item.weight > 0 for item in why.evidence) <= 10
    assert why.other != 0


def test_a_model_without_voices_explains_none(classifier):
    reading = replace(classifier, voice_model=None).explain("The dam breaks before Friday!")[0]
    assert (reading.voice_readings, reading.voice_reading.evidence, reading.voice_reading.score) == ({}, (), 0.0)
