import numpy as np

from narratives.training.voice import settled_shares

LEAST = (0.9, 0.9, 0.9)


def pairs(said: int, shares: list[float]) -> np.ndarray:
    """Return voice probabilities in which ``said`` has these shares."""
    rest = (1 - np.array(shares))[:, None] / 2
    probabilities = np.tile(rest, (1, 3))
    probabilities[:, said] = shares
    return probabilities


def test_a_voice_is_stated_from_the_share_at_which_it_is_right_often_enough():
    shares = [0.9] * 30 + [0.5] * 30
    voices = np.array([0] * 30 + [1] * 30, np.int8)
    assert settled_shares(pairs(0, shares), voices, LEAST)[0] == 0.9


def test_a_voice_that_is_always_right_is_always_stated():
    shares = np.linspace(0.4, 0.99, 50).tolist()
    assert settled_shares(pairs(2, shares), np.full(50, 2, np.int8), LEAST)[2] == 0.4


def test_a_voice_that_is_never_right_enough_is_stated_where_it_is_right_most_often():
    shares = [0.9] * 30 + [0.5] * 30
    voices = np.array([0, 1] * 15 + [1] * 30, np.int8)
    assert settled_shares(pairs(0, shares), voices, LEAST)[0] == 0.9


def test_too_few_pairs_leave_every_voice_stated():
    assert settled_shares(pairs(0, [0.5] * 5), np.zeros(5, np.int8), LEAST).tolist() == [0, 0, 0]
