import numpy as np
import pytest

from narratives.features import fit_features
from narratives.model import ModelSettings, codebook_rows, fit_frames, out_of_fold_scores, prior_texts


@pytest.fixture(scope="module")
def world(truth, codebook):
    features = fit_features(truth.texts, prior_texts(codebook))
    return features.transform(truth.texts), truth.values, codebook_rows(features, codebook), features


def test_the_prior_is_folded_into_the_weights(world):
    rows, values, priors, _ = world
    alone = fit_frames(rows, values, priors * 0, ModelSettings())
    helped = fit_frames(rows, values, priors, ModelSettings())
    assert helped.weights.shape == alone.weights.shape == (rows.shape[1], 3)
    assert not np.allclose(helped.weights, alone.weights)


def test_a_frame_without_labels_is_ranked_by_the_codebook(world):
    rows, values, priors, features = world
    unlabelled = values.copy()
    unlabelled[:, 0] = -1
    model = fit_frames(rows, unlabelled, priors, ModelSettings())
    texts = ["they say the dam breaks and the river rises", "the choir sings in the market hall"]
    one, other = model.scores(features.transform(texts))[:, 0]
    assert one > other


def test_held_out_scores_come_from_models_that_did_not_see_the_row(world):
    rows, values, priors, _ = world
    folds = (np.arange(rows.shape[0]) % 5).tolist()
    held_out = out_of_fold_scores(rows, values, priors, folds, ModelSettings(), 1)
    seen = fit_frames(rows, values, priors, ModelSettings()).scores(rows)
    positive = values == 1
    assert held_out[positive].mean() < seen[positive].mean()
