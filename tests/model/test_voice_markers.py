import numpy as np
import pytest

from narratives.model.voice_markers import MARKERS, marker_parts, read_markers, sentences


def markers(text, sentence=None):
    return dict(zip(MARKERS, read_markers(text, [sentence or (0, len(text))])[0], strict=True))


@pytest.mark.parametrize(
    ("text", "marker"),
    [
        ("A spokesman said so.", "attribution"),
        ("За словами речника, так і є.", "attribution"),
        ("По словам представителя, это так.", "attribution"),
        ("He allegedly stole it.", "distance"),
        ("Нібито так.", "distance"),
        ("Якобы так.", "distance"),
        ("This is disinformation.", "falsehood"),
        ("Це фейк.", "falsehood"),
        ("Это ложь.", "falsehood"),
        ("There is no evidence.", "proof"),
        ("It didn’t happen.", "negation"),
        ("«Так», мовив він.", "quotation"),
        ("What a day!", "exclamation"),
        ("#stop", "hashtag or emoji"),
    ],
)
def test_each_marker_is_recognised_in_its_language(text, marker):
    assert markers(text)[f"{marker}, paragraph"] > 0


def test_a_marker_inside_a_longer_word_is_not_counted():
    assert markers("Saidov knows notaries and weeks.")["attribution, paragraph"] == 0
    assert markers("Saidov knows notaries and weeks.")["negation, paragraph"] == 0


def test_markers_of_a_sentence_are_counted_apart_from_the_paragraph():
    text = "He said it. The sky is blue."
    counted = markers(text, (12, len(text)))
    assert counted["attribution, paragraph"] > 0
    assert counted["attribution, sentence"] == 0


@pytest.mark.parametrize("closing", ["", '"', "'", "”", "’", "»", ")"])
def test_a_closing_mark_after_the_full_stop_belongs_to_the_sentence(closing):
    text = f"One.{closing} Two."
    assert [text[start:end] for start, end in sentences(text)] == [f"One.{closing} ", "Two."]


@pytest.mark.parametrize("text", ["", "One.", "One. Two! «Three?» Four", "No end"])
def test_sentences_cover_the_paragraph(text):
    assert "".join(text[start:end] for start, end in sentences(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "No, no, no, no! “It is not so”, he said. “No.” #No 🌊?", "Не так звана «брехня», на самом деле нет. Нет!"],
)
def test_the_parts_of_a_marker_at_its_words_and_marks_sum_to_its_value(text):
    spans = sentences(text)
    for values, parts in zip(read_markers(text, spans), marker_parts(text, spans), strict=True):
        sums = np.zeros(len(MARKERS))
        for part in parts:
            sums[part.marker] += part.value
            assert 0 <= part.span[0] < part.span[1] <= len(text)
        np.testing.assert_allclose(sums, values, atol=1e-12)
