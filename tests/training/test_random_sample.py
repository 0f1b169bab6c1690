"""Only texts drawn at random tell how common frames are."""

from dataclasses import replace

import numpy as np
import pytest

from narratives.labels.gold import gold
from narratives.training import fitting
from narratives.training.features import count_terms, fit_features
from narratives.training.fitting import fit, random_sample


@pytest.fixture(scope="module")
def labelled(label_set, codebook):
    return gold(label_set, codebook)


def drawn(labelled, rows):
    how = np.full(len(labelled), "chosen", dtype=object)
    how[rows] = "random"
    return replace(labelled, how=tuple(how))


def test_too_few_random_texts_do_not_decide(labelled):
    assert random_sample(labelled).tolist() == []
    assert random_sample(drawn(labelled, np.arange(60))).tolist() == []


@pytest.mark.slow
def test_enough_of_them_set_thresholds_and_figures_alone(labelled, monkeypatch):
    monkeypatch.setattr(fitting, "ENOUGH_RANDOM", 30)
    empty = np.flatnonzero((labelled.values <= 0).all(axis=1))
    rows = np.sort(np.r_[empty, np.setdiff1d(np.arange(len(labelled)), empty)[::4]])
    asked = []
    rule = fitting.decision_rule
    monkeypatch.setattr(
        fitting, "decision_rule", lambda scores, *rest: asked.append(len(scores)) or rule(scores, *rest)
    )
    figures = fit(drawn(labelled, rows))[1]
    assert figures.n == len(rows)
    assert asked[0] == len(rows)
    assert max(asked) == len(rows)


def test_a_whole_stream_is_held_out_at_once(labelled):
    streams = tuple(f"stream {row % 12}" for row in range(len(labelled)))
    joined = replace(labelled, streams=streams, groups=tuple(map(str, range(len(labelled)))))
    folds = fitting.fold_numbers(joined.texts, joined.held_out_together, joined.values, 0)
    assert all(len(set(folds[np.array(streams) == name])) == 1 for name in set(streams))


def test_a_term_of_others_needs_three_texts_of_two_documents():
    own, others = ["the quay is wet"], ["a heron flies", "a heron sleeps", "a heron sings", "the heron eats"]
    one = fit_features(own + others[:3], documents=("", "post", "post", "post"))
    two = fit_features(own + others[:3], documents=("", "post", "post", "letter"))
    assert "heron" not in one.word_terms
    assert {"heron", "a heron"} <= set(two.word_terms)
    assert (
        "the" in fit_features([*own, others[3]], documents=("", "post")).word_terms
    )  # one of the project's own has it


def test_terms_are_counted_by_text_and_by_document():
    words = count_terms(["red fox", "red hen", "red fox", "red"], ("", "post", "post", "letter"))[0]
    assert (words.all["red"], words.own["red"], words.borrowed["red"], words.documents["red"]) == (4, 1, 3, 2)
    assert (words.own["fox"], words.borrowed["fox"], words.documents["fox"]) == (1, 1, 1)
