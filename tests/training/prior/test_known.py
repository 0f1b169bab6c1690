from narratives.labels.gold import gold
from narratives.training.prior.known import fingerprints, unknown_rows


def test_a_text_is_known_until_its_labels_change(label_set, codebook):
    labelled = gold(label_set, codebook)
    known = fingerprints(labelled)
    assert unknown_rows(labelled, known).tolist() == []
    labelled.values[3, 0] ^= 1
    assert unknown_rows(labelled, known).tolist() == [3]


def test_the_order_of_texts_does_not_count(label_set, codebook):
    labelled = gold(label_set, codebook)
    half = fingerprints(labelled.take(range(5, 20)))
    assert unknown_rows(labelled, half).tolist() == [*range(5), *range(20, len(labelled))]


def test_only_the_frames_asked_for_count_and_one_without_a_column_is_not_settled(label_set, codebook):
    labelled = gold(label_set, codebook)
    known = fingerprints(labelled, ("flood", "dragons"))
    labelled.values[3, 1] ^= 1
    assert unknown_rows(labelled, known, ("flood", "dragons")).tolist() == []
    assert len(unknown_rows(labelled, known)) == len(labelled)
