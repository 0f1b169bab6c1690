from dataclasses import replace

import numpy as np
import pytest

from conftest import paragraph, reading
from narratives.annotation.queue import QueueOptions
from narratives.annotation.ranking import rank
from narratives.codebook.frames import Example, Frame, retire
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import now
from narratives.training.fitting import held_out_probabilities, label_errors

NEW = [
    "The dam breaks before Friday, they say.",
    "The mayor stole a boat.",
    "A choir of bakers.",
    "Snow in the valley.",
]


@pytest.fixture
def filled(store, label_set):
    store.import_labels(label_set)
    store.add(map(paragraph, NEW))
    return store


@pytest.mark.slow
def test_what_nobody_has_read_waits_with_its_reason(filled, classifier):
    steps = []
    number = rank(filled, classifier, progress=lambda step, share: steps.append(share))
    waiting = AssignmentQueue(filled).upcoming("maria", 100)
    assert len(waiting) == number
    assert {item.text for item in waiting} >= set(NEW)
    assert all(item.reason for item in waiting)
    assert steps == sorted(steps)
    assert steps[-1] == 1.0


@pytest.mark.slow
def test_a_model_is_asked_once_of_each_paragraph(filled, classifier, monkeypatch):
    rank(filled, classifier)
    asked = []
    monkeypatch.setattr(type(classifier), "predict_proba", lambda self, texts: asked.append(texts))
    rank(filled, classifier)
    assert asked == []


@pytest.mark.slow
def test_annotators_who_differ_bring_a_paragraph_back_and_a_decision_settles_it(filled, classifier, label_set):
    text = label_set.paragraphs[0].text
    filled.save([reading(text, "mayor", "reports", annotator="ivan", labelled_at=now())])
    rank(filled, classifier, options=QueueOptions(overlap=0))
    differing = [item for item in AssignmentQueue(filled).upcoming("maria", 200) if item.reason == "differs"]
    assert [item.text for item in differing] == [text]
    assert differing[0].detail == "2 annotators: flood, mayor"
    filled.save([reading(text, "flood", "promotes", annotator="lead", kind="decision", labelled_at=now())])
    rank(filled, classifier, options=QueueOptions(overlap=0))
    assert not [item for item in AssignmentQueue(filled).upcoming("maria", 200) if item.reason == "differs"]


@pytest.mark.slow
def test_wrong_labels_are_doubted_first(truth):
    wrong = truth.values.copy()
    flipped = [(3, 0), (40, 1), (70, 2)]
    for row, k in flipped:
        wrong[row, k] = 1 - wrong[row, k]
    errors = label_errors(wrong, held_out_probabilities(replace(truth, values=wrong)))
    assert len(errors) >= 2
    assert set(errors[:2]) <= set(flipped)


def test_too_few_labels_raise_no_doubts(store, classifier):
    store.add(map(paragraph, NEW))
    assert rank(store, classifier) == len(NEW)


def test_probabilities_of_labels_are_held_out(truth):
    probabilities = held_out_probabilities(truth)
    assert probabilities.shape == truth.values.shape
    assert ((probabilities > 0) & (probabilities < 1)).all()
    assert probabilities[truth.values == 1].mean() > probabilities[truth.values == 0].mean() + 0.3
    assert np.isfinite(probabilities).all()


@pytest.mark.slow
def test_a_frame_that_no_model_knows_is_looked_for_at_once(filled, classifier, codebook):
    examples = tuple(Example(f"The swans of the lake are spies, number {n}.", "promotes") for n in range(3))
    swans = Frame(
        "swans", "Spying swans", "fear", "The swans are spies.", cues={"en": ("spying swan",)}, examples=examples
    )
    filled.add([paragraph("A swan was spying on the quay, says the baker."), paragraph("The quay was swept.")])
    rank(filled, classifier, replace(codebook, version="8", frames=(*codebook.frames, swans)), QueueOptions(overlap=0))
    candidates = [
        item
        for item in AssignmentQueue(filled).upcoming("maria", 300)
        if item.detail.startswith("swans: like its definition")
    ]
    assert candidates[0].text == "A swan was spying on the quay, says the baker."
    assert any(item.text.startswith("Wake up") for item in candidates), "read before anybody was asked about the frame"


@pytest.mark.slow
def test_a_frame_retired_since_is_looked_for_no_more_and_its_readings_agree_with_the_successor_s(
    filled, classifier, codebook, label_set
):
    text = label_set.paragraphs[0].text
    filled.save([reading(text, "mayor", "promotes", annotator="ivan", labelled_at=now())])
    rank(filled, classifier, codebook, QueueOptions(overlap=0))
    before = AssignmentQueue(filled).upcoming("maria", 200)
    assert "differs" in {item.reason for item in before}
    assert any("mayor" in item.detail for item in before)
    rank(filled, classifier, retire(codebook, "mayor", "flood", "2026-05-01"), QueueOptions(overlap=0))
    after = AssignmentQueue(filled).upcoming("maria", 200)
    assert {item.text for item in after} >= set(NEW)
    assert "differs" not in {item.reason for item in after}
    assert not any("mayor" in item.detail for item in after)
