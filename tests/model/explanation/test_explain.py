import numpy as np
import pytest

from narratives.model.explanation.explain import (
    EVIDENCE,
    evidence_sentences,
    likeliest,
    ngram_evidence,
    spans_of,
    strongest_spans,
    word_shares,
)
from narratives.model.features import words
from narratives.training.features import fit_features

TEXT = "The dam breaks. The choir sings."
FEATURES = fit_features([TEXT, TEXT, "the dam", "the choir"])


def strongest(text, shares):
    return [
        (item.text, item.spans, item.weight) for item in strongest_spans(text, spans_of(words(text)), np.array(shares))
    ]


def test_neighbouring_words_that_point_the_same_way_are_one_span():
    assert strongest("the dam breaks not", [0.0, 2.0, 1.0, -1.0]) == [
        ("dam breaks", ((4, 14),), 3.0),
        ("not", ((15, 18),), -1.0),
    ]


def test_the_same_words_elsewhere_are_one_piece_of_evidence_with_both_spans():
    assert strongest("Dam or dam", [1.0, 0.0, 2.0]) == [("Dam", ((0, 3), (7, 10)), 3.0)]


def test_a_word_that_hardly_counts_is_no_evidence():
    assert strongest("dam a", [1.0, -0.1]) == [("dam", ((0, 3),), 1.0)]
    assert strongest("dam a", [0.0, 0.0]) == []


def test_only_the_strongest_spans_are_shown_on_each_side():
    text = " or ".join(f"w{n}" for n in range(2 * EVIDENCE))
    shares = np.zeros(4 * EVIDENCE - 1)
    shares[::2] = np.arange(2 * EVIDENCE) + 100
    assert [item.text for item in strongest_spans(text, spans_of(words(text)), shares)] == [
        f"w{n}" for n in range(2 * EVIDENCE - 1, EVIDENCE - 1, -1)
    ]
    assert len(strongest_spans(text, spans_of(words(text)), -shares)) == EVIDENCE


def test_the_shares_of_words_and_of_ngrams_add_up_to_the_score():
    weights = np.random.default_rng(0).normal(size=(FEATURES.size, 2))
    row = FEATURES.transform([TEXT])
    shares = word_shares(FEATURES, weights, row, words(TEXT))
    np.testing.assert_allclose(shares.sum(axis=0), (row @ weights)[0])
    evidence = ngram_evidence(FEATURES, weights[:, 1], TEXT)
    assert sum(item.weight for item in evidence) == pytest.approx((row @ weights)[0, 1])
    assert all(TEXT[start:end].lower().strip() for item in evidence for start, end in item.spans)


def test_each_frame_has_the_sentence_with_most_of_its_score():
    weights = np.zeros((FEATURES.size, 2))
    weights[FEATURES.word_of("dam"), 0] = weights[FEATURES.word_of("choir"), 1] = 1.0
    spans = evidence_sentences(FEATURES, weights, FEATURES.transform([TEXT]), TEXT, np.array([0, 1]))
    assert [TEXT[start:end].strip() for start, end in spans] == ["The dam breaks.", "The choir sings."]


def test_the_likeliest_voice_is_the_first_of_equals_and_empty_without_voices():
    assert likeliest({"promotes": 0.4, "reports": 0.4, "rebuts": 0.2}) == "promotes"
    assert likeliest({}) == ""
