import csv
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import paragraph, reading
from narratives.codebook.frames import retire
from narratives.errors import UserError
from narratives.labels.files import check_labels, read_labels, write_labels
from narratives.labels.gold import UNKNOWN, gold
from narratives.labels.label_set import KINDS, LabelSet, reading_key
from narratives.labels.simple_table import read_simple_table

TEXT = "The dam breaks, they say, before Friday."


def change(folder, name, row, column, value):
    """Change one cell of a label file; rows count from 1."""
    with (folder / name).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    rows[row][rows[0].index(column)] = value
    with (folder / name).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def of(codebook, *labels):
    """The gold values and voices of one paragraph under these labels."""
    settled = gold(LabelSet((paragraph(TEXT),), labels), codebook)
    return settled.values[0].tolist(), settled.voices[0].tolist()


def test_what_is_written_is_read_again(label_set, codebook, tmp_path):
    write_labels(tmp_path, label_set)
    again = read_labels(tmp_path, codebook)
    assert set(again.labels) == set(label_set.labels)
    before = (tmp_path / "labels.csv").read_bytes()
    write_labels(tmp_path, again)
    assert (tmp_path / "labels.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "column", "value", "complaint"),
    [
        (
            "labels.csv",
            "voice",
            "maybe",
            "voice 'maybe' is not one of promotes, reports, rebuts; correct it or leave it",
        ),
        ("labels.csv", "frame", "dragons", "frame 'dragons' is not in the codebook"),
        ("labels.csv", "value", "perhaps", "value 'perhaps' is not one of yes, no, unsure"),
        ("labels.csv", "kind", "guess", "kind 'guess' is not one of reading, single, decision"),
        ("labels.csv", "annotator", "", "annotator is empty; every label needs an annotator"),
        ("labels.csv", "paragraph_id", "0" * 16, "is not in paragraphs.csv"),
        ("paragraphs.csv", "text", "Something else.", "is not that of its text"),
        ("paragraphs.csv", "language", "xx", "language 'xx' is not one of en, uk, ru, other"),
    ],
)
def test_one_bad_cell_is_named_with_its_line(label_set, codebook, tmp_path, name, column, value, complaint):
    write_labels(tmp_path, label_set)
    change(tmp_path, name, 3, column, value)
    with pytest.raises(UserError) as refusal:
        read_labels(tmp_path, codebook)
    assert str(refusal.value).startswith(f"{name}:4: ")
    assert complaint in str(refusal.value)


def test_a_reading_cannot_say_none_and_a_frame(codebook, tmp_path):
    both = (reading(TEXT, "flood", "promotes"), reading(TEXT, "", ""))
    write_labels(tmp_path, LabelSet((paragraph(TEXT),), both))
    with pytest.raises(UserError, match="beside another"):
        read_labels(tmp_path, codebook)


