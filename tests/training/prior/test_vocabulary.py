import numpy as np

from narratives.training.features import fit_features
from narratives.training.prior.vocabulary import extend

BASE = ["the dam breaks", "the dam holds", "the choir sings", "the choir sleeps"]
NEW = ["a heron sleeps", "a heron sings", "one heron"]


def test_known_terms_keep_their_weight_and_new_ones_weigh_nothing():
    base = fit_features(BASE)
    extended = extend(base, NEW, ["quay"])
    weights = np.random.default_rng(0).normal(size=(base.size, 2))
    wide = extended.widen(weights)
    terms = [*extended.features.word_terms, *extended.features.character_terms]
    for column, term in enumerate([*base.word_terms, *base.character_terms]):
        place = terms.index(term, 0 if column < len(base.word_terms) else len(extended.features.word_terms))
        np.testing.assert_array_equal(wide[place], weights[column])
        assert extended.features.idf[place] == base.idf[column]
    assert np.count_nonzero(wide.any(axis=1)) == base.size


def test_terms_of_several_new_texts_and_all_extra_ones_are_added():
    base = fit_features(BASE)
    words = set(extend(base, NEW, ["quay"]).features.word_terms)
    assert {"heron", "a heron", "quay"} <= words
    assert "one" not in words
    assert set(base.word_terms) <= words


def test_the_terms_stay_sorted_so_that_their_columns_can_be_found():
    features = extend(fit_features(BASE), NEW, ["quay"]).features
    assert list(features.word_terms) == sorted(features.word_terms)
    assert list(features.character_terms) == sorted(features.character_terms)
    assert features.transform(["a heron"]).nnz > 0
