import numpy as np
import pytest

from narratives.annotation.queue import FrameState, QueueOptions, Unread, margins, select
from narratives.store.assignments import QueueEntry

FRAMES = FrameState(("flood", "mayor"), np.array([0.4, 0.7]), np.array([100, 50]))


def unread(probabilities, texts=()):
    table = np.array(probabilities, dtype=float)
    texts = texts or tuple(f"Text number {n} says something of its own {n * 7}." for n in range(len(table)))
    return Unread(tuple(f"p{n:04d}" for n in range(len(table))), tuple(texts), table)


@pytest.fixture(scope="module")
def many():
    return unread(np.random.default_rng(0).random((1000, 2)))


def test_every_paragraph_is_in_the_queue_once_with_a_reason(many):
    order = select(many, FRAMES)
    assert sorted(entry.paragraph_id for entry in order) == sorted(many.ids)
    assert {entry.reason for entry in order} == {"uncertain", "rare", "random"}


def test_a_margin_is_the_distance_to_the_threshold_in_log_odds():
    distances = margins(np.array([[0.5, 0.7], [0.0, 1.0]]), np.array([0.4, 0.7]))
    np.testing.assert_allclose(distances[0], [np.log(1.5), 0.0], atol=1e-12)
    assert np.isfinite(distances).all()


def test_uncertain_ones_come_nearest_first_and_every_frame_has_its_quota(many):
    order = [entry for entry in select(many, FRAMES) if entry.reason == "uncertain"][:40]
    named = [entry.detail.split(":")[0] for entry in order]
    assert abs(named.count("mayor") - named.count("flood")) <= 2
    rows = [many.ids.index(entry.paragraph_id) for entry in order]
    for k, frame in ((0, "flood"), (1, "mayor")):
        own = [row for row, name in zip(rows, named, strict=True) if name == frame]
        distances = margins(many.probabilities[own], FRAMES.thresholds)[:, k]
        assert (np.diff(distances) >= 0).all()
    k = ("flood", "mayor").index(named[0])
    assert order[0].detail == f"{named[0]}: {many.probabilities[rows[0], k]:.2f} against threshold {(0.4, 0.7)[k]:.2f}"


def test_a_frame_with_few_labels_is_looked_for(many):
    young = FrameState(FRAMES.ids, FRAMES.thresholds, np.array([100, 3]))
    rare = [entry for entry in select(many, young) if entry.reason == "rare"]
    assert all(entry.detail.startswith("mayor: ") and entry.detail.endswith("carried by 3 so far") for entry in rare)
    probabilities = [many.probabilities[many.ids.index(entry.paragraph_id), 1] for entry in rare]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[0] > 0.99


def test_one_in_five_turns_is_random_and_what_is_random_does_not_hang_on_the_model(many):
    other = Unread(many.ids, many.texts, 1 - many.probabilities)
    drawn = [[entry.paragraph_id for entry in select(u, FRAMES) if entry.reason == "random"] for u in (many, other)]
    assert drawn[0] == drawn[1]
    assert 150 < len(drawn[0]) < 250
    assert sum(entry.reason == "random" for entry in select(many, FRAMES)[:100]) == 20
    assert drawn[0] != [
        entry.paragraph_id for entry in select(many, FRAMES, options=QueueOptions(seed=1)) if entry.reason == "random"
    ]


def test_nothing_is_taken_out_of_the_random_share_by_what_it_says(many):
    plain = {entry.paragraph_id for entry in select(many, FRAMES) if entry.reason == "random"}
    candidates = [QueueEntry(paragraph, "rare", "swans: like its definition") for paragraph in many.ids]
    assert {entry.paragraph_id for entry in select(many, FRAMES, candidates) if entry.reason == "random"} == plain
    copies = Unread(many.ids, ("The dam will break before Friday, they say.",) * 1000, many.probabilities)
    order = select(copies, FRAMES)
    assert {entry.paragraph_id for entry in order if entry.reason == "random"} == plain
    assert sum(entry.reason == "random" for entry in order[: len(plain)]) == len(plain) - 1, "all but one copy wait"


def test_a_share_of_the_paragraphs_has_two_slots(many):
    assert {entry.slots for entry in select(many, FRAMES, options=QueueOptions(overlap=0))} == {1}
    assert {entry.slots for entry in select(many, FRAMES, options=QueueOptions(overlap=1))} == {2}
    assert 100 < sum(entry.slots == 2 for entry in select(many, FRAMES)) < 200


def test_paragraphs_to_be_read_again_have_their_turns(many):
    again = [QueueEntry(f"d{n}", "differs", "2 annotators") for n in range(3)]
    again += [QueueEntry(f"e{n}", "doubtful", "flood: labelled no") for n in range(3)]
    order = select(many, FRAMES, again)
    assert [entry.paragraph_id for entry in order if entry.reason == "differs"] == ["d0", "d1", "d2"]
    assert {entry.paragraph_id for entry in order[:40]} >= {f"{kind}{n}" for kind in "de" for n in range(3)}
    assert order[:10].count(again[0]) == 1


def test_near_copies_do_not_stand_side_by_side():
    copies = ["The dam will break before Friday and the lower town will drown, they say."] * 10
    texts = [f"{text} {n}" for n, text in enumerate(copies)] + [
        f"A text of its own about {n} other things." for n in range(40)
    ]
    order = select(unread(np.full((50, 2), 0.5), tuple(texts)), FRAMES)
    positions = [position for position, entry in enumerate(order) if int(entry.paragraph_id[1:]) < 10]
    assert len(order) == 50
    assert len([position for position in positions if position < 35]) <= 2


def test_an_empty_queue_is_empty():
    assert select(unread(np.empty((0, 2))), FRAMES) == []
