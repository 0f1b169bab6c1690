import pytest

from narratives.model.voice_markers import SIGNS, read_signs, sentences


def signs(text, sentence=None):
    return dict(zip(SIGNS, read_signs(text, [sentence or (0, len(text))])[0], strict=True))


@pytest.mark.parametrize(
    ("text", "sign"),
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
def test_each_sign_is_seen_in_its_language(text, sign):
    assert signs(text)[f"{sign}, paragraph"] > 0


def test_a_sign_inside_a_longer_word_is_not_counted():
    assert signs("Saidov knows notaries and weeks.")["attribution, paragraph"] == 0
    assert signs("Saidov knows notaries and weeks.")["negation, paragraph"] == 0


def test_the_evidence_sentence_is_read_apart_from_the_paragraph():
    text = "He said it. The sky is blue."
    found = signs(text, (12, len(text)))
    assert found["attribution, paragraph"] > 0
    assert found["attribution, sentence"] == 0


@pytest.mark.parametrize("text", ["", "One.", "One. Two! «Three?» Four", "No end"])
def test_sentences_cover_the_paragraph(text):
    assert "".join(text[start:end] for start, end in sentences(text)) == text