def test_missing_files_are_a_sentence(codebook, tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        read_labels(tmp_path, codebook)


def test_a_file_that_cannot_be_read_is_a_sentence(codebook, tmp_path):
    (tmp_path / "paragraphs.csv").mkdir()
    with pytest.raises(UserError, match=r"paragraphs.csv: cannot be read \(Is a directory\)"):
        read_labels(tmp_path, codebook)


def test_a_sole_reading_is_gold_for_the_whole_codebook(codebook):
    assert of(codebook, reading(TEXT, "flood", "rebuts")) == ([1, 0, 0], [2, UNKNOWN, UNKNOWN])
    assert of(codebook, reading(TEXT, "", "")) == ([0, 0, 0], [UNKNOWN] * 3)


def test_annotators_who_differ_leave_it_unsettled(codebook):
    labels = reading(TEXT, "flood", "promotes"), reading(TEXT, "mayor", "promotes", annotator="ivan")
    assert of(codebook, *labels)[0] == [UNKNOWN, UNKNOWN, 0]
    voices = reading(TEXT, "flood", "promotes"), reading(TEXT, "flood", "reports", annotator="ivan")
    assert of(codebook, *voices) == ([1, 0, 0], [UNKNOWN] * 3)


def test_a_decision_stands_over_the_readings(codebook):
    labels = reading(TEXT, "flood", "promotes"), reading(TEXT, "", "", annotator="ivan")
    decided = reading(TEXT, "mayor", "reports", annotator="lead", kind="decision")
    assert of(codebook, *labels, decided) == ([0, 1, 0], [UNKNOWN, 1, UNKNOWN])


def test_an_open_voice_speaks_against_no_other(codebook):
    labels = reading(TEXT, "flood", ""), reading(TEXT, "flood", "reports", annotator="ivan")
    assert of(codebook, *labels) == ([1, 0, 0], [1, UNKNOWN, UNKNOWN])
    assert of(codebook, labels[0]) == ([1, 0, 0], [UNKNOWN] * 3)


def test_a_single_label_says_nothing_of_other_frames(codebook):
    single = replace(reading(TEXT, "mayor", "promotes"), kind="single")
    assert of(codebook, single)[0] == [UNKNOWN, 1, UNKNOWN]


def test_a_reading_says_nothing_of_a_frame_that_was_added_later(codebook):
    bridge = replace(codebook.frame("bridge"), since="8")
    grown = replace(codebook, version="8", frames=(*codebook.frames[:2], bridge))
    early, late = reading(TEXT, "flood", "rebuts"), reading(TEXT, "", "", "ivan", codebook_version="8")
    assert of(grown, early)[0] == [1, 0, UNKNOWN]
    assert of(grown, early, late)[0] == [UNKNOWN, 0, 0]


def test_an_annotator_s_later_word_counts(codebook):
    later = reading(TEXT, "", "", labelled_at="2026-02-01T10:00:00Z")
    assert of(codebook, reading(TEXT, "flood", "promotes"), later)[0] == [0, 0, 0]


def test_gold_says_how_each_paragraph_was_chosen_and_a_second_look_does_not_change_it(codebook):
    texts = ["Drawn.", "Drawn, then doubted.", "Near a threshold.", "Of a file."]
    first = [reading(text, "flood", "promotes") for text in texts]
    again = reading(texts[1], "flood", "promotes", annotator="ivan", labelled_at="2025-12-31T10:00:00Z")
    later = reading(texts[2], "flood", "promotes", kind="decision", labelled_at="2026-01-02T10:00:00Z")
    reasons = {"random": first[:2], "near": [first[2]], "doubtful": [again, later]}
    known = {reading_key(label): reason for reason, labels in reasons.items() for label in labels}
    labels = LabelSet(tuple(map(paragraph, texts)), (*first, again, later), known)
    settled = gold(labels.of_interest(unlabelled=False), codebook)
    assert settled.how == ("random", "random", "near", "")
    assert settled.random_rows.tolist() == [0, 1]
    assert gold(replace(labels, reasons={}), codebook).how == ()


def test_how_a_paragraph_was_chosen_survives_a_merge(merged):
    label = reading(TEXT, "flood", "promotes")
    labels = LabelSet((paragraph(TEXT),), (label,), {reading_key(label): "random"})
    assert gold(labels, merged).how == ("random",)


def test_a_simple_table_brings_its_own_taxonomy(tmp_path):
    (tmp_path / "my.csv").write_text("text,frames,voices\nOne,b;a,promotes;\nTwo,other,\nThree,,\n", encoding="utf-8")
    table_gold = read_simple_table(tmp_path / "my.csv")
    assert table_gold.frames == ("a", "b")
    assert table_gold.values.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert table_gold.voices.tolist() == [[UNKNOWN, 0], [UNKNOWN] * 2, [UNKNOWN] * 2]
    assert len(set(table_gold.groups)) == 3


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("text,labels\nOne,a\n", "no column 'frames'"),
        ("text,frames,voices\nOne,a;b,promotes\n", "row 1: 2 frames but 1 voices"),
        ("text,frames,voices\nOne,a,shouts\n", "voice 'shouts' is not one of"),
        ("text,frames\nOne,a,b\n", "2"),
    ],
)
def test_a_bad_simple_table_is_refused_with_its_row(tmp_path, content, complaint):
    (tmp_path / "my.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as refusal:
        read_simple_table(tmp_path / "my.csv")
    assert complaint in str(refusal.value)


def test_with_a_codebook_an_unknown_frame_is_refused(tmp_path, codebook):
    (tmp_path / "my.csv").write_text("text,frames\nOne,dragons\n", encoding="utf-8")
    with pytest.raises(UserError, match="row 1: frame 'dragons' is not in the codebook"):
        read_simple_table(tmp_path / "my.csv", codebook)


LATER = "2026-02-01T10:00:00Z"


@pytest.fixture
def merged(codebook):
    """The tiny codebook with the mayor merged into the flood, and the bridge retired."""
    return retire(retire(codebook, "mayor", "flood", "2026-05-01"), "bridge", "", "2026-05-01")


def single(frame, value, **changes):
    return reading(TEXT, frame, "promotes" if value == "yes" else "", kind="single", value=value, **changes)


def counted(merged, *labels):
    resolved = LabelSet((paragraph(TEXT),), labels).resolve_retired(merged)
    return [(label.frame, label.voice, label.value) for label in resolved.labels]


def test_a_label_of_a_merged_frame_counts_as_its_successor_s(merged):
    label = reading(TEXT, "mayor", "rebuts", note="so he says")
    assert LabelSet((), (label,)).resolve_retired(merged).labels == (replace(label, frame="flood"),)
    assert of(merged, label) == ([1], [2])


def test_of_two_labels_on_one_paragraph_the_successor_s_own_wins(merged):
    assert counted(merged, reading(TEXT, "mayor", "rebuts"), reading(TEXT, "flood", "reports")) == [
        ("flood", "reports", "yes")
    ]
    other = reading(TEXT, "flood", "reports", annotator="ivan")
    assert of(merged, reading(TEXT, "mayor", "rebuts"), other) == ([1], [UNKNOWN])


def test_of_two_merged_labels_yes_says_more_than_unsure_and_no(codebook):
    both = retire(retire(codebook, "mayor", "flood", ""), "bridge", "flood", "")
    labels = reading(TEXT, "mayor", "", value="unsure"), reading(TEXT, "bridge", "reports")
    assert counted(both, *labels) == [("flood", "reports", "yes")]
    assert counted(both, *labels[::-1]) == [("flood", "reports", "yes")]
    assert counted(both, reading(TEXT, "mayor", "rebuts"), reading(TEXT, "bridge", "reports")) == [
        ("flood", "rebuts", "yes")
    ]


def test_a_reading_stays_whole_when_its_only_frame_is_retired(merged):
    assert counted(merged, reading(TEXT, "bridge", "promotes")) == [("", "", "no")]
    assert of(merged, reading(TEXT, "bridge", "promotes"))[0] == [0]
    assert counted(merged, reading(TEXT, "bridge", "promotes"), reading(TEXT, "mayor", "reports")) == [
        ("flood", "reports", "yes")
    ]


def test_a_reading_of_two_retired_frames_saw_no_frame_once(codebook):
    none = retire(retire(codebook, "mayor", "", ""), "bridge", "", "")
    labels = reading(TEXT, "mayor", "promotes"), reading(TEXT, "bridge", "promotes")
    assert counted(none, *labels) == [("", "", "no")]
    assert counted(none, *labels, reading(TEXT, "bridge", "promotes", annotator="ivan")) == [("", "", "no")] * 2


def test_each_step_of_an_annotator_counts_by_itself(merged):
    later = reading(TEXT, "mayor", "rebuts", labelled_at=LATER)
    assert of(merged, reading(TEXT, "flood", "promotes"), later) == ([1], [2])
    decided = reading(TEXT, "mayor", "reports", kind="decision", labelled_at=LATER)
    assert of(merged, reading(TEXT, "flood", "promotes"), decided) == ([1], [1])


def test_a_no_to_a_merged_frame_is_no_no_to_what_was_said_of_its_successor(merged):
    assert of(merged, reading(TEXT, "flood", "promotes"), single("mayor", "no", labelled_at=LATER)) == ([1], [0])
    assert of(merged, reading(TEXT, "mayor", "promotes"), single("mayor", "no", labelled_at=LATER))[0] == [0]
    assert of(merged, reading(TEXT, "", ""), single("mayor", "yes", labelled_at=LATER)) == ([1], [0])
    assert of(merged, single("mayor", "yes"), single("flood", "no"))[0] == [0]


def test_a_single_label_of_a_frame_without_successor_says_nothing(merged):
    assert counted(merged, single("bridge", "yes")) == []
    assert of(merged, single("bridge", "yes"))[0] == [UNKNOWN]


def test_a_label_file_may_name_a_retired_frame_and_is_read_and_written_as_it_was_given(label_set, merged, tmp_path):
    write_labels(tmp_path, label_set)
    before = (tmp_path / "labels.csv").read_bytes()
    again = read_labels(tmp_path, merged)
    assert set(again.labels) == set(label_set.labels)
    write_labels(tmp_path, again)
    assert (tmp_path / "labels.csv").read_bytes() == before


def test_merged_gold_is_that_of_either_frame(label_set, codebook, merged):
    before, after = gold(label_set, codebook), gold(label_set, merged)
    assert after.frames == ("flood",)
    assert after.texts == before.texts
    assert after.values[:, 0].tolist() == before.values[:, :2].max(axis=1).tolist()
    assert after.voices[:, 0].tolist() == before.voices[:, :2].max(axis=1).tolist()


def test_a_simple_table_may_name_a_retired_frame(merged, tmp_path):
    (tmp_path / "my.csv").write_text(
        "text,frames,voices\nOne,mayor,rebuts\nTwo,flood;mayor,reports;rebuts\nThree,bridge,promotes\n",
        encoding="utf-8",
    )
    table_gold = read_simple_table(tmp_path / "my.csv", merged)
    assert table_gold.values.tolist() == [[1], [1], [0]]
    assert table_gold.voices.tolist() == [[2], [1], [UNKNOWN]]


FRAMES = ("flood", "mayor", "bridge")
SAID = st.dictionaries(st.sampled_from(FRAMES), st.sampled_from(("yes", "no", "unsure")), min_size=1)
STEP = st.tuples(st.sampled_from(("olha", "ivan")), st.sampled_from(KINDS), st.one_of(st.none(), SAID))


@pytest.mark.slow
@given(st.lists(STEP, max_size=6), st.sampled_from(("flood", "")), st.sampled_from(("flood", "")))
def test_counted_labels_are_whole_and_never_contradict_themselves(codebook, steps, mayor, bridge):
    labels = [
        reading(TEXT, frame, "reports" if value == "yes" else "", name, kind=kind, value=value, labelled_at=f"{number}")
        for number, (name, kind, values) in enumerate(steps)
        if values or kind != "single"
        for frame, value in (values or {"": "no"}).items()
    ]
    merged = retire(retire(codebook, "mayor", mayor, ""), "bridge", bridge, "")
    given_set = LabelSet((paragraph(TEXT),), tuple(labels))
    resolved = given_set.resolve_retired(merged)
    check_labels(resolved, replace(merged, retired=()), "counted")
    assert resolved.resolve_retired(merged) == resolved

    def whole(labels):
        return {(label.annotator, label.labelled_at) for label in labels if label.kind != "single"}

    assert whole(resolved.labels) == whole(labels)
    assert [label for label in resolved.labels if label.kind == "single" and label.frame not in merged.ids] == []
