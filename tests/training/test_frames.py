import numpy as np
import pytest

from narratives.training.features import fit_features
from narratives.training.frames import ModelSettings, codebook_rows, fit_frames, prior_texts


@pytest.fixture(scope="module")
def world(truth, codebook):
    features = fit_features(truth.texts, prior_texts(codebook))
    return features.transform(truth.texts), truth.values, codebook_rows(features, codebook), features


def test_the_prior_is_folded_into_the_weights(world):
    rows, values, priors, _ = world
    alone = fit_frames(rows, values, priors * 0, ModelSettings())[0]
    helped = fit_frames(rows, values, priors, ModelSettings())[0]
    assert helped.weights.shape == alone.weights.shape == (rows.shape[1], 3)
    assert not np.allclose(helped.weights, alone.weights)


def test_a_frame_without_labels_is_ranked_by_the_codebook(world):
    rows, values, priors, features = world
    unlabelled = values.copy()
    unlabelled[:, 0] = -1
    model, _ = fit_frames(rows, unlabelled, priors, ModelSettings())
    texts = ["they say the dam breaks and the river rises", "the choir sings in the market hall"]
    similar, other = model.scores(features.transform(texts))[:, 0]
    assert similar > other


def test_held_out_scores_come_from_models_that_did_not_see_the_row(world, monkeypatch):
    # The fold's model, with fewer positives, would lean more on its prior.
    monkeypatch.setattr("narratives.training.frames.YOUNG", 1)
    rows, values, priors, _ = world
    folds = np.arange(rows.shape[0]) % 5
    model, held_out = fit_frames(rows, values, priors, ModelSettings(), folds)
    part = folds != 3
    alone, _ = fit_frames(rows[part], values[part], priors, ModelSettings())
    np.testing.assert_allclose(held_out[~part], alone.scores(rows[~part]), rtol=0.01, atol=0.02)
    assert held_out[values == 1].mean() < model.scores(rows)[values == 1].mean()


def test_the_fewer_labels_a_frame_has_the_more_it_leans_on_the_codebook(world):
    rows, values, priors, _ = world
    few = values.copy()
    few[np.flatnonzero(values[:, 0] == 1)[2:], 0] = -1
    towards = [
        model.weights[:, 0] @ priors[0].toarray()[0] / np.linalg.norm(model.weights[:, 0])
        for model, _ in (fit_frames(rows, cells, priors, ModelSettings()) for cells in (values, few))
    ]
    assert towards[1] > towards[0] + 0.1
