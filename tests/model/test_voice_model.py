import numpy as np
import pytest
from scipy.sparse import csr_matrix

from narratives.model.voice_markers import MARKERS, read_markers
from narratives.model.voice_model import in_document
from narratives.training.voice import VoiceSettings, fit_voice

TEXTS = [
    "It is so!",
    "Surely it is so!",
    "He said it is so.",
    "She said it is so.",
    "It is false that so.",
    "A false claim.",
]
VOICES = np.array([0, 0, 1, 1, 2, 2], dtype=np.int8)
ROWS = csr_matrix((len(TEXTS), 4))
MARKED = np.concatenate([read_markers(text, [(0, len(text))]) for text in TEXTS])


def test_markers_tell_the_voices_apart():
    model, _ = fit_voice(ROWS, MARKED, VOICES, VoiceSettings(strength=100))
    probabilities = model.probabilities(ROWS, MARKED)
    assert probabilities.argmax(axis=1).tolist() == VOICES.tolist()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_without_markers_the_prior_decides():
    model, _ = fit_voice(ROWS, MARKED * 0, VOICES, VoiceSettings(prior=(0.8, 0.15, 0.05), tempered=1))
    silent = np.zeros((1, len(MARKERS)))
    np.testing.assert_allclose(model.probabilities(ROWS[:1], silent)[0], [0.8, 0.15, 0.05], atol=0.01)


def test_a_voice_that_the_labels_lack_is_never_predicted():
    model, _ = fit_voice(ROWS[:4], MARKED[:4], VOICES[:4], VoiceSettings())
    assert model.probabilities(ROWS, MARKED)[:, 2].max() < 1e-9


@pytest.mark.parametrize("voices", [[], [1, 1]])
def test_one_voice_alone_gives_no_model(voices):
    assert fit_voice(ROWS[: len(voices)], MARKED[: len(voices)], np.array(voices, dtype=int), VoiceSettings()) is None


def test_the_voice_of_a_held_out_pair_comes_from_the_other_folds():
    odd_one_out = np.array([0, 0, 1, 1, 2, 0], dtype=np.int8)  # "A false claim." taught as promoted
    folds = np.array([0, 1, 0, 1, 0, 1])
    model, held_out = fit_voice(ROWS, MARKED, odd_one_out, VoiceSettings(strength=100), folds)
    assert model.probabilities(ROWS, MARKED)[5].argmax() == 0
    assert held_out[5] == 2


def read_together(probabilities, paragraphs):
    model, _ = fit_voice(ROWS, MARKED, VOICES, VoiceSettings())
    return in_document(np.array(probabilities), np.array(paragraphs), model)


def test_a_doubtful_paragraph_takes_the_voice_of_its_document():
    doubtful, rebuts, promotes = [0.6, 0.05, 0.35], [0.0, 0.02, 0.98], [0.98, 0.01, 0.01]
    assert read_together([rebuts, doubtful, rebuts], [0, 1, 2])[1].argmax() == 2
    assert read_together([promotes, doubtful, promotes], [0, 1, 2])[1].argmax() == 0


def test_a_sure_paragraph_keeps_its_voice_in_any_document():
    adapted = read_together([[0.99, 0.005, 0.005], [0.0, 0.01, 0.99], [0.0, 0.01, 0.99]], [0, 1, 2])
    assert adapted.argmax(axis=1).tolist() == [0, 2, 2]
    np.testing.assert_allclose(adapted.sum(axis=1), 1)


def test_a_document_of_one_paragraph_keeps_its_probabilities():
    alone = [[0.4, 0.35, 0.25], [0.3, 0.4, 0.3]]
    np.testing.assert_array_equal(read_together(alone, [4, 4]), alone)


def test_pairs_of_one_paragraph_do_not_influence_each_other():
    pair, far = [0.5, 0.1, 0.4], [0.05, 0.9, 0.05]
    single, double = read_together([pair, far], [0, 1]), read_together([pair, pair, far], [0, 0, 1])
    assert double[0] == pytest.approx(double[1])
    assert double[0] == pytest.approx(single[0], abs=0.1)
