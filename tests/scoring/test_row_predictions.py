"""The rules that turn predictions of paragraphs into predictions of rows, on arrays of a few numbers."""

from typing import Any

import numpy as np

from narratives.model.classifier import Classifier, Predictions
from narratives.scoring.row_predictions import COUNTED, count_frames, max_pool_paragraphs, predict_rows


class Numbers:
    """A classifier that takes its predictions from the text.

    ``0.9 0.2 1`` means: probabilities of two frames, and the index of the voice.
    """

    frames = ("flood", "mayor")
    predict_paragraphs = Classifier.predict_paragraphs

    def predict_texts(self, texts: list[str], documents: Any = None) -> Predictions:
        p = np.array([[float(word) for word in text.split()[:2]] or [0.9, 0.9] for text in texts]).reshape(-1, 2)
        voices = np.array([[int(text.split()[2])] * 2 if len(text.split()) > 2 else [0, 0] for text in texts])
        predicted = p >= 0.5
        voices = np.where(predicted, voices, -1).astype(np.int8)
        return Predictions(p, predicted, (p >= 0.3) & (p < 0.6), voices, predicted & (p < 0.55))


MODEL: Any = Numbers()


def test_frames_are_joined_most_probable_first_with_their_voices() -> None:
    predictions = predict_rows(MODEL, ["0.6 0.9 2", "0.7 0.1 1"], by_paragraph=False)
    assert predictions.frames == ["mayor;flood", "flood"]
    assert predictions.voices == ["rebuts;rebuts", "reports"]


def test_rows_are_counted_by_voice_and_unsettled_ones_apart() -> None:
    texts = ["0.9 0.1 0", "0.51 0.1 0", "0.52 0.1 2", "0.9 0.9 1", "0.1 0.9 -1"]
    counts = count_frames(predict_rows(MODEL, texts, by_paragraph=False).predictions)
    assert [dict(zip(COUNTED, row, strict=True)) for row in counts.tolist()] == [
        {"": 0, "promotes": 1, "reports": 1, "rebuts": 0, "unsettled": 2},
        {"": 1, "promotes": 0, "reports": 1, "rebuts": 0, "unsettled": 0},
    ]


def test_a_row_gets_the_highest_probability_and_the_voice_of_that_paragraph() -> None:
    predictions = predict_rows(MODEL, ["0.6 0.1 0\n\n0.8 0.2 2\n\n0.7 0.3 1"], by_paragraph=False)
    assert predictions.probabilities.tolist() == [[0.8, 0.3]]
    assert (predictions.frames, predictions.voices, predictions.rows) == (["flood"], ["rebuts"], [0])


def test_a_frame_is_left_for_a_person_if_it_is_in_its_most_probable_paragraph() -> None:
    predictions = predict_rows(
        MODEL, ["0.4 0.4\n\n0.9 0.1", "0.4 0.1", "0.55 0.1\n\n0.4 0.1", "0.55 0.1\n\n0.7 0.1"], by_paragraph=False
    )
    assert predictions.human == ["mayor", "flood", "flood", ""]
    assert predictions.frames == ["flood", "", "flood", "flood"]


def test_by_paragraph_each_paragraph_has_a_row_with_its_index() -> None:
    predictions = predict_rows(MODEL, ["0.9 0.1\n\n0.1 0.9", "", "0.6 0.6"], by_paragraph=True)
    assert predictions.rows == [0, 0, 1, 2]
    assert predictions.paragraphs == [0, 1, 0, 0]
    assert predictions.texts == ["0.9 0.1", "0.1 0.9", "", "0.6 0.6"]
    assert predictions.frames == ["flood", "mayor", "", "flood;mayor"]


def test_a_text_without_words_has_no_frame_whatever_the_model_predicts() -> None:
    predictions = predict_rows(MODEL, ["", " \n ", "0.4 0.9\n\n"], by_paragraph=False)
    assert predictions.frames == ["", "", "mayor"]
    assert predictions.human == ["", "", "flood"]


def test_no_texts_give_no_rows() -> None:
    assert predict_rows(MODEL, [], by_paragraph=False).probabilities.shape == (0, 2)


def test_the_voice_is_never_that_of_a_paragraph_without_the_frame() -> None:
    paragraphs = Predictions(
        np.array([[0.9], [0.6]]),
        np.array([[False], [True]]),
        np.zeros((2, 1), bool),
        np.array([[-1], [1]], np.int8),
        np.array([[False], [True]]),
    )
    pooled = max_pool_paragraphs(paragraphs, [2])
    assert (pooled.voices.tolist(), pooled.unsettled.tolist()) == ([[1]], [[True]])


def test_a_voice_that_is_left_to_a_person_is_unsettled() -> None:
    assert predict_rows(MODEL, ["0.52 0.9 2"], by_paragraph=False).voices == ["rebuts;unsettled"]


def test_a_text_is_outside_if_all_of_its_paragraphs_are_and_cleaned_if_one_of_them_was() -> None:
    none = np.zeros((5, 1), bool)
    outside = {1: "unknown", 2: "language=fr", 3: "unknown"}
    voices = np.full((5, 1), -1, np.int8)
    paragraphs = Predictions(np.zeros((5, 1)), none, none, voices, none, outside, frozenset({1, 4}))
    pooled = max_pool_paragraphs(paragraphs, [2, 2, 1])
    assert pooled.outside == {1: "language=fr"}
    assert pooled.cleaned == {0, 2}
