from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit

from narratives.codebook.frames import Codebook, bare, retire
from narratives.evaluation.evaluation import Evaluation
from narratives.evaluation.model_card import thresholds_remark
from narratives.labels.gold import Gold, gold
from narratives.labels.source import Source
from narratives.model.persistence import load, read_trained_on, save
from narratives.training.fitting import fit
from narratives.training.frames import AS_IT_IS
from narratives.training.prior.adapting import Prior, fit_change
from narratives.training.prior.known import fingerprints
from narratives.training.train import train

pytestmark = pytest.mark.slow

HERONS = [
    f"{who} that the herons carry letters for the harbour office" for who in ("All know", "We hear", "It is said")
]
QUIET = [f"{who} counted the herons at the harbour and went home" for who in ("A boy", "The warden", "My aunt")]


def of_texts(codebook: Codebook, texts: list[str], frame: str, how: str = "") -> Gold:
    """Each text several times in other words, carrying the frame if it speaks of letters."""
    rows = [
        f"{text}, on day {day} of the {name} week." for text in texts for day in range(9) for name in ("dry", "wet")
    ]
    values = np.zeros((len(rows), len(codebook.ids)), np.int8)
    values[["letters" in row for row in rows], codebook.ids.index(frame)] = 1
    voices = np.where(values == 1, 0, -1).astype(np.int8)
    groups = tuple(f"{how} {number}" for number in range(len(rows)))
    return Gold(
        codebook, tuple(rows), values, voices, ("en",) * len(rows), groups, (), (how,) * len(rows) if how else ()
    )


@pytest.fixture(scope="module")
def labelled(label_set, codebook):
    return gold(label_set, codebook)


@pytest.fixture(scope="module")
def prior(labelled):
    classifier, figures = fit(labelled)
    return Prior(classifier, fingerprints(labelled), figures.as_json())


def test_labels_that_the_prior_knows_change_nothing(prior, labelled):
    adapted, figures = fit_change(prior, labelled)
    assert figures is None
    np.testing.assert_array_equal(adapted.predict_proba(labelled.texts), prior.classifier.predict_proba(labelled.texts))


def test_new_labels_teach_what_the_prior_did_not_know_and_keep_what_it_did(prior, labelled, codebook):
    new = of_texts(codebook, HERONS + QUIET, "mayor")
    adapted, figures = fit_change(prior, labelled.followed_by(new))
    asked = ["Somebody told us that the herons carry letters for the office.", "The herons stood in the harbour."]
    before, after = (logit(model.predict_proba(asked)[:, 1]) for model in (prior.classifier, adapted))
    assert after[0] > before[0] + 5  # in log-odds: the small prior is very sure of what it does not know
    assert after[0] > after[1] + 5
    assert figures.n == len(new)
    assert figures.mean_average_precision > 0.9
    same = prior.classifier.predict_texts(labelled.texts).predicted == adapted.predict_texts(labelled.texts).predicted
    assert same.mean() > 0.99


def test_the_figures_are_those_of_models_that_have_not_seen_the_row(prior, labelled, codebook):
    rng = np.random.default_rng(0)
    noise = of_texts(codebook, QUIET, "mayor")
    noise.values[:, 1] = rng.random(len(noise)) < 0.5  # labels that no text explains
    figures = fit_change(prior, labelled.followed_by(noise))[1]
    assert figures.frames["mayor"].average_precision < 0.8


def test_thresholds_move_only_by_labels_that_are_a_sample(prior, labelled, codebook):
    chosen, random = (of_texts(codebook, HERONS + QUIET + ["The tide"], "mayor", how) for how in ("chosen", "random"))
    kept, moved = (fit_change(prior, labelled.followed_by(new))[0].thresholds for new in (chosen, random))
    assert len(random) < 150
    np.testing.assert_array_equal(kept, prior.classifier.thresholds)
    np.testing.assert_array_equal(moved, prior.classifier.thresholds)
    enough = random.followed_by(replace(random, texts=tuple(f"{text} Again." for text in random.texts)))
    adapted = fit_change(prior, labelled.followed_by(enough))[0]
    assert (adapted.thresholds != prior.classifier.thresholds).any()
    assert np.isfinite(adapted.thresholds).all()
    assert (adapted.band[:, 0] <= adapted.thresholds).all()
    assert (adapted.thresholds <= adapted.band[:, 1]).all()


def test_of_a_table_that_says_how_its_rows_were_chosen_only_random_ones_are_a_sample(prior, labelled, codebook):
    chosen = of_texts(codebook, HERONS + QUIET + [f"The tide {number}" for number in range(3)], "mayor", "chosen")
    assert len(chosen) >= 150
    kept, moved = (fit_change(prior, new, settings=AS_IT_IS)[0].thresholds for new in (chosen, replace(chosen, how=())))
    np.testing.assert_array_equal(kept, prior.classifier.thresholds)
    assert (moved != kept).any()


