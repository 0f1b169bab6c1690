import numpy as np
import pytest

from narratives.errors import UserError
from narratives.training.folds import FOLDS, fold_numbers

STORY = "the river rose by two metres last night and the lower streets are closed until"
TEXTS = [f"{STORY} Friday", *(f"word{n} other{n} third{n} fourth{n}" for n in range(48)), f"{STORY} Sunday"]
VALUES = np.zeros((50, 2), dtype=np.int8)
VALUES[:20, 0] = 1
VALUES[40:45, 1] = 1


def test_near_copies_and_rows_of_one_document_stay_together():
    groups = [f"g{n}" for n in range(47)] + ["same"] * 3
    folds = fold_numbers(TEXTS, groups, VALUES, seed=1)
    assert folds[0] == folds[49] == folds[47] == folds[48]


def test_each_fold_gets_its_share_of_every_frame():
    folds = fold_numbers(TEXTS, [str(n) for n in range(50)], VALUES, seed=1)
    assert np.bincount(folds[VALUES[:, 0] == 1], minlength=FOLDS).tolist() == [4] * 5
    assert np.bincount(folds[VALUES[:, 1] == 1], minlength=FOLDS).tolist() == [1] * 5


def test_the_same_seed_gives_the_same_folds():
    groups = [str(n) for n in range(50)]
    assert (fold_numbers(TEXTS, groups, VALUES, 5) == fold_numbers(TEXTS, groups, VALUES, 5)).all()


def test_too_few_texts_are_a_sentence():
    with pytest.raises(UserError, match="3 independent texts are too few"):
        fold_numbers(["a b c", "d e f", "g h i"], ["1", "2", "3"], np.zeros((3, 1), dtype=np.int8), 0)
