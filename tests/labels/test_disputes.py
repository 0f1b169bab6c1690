from conftest import paragraph, reading
from narratives.labels.disputes import disputes
from narratives.labels.label_set import LabelSet

TEXTS = ["The dam and the mayor.", "The bridge.", "The choir.", "The quay."]


def disputes_over(*labels):
    return disputes(LabelSet(tuple(map(paragraph, TEXTS)), labels))


def test_those_who_say_the_same_have_no_dispute():
    same = [reading(text, "flood", "reports", annotator=name) for text in TEXTS for name in ("olha", "ivan")]
    assert disputes_over(*same) == []


def test_a_voice_left_open_is_no_dispute_but_two_frames_are():
    open_voice = reading(TEXTS[0], "flood", "")
    assert disputes_over(open_voice, reading(TEXTS[0], "flood", "reports", annotator="ivan")) == []
    assert len(disputes_over(open_voice, reading(TEXTS[0], "mayor", "", annotator="ivan"))) == 1


def test_the_most_disputed_come_first_and_nobody_is_told_by_the_order():
    labels = [
        reading(TEXTS[1], "bridge", "reports"),
        reading(TEXTS[1], "bridge", "promotes", annotator="ivan"),
        reading(TEXTS[0], "flood", "promotes"),
        reading(TEXTS[0], "mayor", "promotes"),
        reading(TEXTS[0], "", "", annotator="ivan"),
    ]
    first, second = disputes_over(*labels)
    assert (first.text, first.frames) == (TEXTS[0], ("flood", "mayor"))
    assert (second.text, second.frames) == (TEXTS[1], ("bridge",))
    texts = [f"Text number {number}." for number in range(12)]
    seen = [(text, name, frame) for text in texts for name, frame in (("a", "flood"), ("b", ""))]
    many = tuple(reading(text, frame, "reports" if frame else "", annotator=name) for text, name, frame in seen)
    open_ones = disputes(LabelSet(tuple(map(paragraph, texts)), many))
    assert {dispute.readings[0][0].annotator for dispute in open_ones} == {"a", "b"}


def test_a_frame_that_was_denied_is_not_one_that_was_seen():
    labels = [reading(TEXTS[0], "flood", "", value="no"), reading(TEXTS[0], "", "", annotator="ivan")]
    assert disputes_over(*labels) == []


def test_an_annotators_last_word_counts():
    labels = [
        reading(TEXTS[0], "flood", "promotes"),
        reading(TEXTS[0], "", "", labelled_at="2026-01-02T10:00:00Z"),
        reading(TEXTS[0], "", "", annotator="ivan"),
    ]
    assert disputes_over(*labels) == []
    assert len(disputes_over(*labels[:1], labels[2])) == 1


def test_a_decision_settles_until_somebody_reads_again():
    labels = [
        reading(TEXTS[0], "flood", "promotes"),
        reading(TEXTS[0], "", "", annotator="ivan"),
        reading(TEXTS[0], "flood", "reports", annotator="lead", kind="decision", labelled_at="2026-01-02T10:00:00Z"),
    ]
    assert disputes_over(*labels) == []
    again = reading(TEXTS[0], "mayor", "reports", annotator="maria", labelled_at="2026-01-03T10:00:00Z")
    assert len(disputes_over(*labels, again)[0].readings) == 3