def test_training_from_the_shipped_model_says_whether_thresholds_moved(
    prior, labelled, codebook, tmp_path, monkeypatch
):
    save(prior.classifier, tmp_path / "shipped", {"figures": prior.figures}, "# Card\n", prior.trained_on)
    monkeypatch.setenv("NARRATIVES_SHIPPED", str(tmp_path / "shipped"))
    texts = HERONS + QUIET + [f"The tide {number}" for number in range(3)]
    random = of_texts(codebook, texts, "mayor", "random")
    few, balanced, sample = random.take(np.arange(40)), Source({}, is_sample=False), Source({}, is_sample=True)

    def sentence(new, source):
        return train(labelled.followed_by(new), source, tmp_path / f"{len(new)}{source.is_sample}").thresholds

    assert sentence(few, balanced) == (
        "Thresholds are kept from the shipped model: 150 new paragraphs drawn at random would move them, and there "
        "are 40."
    )
    assert sentence(random, balanced) == (
        "Thresholds are those of the shipped model, moved by 162 new paragraphs drawn at random."
    )
    assert sentence(replace(random, how=()), sample) == (
        "Thresholds are those of the shipped model, moved by all 162 new rows of the table, taken as a sample."
    )


def test_thresholds_of_a_frame_that_the_shipped_model_lacks_are_said_apart():
    basis = {"from": "prior", "paragraphs": 3, "needed": 150, "added": 2}
    remark = thresholds_remark({"prior": "shipped@1", "thresholds": basis})
    assert remark.endswith("and there are 3. Those of frames that it lacks (2) are from all labelled paragraphs.")


def test_a_handful_of_labels_is_enough(prior, labelled, codebook):
    few = of_texts(codebook, HERONS, "mayor").take([0, 20])
    adapted, figures = fit_change(prior, labelled.followed_by(few))
    assert figures.n == 2
    asked = ["The herons carry letters for the harbour office."]
    assert adapted.predict_proba(asked)[0, 1] > prior.classifier.predict_proba(asked)[0, 1]


def test_a_frame_that_the_prior_lacks_is_learned_beside_the_others(labelled, codebook):
    fewer = replace(codebook, frames=codebook.frames[:2])
    known = Gold(
        *(fewer, labelled.texts, labelled.values[:, :2], labelled.voices[:, :2], labelled.languages, labelled.groups)
    )
    classifier, figures = fit(known)
    prior = Prior(classifier, fingerprints(known), figures.as_json())
    adapted, _ = fit_change(prior, labelled)
    assert adapted.frames == codebook.ids
    asked = ["Endless repairs: the bridge is still closed for ever."]
    assert adapted.predict(asked) == [("bridge",)]
    np.testing.assert_allclose(
        adapted.predict_proba(labelled.texts[:20])[:, :2], classifier.predict_proba(labelled.texts[:20]), atol=0.25
    )


def test_the_order_of_the_frames_does_not_count(prior, codebook):
    turned = replace(codebook, frames=codebook.frames[::-1])
    new = of_texts(turned, HERONS + QUIET, "mayor")
    adapted, _ = fit_change(prior, new)
    assert adapted.frames == turned.ids
    asked = ["The dam breaks before Friday."]
    assert adapted.predict(asked) == prior.classifier.predict(asked) == [("flood",)]


def test_a_retired_frame_is_left_out_and_the_others_stay_known(prior, labelled, codebook):
    retired = retire(codebook, "bridge", "", "2026-05-01")
    assert prior.knows(retired)
    fewer = replace(labelled, codebook=retired, values=labelled.values[:, :2], voices=labelled.voices[:, :2])
    adapted, _ = fit_change(prior, fewer)
    assert adapted.frames == ("flood", "mayor")
    assert adapted.predict(["The dam breaks before Friday."]) == [("flood",)]


def test_a_codebook_with_some_of_the_frames_starts_from_what_is_known_of_them(prior, labelled, codebook):
    fewer = replace(codebook, frames=codebook.frames[:2])
    assert prior.knows(fewer)
    assert not prior.knows(bare(["dragons"]))
    own = replace(labelled, codebook=fewer, values=labelled.values[:, :2], voices=labelled.voices[:, :2])
    own.values[labelled.values[:, 2] != 0, :] = 0
    adapted, _ = fit_change(prior, own.take(range(3)))
    assert adapted.frames == ("flood", "mayor")
    assert adapted.predict(["The dam breaks before Friday."]) == [("flood",)]


def test_figures_and_what_was_trained_on_are_read_back_from_the_folder(prior, tmp_path):
    save(prior.classifier, tmp_path / "model", {"figures": prior.figures}, "# Card\n", prior.trained_on)
    known = read_trained_on(tmp_path / "model")
    assert set(map(tuple, known.tolist())) == set(map(tuple, prior.trained_on.tolist()))
    assert load(tmp_path / "model").frames == prior.classifier.frames
    assert Evaluation.from_json(prior.figures).as_json() == prior.figures
