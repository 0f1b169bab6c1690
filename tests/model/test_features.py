import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from narratives.model.features import character_ngrams, fold, words
from narratives.training.features import UNKNOWN, fit_features

AWKWARD = [
    "İstanbul İ",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ",
    "cafe\u0301 naïve Й и\u0306 е\u0308ж Ё",
    "👩‍👩‍👧‍👦 family 🇺🇦",
    "ｆｕｌｌｗｉｄｔｈ ﬁ ß ẞ",
    "a\x00b \u200d\u200e\u202e x",
    "„лапки“ «лапки» 'п’ять' п'ять",
    "",
    " \n\t",
    "a" * 50_000 + " b",
]


@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_words_have_their_spans_in_the_original_text(text):
    for word in words(text):
        assert 0 <= word.start < word.end <= len(text)
        assert word.folded in fold(text[word.start : word.end])


@given(st.text())
def test_folding_the_whole_text_and_its_words_agree(text):
    tokens = words(text)
    assert [word.folded for word in tokens] == re.findall(r"\w+", fold(text))
    assert all(first.start <= second.start for first, second in pairwise(tokens))


def test_composed_and_decomposed_letters_are_one_word():
    assert words("и\u0306од")[0].folded == words("йод")[0].folded == "йод"
    assert words("Ёлка")[0].folded == "елка"


def test_rows_equal_those_of_scikit_learn():
    texts = ["The front will not move.", "The front will move, they say; the front!", "Не вір: фронт стоїть.", "move"]
    features = fit_features(texts, min_df=1)
    blocks = [
        TfidfVectorizer(preprocessor=fold, token_pattern=r"\w+", ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(
            analyzer=lambda text: [gram for word in words(text) for gram in character_ngrams(word.folded)],
            sublinear_tf=True,
        ),
    ]
    reference = np.hstack([block.fit_transform(texts).toarray() for block in blocks])
    ours = features.transform(texts).toarray()
    names = [*blocks[0].get_feature_names_out(), *blocks[1].get_feature_names_out()]
    assert names == [*features.word_terms, *features.character_terms]
    np.testing.assert_allclose(ours, reference, atol=1e-12)


def test_unknown_words_lower_the_values_of_known_ones():
    features = fit_features(["red fox", "red hen"])
    alone, among_unknown = features.transform(["red", "red zzz qqq vvv"]).max(axis=1).toarray().ravel()
    assert alone > 2 * among_unknown > 0


def test_the_share_of_unknown_words_counts_every_occurrence_and_they_are_named_once():
    features = fit_features(["red fox", "red hen", "Fox hen"])
    texts = ["Red fox!", "Red ÉMU, ému and the FOX", "zzz", "", "?!"]
    np.testing.assert_allclose(features.unknown_shares(texts), [0, 4 / 6, 1, 0, 0])
    assert features.unknown_words("Red ÉMU, ému and the FOX") == ("ÉMU", "and", "the")
    assert features.unknown_shares([]).shape == (0,)


@pytest.mark.slow
@given(st.lists(st.text()))
def test_a_text_has_unknown_words_where_its_share_says_so(texts):
    features = fit_features(["a b c", "a b c"])
    for text, share in zip(texts, features.unknown_shares(texts), strict=True):
        assert bool(features.unknown_words(text)) == (share > 0)


def test_a_term_must_occur_twice_unless_it_is_an_extra_term():
    features = fit_features(["red fox", "red hen"], extra_terms=["blue owl"])
    assert "red" in features.word_terms
    assert "fox" not in features.word_terms
    assert {"blue", "owl", "blue owl"} <= set(features.word_terms)


def test_a_text_without_known_words_is_an_empty_row():
    features = fit_features(["red fox", "red hen"])
    assert features.transform(["", "zzz", "red"]).getnnz(axis=1).tolist()[0] == 0


def test_short_words_are_one_character_ngram():
    assert Counter(character_ngrams("a")) == Counter([" a "])


def test_background_text_lowers_the_idf_of_its_words_and_adds_no_term():
    texts = ["the dam breaks", "the dam holds", "the mayor"]
    alone, beside = fit_features(texts), fit_features(texts, background=["the dam and the river"] * 9)
    assert beside.word_terms == alone.word_terms
    assert beside.character_terms == alone.character_terms
    idf = dict(zip((*beside.word_terms, *beside.character_terms), beside.idf.tolist(), strict=True))
    assert idf["dam"] == pytest.approx(np.log(13 / 12) + 1)
    assert idf["the"] == pytest.approx(1.0)
    assert beside.unknown_idf == pytest.approx(UNKNOWN * (np.log(13) + 1))
