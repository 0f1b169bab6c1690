import numpy as np

from narratives.codebook.frames import VOICES
from narratives.labels.gold import UNKNOWN
from narratives.training.data import with_examples


def test_a_frame_that_few_texts_carry_learns_from_its_examples(truth):
    few = truth.take([0, *np.flatnonzero(truth.values[:, 1] == 1)])
    more = with_examples(few, 10)
    added = more.take(range(len(few), len(more)))
    assert added.texts[:3] == ("The flood is coming one.", "The flood is coming two.", "The flood is coming three.")
    assert added.values[:5, 0].tolist() == [1, 1, 1, 0, 0]
    assert added.voices[:5, 0].tolist() == [*range(len(VOICES)), UNKNOWN, UNKNOWN]
    assert (added.values[:5, 1:] == UNKNOWN).all()
    assert not added.values[:, 1].max() >= 0, "a frame with labels enough needs none"
    assert more.take(range(len(few))).texts == few.texts


def test_an_example_that_was_labelled_is_not_learned_twice(truth):
    known = truth.take([0])
    once = with_examples(known, 10)
    again = with_examples(once, 10)
    assert len(again) == len(once)


def test_frames_with_labels_enough_bring_no_example(truth):
    assert len(with_examples(truth, 1)) == len(truth)
