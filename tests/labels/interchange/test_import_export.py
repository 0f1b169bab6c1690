"""Labels leave and come back in each layout; tables of new texts come in with row-level refusals."""

import json
from dataclasses import replace

import openpyxl
import pytest

from conftest import AWKWARD, paragraph, reading
from narratives.codebook.frames import retire
from narratives.errors import UserError
from narratives.labels.interchange.exporting import LAYOUTS, write_labels_as, write_refused
from narratives.labels.interchange.importing import read_intake
from narratives.labels.interchange.intake import Columns, Moment
from narratives.labels.label_set import LabelSet, reading_key

NAMES = {
    "labels": "out",
    "jsonl": "out.jsonl",
    "label-studio": "out.json",
    "doccano": "out.jsonl",
    "hugging-face": "out",
}
HARD = [text.replace("\x00", "") for text in AWKWARD if text.strip()]


@pytest.fixture
def moment(codebook):
    return Moment("petro", "2026-02-02T10:00:00Z", codebook)


@pytest.fixture
def awkward(label_set):
    """Labels in which everything occurs: two annotators who differ, a decision, a single label, notes, awkward text."""
    paragraphs = [*label_set.paragraphs, *map(paragraph, HARD), paragraph("Nobody has read this.", document="d;1,\n2")]
    text = label_set.paragraphs[0].text
    labels = [
        *label_set.labels,
        reading(text, "mayor", "reports", annotator="ivan", note='he said: "no; never",\nand left', sure="no"),
        reading(text, "flood", "rebuts", annotator="ivan", sure="yes"),
        reading(text, "flood", "promotes", annotator="lead", kind="decision", note="cf. ¶ 3"),
        reading(HARD[0], "bridge", "", annotator="olha", kind="single", value="unsure"),
        reading(HARD[1], "", "", annotator="o'hara@example.org", labelled_at="2026-01-01T10:00:00.123456Z"),
    ]
    reasons = {reading_key(labels[0]): "random", reading_key(labels[-5]): "differs", reading_key(labels[-2]): "near"}
    return LabelSet(tuple(paragraphs), tuple(labels), reasons)


@pytest.mark.parametrize("layout", NAMES)
def test_a_round_trip_loses_nothing(awkward, moment, layout, tmp_path):
    output = tmp_path / NAMES[layout]
    write_labels_as(awkward, output, layout)
    if layout == "labels":
        assert {path.name for path in output.iterdir()} == {"labels.csv", "paragraphs.csv"}
    intake = read_intake(output, moment)
    assert intake.layout == layout
    assert set(intake.labels.labels) == set(awkward.labels)
    assert set(intake.labels.paragraphs) == set(awkward.paragraphs)
    assert intake.labels.reasons == ({} if layout == "labels" else awkward.reasons)  # the files keep their columns


@pytest.mark.parametrize("layout", NAMES)
def test_where_nobody_knows_why_a_paragraph_was_shown_an_export_is_as_before(label_set, moment, layout, tmp_path):
    output = tmp_path / NAMES[layout]
    write_labels_as(label_set, output, layout)
    assert not [path for path in (output, *output.rglob("*")) if path.is_file() and b"reason" in path.read_bytes()]
    assert read_intake(output, moment).labels.reasons == {}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_labels_are_the_same_bytes(awkward, layout, tmp_path):
    shuffled = LabelSet(awkward.paragraphs[::-1], awkward.labels[::-1], awkward.reasons)
    for name, labels in (("one", awkward), ("two", shuffled)):
        write_labels_as(labels, tmp_path / name, layout)
    if layout != "xlsx":  # a workbook holds the time at which it was written
        files = [path for path in sorted((tmp_path / "one").rglob("*")) if path.is_file()] or [tmp_path / "one"]
        for path in files:
            other = tmp_path / "two" / path.relative_to(tmp_path / "one")
            assert path.read_bytes() == (other if other.is_file() else tmp_path / "two").read_bytes()


