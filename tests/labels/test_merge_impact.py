import pytest

from conftest import paragraph, reading
from narratives.codebook.frames import retire
from narratives.errors import UserError
from narratives.labels.label_set import LabelSet
from narratives.labels.merge_impact import effect

TEXTS = ["The dam breaks.", "The mayor stole it.", "Both of it.", "A choir."]


@pytest.fixture
def labels():
    given = (
        reading(TEXTS[0], "flood", "promotes"),
        reading(TEXTS[1], "mayor", "rebuts"),
        reading(TEXTS[1], "mayor", "reports", annotator="ivan"),
        reading(TEXTS[1], "mayor", "reports", annotator="lead", kind="decision"),
        reading(TEXTS[2], "mayor", "promotes"),
        reading(TEXTS[2], "flood", "promotes"),
        reading(TEXTS[3], "mayor", "", value="no", kind="single"),
    )
    return LabelSet(tuple(map(paragraph, TEXTS)), given)


def test_what_a_merge_does_is_counted_first(labels, codebook):
    impact = effect(labels, codebook, "mayor", "flood")
    assert {name: count for name, count in impact.voices.items() if count} == {
        "promotes": 1, "reports": 2, "rebuts": 1, "no or unsure": 1,
    }  # fmt: skip
    assert (impact.paragraphs, impact.already, impact.decisions, impact.emptied) == (3, 1, 1, 0)
    sentences = impact.sentences()
    assert sentences[:5] == [
        "labels of mayor: 5 (1 promotes, 2 reports, 1 rebuts, 1 no or unsure)",
        "paragraphs they are on: 3",
        "decisions among them: 1",
        "paragraphs that somebody labelled flood already: 1",
        "From now on these labels count as labels of flood.",
    ]
    assert sentences[-2].startswith("Nothing is deleted")
    assert "the next training" in sentences[-1]


def test_what_a_retirement_does_is_counted_first(labels, codebook):
    impact = effect(labels, codebook, "mayor")
    assert (impact.paragraphs, impact.already, impact.decisions, impact.emptied) == (3, 0, 1, 3)
    assert "readings and decisions that saw nothing else: 3" in impact.sentences()


def test_labels_merged_before_are_counted_too(labels, codebook):
    assert effect(labels, retire(codebook, "mayor", "flood", ""), "flood", "bridge").paragraphs == 4


def test_a_frame_without_labels_is_merged_all_the_same(labels, codebook):
    assert effect(labels, codebook, "bridge", "flood").sentences()[0] == "labels of bridge: 0"


@pytest.mark.parametrize("pair", [("dragons", "flood"), ("flood", "dragons"), ("flood", "flood")])
def test_what_cannot_be_merged_is_a_sentence(labels, codebook, pair):
    with pytest.raises(UserError):
        effect(labels, codebook, *pair)