def test_labels_without_text_are_ids_and_come_back_where_the_text_is_known(awkward, moment, tmp_path):
    write_labels_as(awkward, tmp_path / "ids.jsonl", "jsonl", with_text=False)
    assert awkward.paragraphs[0].text not in (tmp_path / "ids.jsonl").read_text(encoding="utf-8")
    intake = read_intake(tmp_path / "ids.jsonl", moment, "jsonl")
    assert set(intake.labels.labels) == set(awkward.labels)
    assert intake.labels.paragraphs == ()


def test_an_export_without_text_leaves_no_text_of_the_one_it_replaces(awkward, tmp_path):
    write_labels_as(awkward, tmp_path, "labels")
    before = (tmp_path / "labels.csv").read_bytes()
    write_labels_as(awkward, tmp_path, "labels", with_text=False)
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]
    assert (tmp_path / "labels.csv").read_bytes() == before


@pytest.mark.slow
def test_a_workbook_holds_every_label_as_text(awkward, tmp_path):
    formula = replace(awkward.labels[0], note="=1+1")
    write_labels_as(LabelSet(awkward.paragraphs, (*awkward.labels[1:], formula)), tmp_path / "out.xlsx", "xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True))
    assert rows[0][:2] == ("paragraph_id", "text")
    assert len(rows) == 1 + len(awkward.labels) + len(awkward.paragraphs) - len(awkward.by_paragraph)
    assert "=1+1" in {row[-1] for row in rows}


def test_label_studio_annotations_of_others_are_read(moment, tmp_path):
    choice = {"from_name": "f", "to_name": "t", "type": "choices"}
    task = {
        "id": 5,
        "data": {"text": "The dam breaks."},
        "annotations": [
            {"completed_by": {"id": 3, "email": "o@x.org"}, "created_at": "2026-01-01T09:00:00Z",
             "result": [{**choice, "value": {"choices": ["flood:reports", "mayor"]}}]},
            {"completed_by": 4, "result": []},
            {"completed_by": 5, "was_cancelled": True, "result": []},
        ],
    }  # fmt: skip
    (tmp_path / "export.json").write_text(json.dumps([task]), encoding="utf-8")
    labels = read_intake(tmp_path / "export.json", moment).labels.labels
    assert {(label.frame, label.voice) for label in labels} == {("flood", "reports"), ("mayor", ""), ("", "")}
    task["annotations"][0]["result"][0]["value"]["choices"] = ["flood:reports", "mayor:rebuts"]
    (tmp_path / "export.json").write_text(json.dumps([task]), encoding="utf-8")
    labels = read_intake(tmp_path / "export.json", moment).labels.labels
    assert [(label.annotator, label.frame, label.voice) for label in labels] == [
        ("o@x.org", "flood", "reports"),
        ("o@x.org", "mayor", "rebuts"),
        ("4", "", ""),
    ]


def test_doccano_lines_of_others_are_the_named_annotators(moment, tmp_path):
    lines = [
        {"id": 1, "text": "The dam breaks.", "label": ["flood:promotes"]},
        {"id": 2, "text": "A choir.", "label": []},
    ]
    (tmp_path / "admin.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    labels = read_intake(tmp_path / "admin.jsonl", moment).labels
    assert [(label.annotator, label.frame) for label in labels.labels] == [("petro", "flood")]
    assert len(labels.paragraphs) == 2


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", "{}", "it holds no text"),
        ("a.json", "[]", "it holds no text"),
        ("a.json", "[1", "not readable as JSON"),
        ("a.jsonl", '{"labels": [{"frame": "flood"}], "text": "x"}', "a label lacks 'voice'"),
        ("a.jsonl", '{"labels": [1], "text": "x"}', "line 1: frame '1' is not in the codebook"),
        (
            "a.jsonl",
            '{"labels": [{"frame": "", "voice": "", "value": "no", "kind": "reading", "sure": "yes", "annotator": "o", '
            '"labelled_at": "", "codebook_version": "7", "note": "", "reason": "By chance"}], "text": "x"}',
            "reason 'By chance' is not a word of at most 16 small letters, such as random; correct it or leave it out",
        ),
        ("a.jsonl", '{"labels": [], "text": 7}', "'text' must be a text"),
        ("a.jsonl", '{"labels": []}', "no column looks like text"),
        ("a.jsonl", '{"label": [], "text": ""}', "neither text nor paragraph_id"),
        ("a.jsonl", "[1]\n", "a.jsonl: object 1: not a JSON object"),
        ("nothing", None, "no such file"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_place(moment, tmp_path, name, content, sentence):
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=sentence):
        read_intake(tmp_path / name, moment)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_of_texts_is_read_and_single_rows_are_refused(moment, tmp_path, encoding):
    rows = (
        'id;text;url\n1;"The dam; breaks";https://a.example\n2;too few\n3;;x\n4;The choir sings.;y\n5;"never closed;z\n'
    )
    (tmp_path / "posts.csv").write_text(rows, encoding=encoding)
    intake = read_intake(tmp_path / "posts.csv", moment, columns=Columns(text="text"))
    assert [row.text for row in intake.labels.paragraphs] == ["The dam; breaks", "The choir sings."]
    assert sorted(intake.sources.values()) == ["https://a.example", "y"]
    assert sorted(row.line for row in intake.refused) == [3, 4, 6]
    assert any("the text is empty" in row.reason for row in intake.refused)
    write_refused(intake.refused, tmp_path / "refused.csv")
    assert (tmp_path / "refused.csv").read_text(encoding="utf-8").count("\n") >= 4


def test_a_labelled_table_is_the_named_annotators_reading(moment, tmp_path):
    rows = "text,frames,voices\nThe dam breaks.,flood;mayor,promotes;rebuts\nA choir.,other,\nNo.,dragon,promotes\n"
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    intake = read_intake(tmp_path / "t.csv", moment)
    assert [(label.frame, label.voice, label.annotator) for label in intake.labels.labels] == [
        ("flood", "promotes", "petro"),
        ("mayor", "rebuts", "petro"),
        ("", "", "petro"),
    ]
    assert "'dragon' is not in the codebook" in intake.refused[0].reason


def test_a_labelled_table_says_which_texts_were_drawn_at_random(moment, tmp_path):
    rows = "text,frames,voices,how\nThe dam breaks.,flood,promotes,random\nA choir.,,,chosen\nNo.,,,\nSo.,,,By hand\n"
    (tmp_path / "t.csv").write_text(rows, encoding="utf-8")
    intake = read_intake(tmp_path / "t.csv", moment)
    chosen = [intake.labels.how.get(row.paragraph_id, "") for row in intake.labels.paragraphs]
    assert chosen == ["random", "chosen", ""]
    assert "reason 'By hand' is not a word" in intake.refused[0].reason


def test_a_labelled_table_of_nobody_is_refused(moment, tmp_path):
    (tmp_path / "t.csv").write_text("text,frames\nThe dam breaks.,flood\n", encoding="utf-8")
    with pytest.raises(UserError, match="--annotator NAME"):
        read_intake(tmp_path / "t.csv", replace(moment, annotator=""))


@pytest.mark.parametrize("layout", NAMES)
def test_labels_on_a_retired_frame_go_out_and_come_back_as_they_were_given(awkward, moment, tmp_path, layout):
    retired = replace(moment, codebook=retire(moment.codebook, "flood", "mayor", "2026-05-01"))
    output = tmp_path / NAMES[layout]
    write_labels_as(awkward, output, layout)
    labels = read_intake(output, retired, layout).labels
    assert set(labels.labels) == set(awkward.labels)
    assert "flood" in {label.frame for label in labels.labels}
