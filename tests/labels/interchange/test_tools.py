"""Exports of other tools: what people chose comes in, what cannot be read is said, and nothing unread becomes a no."""

import gzip
import json

import pytest

from narratives.cli.labels import _LAYOUTS
from narratives.errors import UserError
from narratives.labels.interchange.importing import LAYOUTS_READ, read_intake
from narratives.labels.interchange.intake import Columns, Moment

DAM, CHOIR, BRIDGE = "The dam breaks before Friday.", "The choir sings on Sunday.", "The bridge never opens."
DETECT = Columns()


@pytest.fixture
def moment(codebook):
    return Moment("petro", "2026-02-02T10:00:00Z", codebook)


@pytest.fixture
def read(moment, tmp_path):
    """Write content into a file and read it."""

    def read(content, name="export.jsonl", columns=DETECT, moment=moment):
        path = tmp_path / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif name.endswith(".json"):
            path.write_text(json.dumps(content), encoding="utf-8")
        else:
            path.write_text("\n".join(map(json.dumps, content)), encoding="utf-8")
        return read_intake(path, moment, columns=columns)

    return read


def said(intake):
    """Return what each annotator said, without the order."""
    texts = {row.paragraph_id: row.text for row in intake.labels.paragraphs}
    return sorted(
        (texts[label.paragraph_id], label.annotator, label.frame, label.voice, label.value, label.kind)
        for label in intake.labels.labels
    )


def result(names, control="narrative", kind="choices"):
    return {"from_name": control, "to_name": "text", "type": kind, "value": {kind: names}}


def task(text, *results, by=7, key="text"):
    return {"id": 1, "data": {key: text}, "annotations": [{"completed_by": by, "result": list(results)}]}


def test_the_command_offers_every_layout_that_is_read():
    assert _LAYOUTS == LAYOUTS_READ


def test_a_frame_without_a_voice_is_taken_and_its_voice_left_open(read):
    intake = read([task(DAM, result(["flood"])), task(CHOIR, result([]))], "e.json")
    assert said(intake) == [(CHOIR, "7", "", "", "no", "reading"), (DAM, "7", "flood", "", "yes", "reading")]
    assert any("give no voice, which is left open" in note for note in intake.notes)


@pytest.mark.parametrize("name", ["The flood is coming", "FLOOD", "flood:Promotes", "Flood"])
def test_frames_and_voices_are_found_by_name_in_any_case(read, name):
    assert [row[2] for row in said(read([task(DAM, result([name]))], "e.json"))] == ["flood"]


@pytest.mark.parametrize(
    "other",
    [
        result(["flood:promotes"], "spans", "labels"),
        {"from_name": "tree", "type": "taxonomy", "value": {"taxonomy": [["Fear", "flood:promotes"]]}},
    ],
)
def test_spans_and_taxonomies_are_read(read, other):
    assert [row[2:5] for row in said(read([task(DAM, other)], "e.json"))] == [("flood", "promotes", "yes")]


@pytest.mark.parametrize(
    "other",
    [
        {"from_name": "comment", "type": "textarea", "value": {"text": ["look at this"]}},
        {"from_name": "stars", "type": "rating", "value": {"rating": 4}},
        result(["relevant"], "relevance"),
    ],
)
def test_results_that_name_no_frame_are_said_and_never_become_no_frame(read, other):
    intake = read([task(DAM, result(["flood:promotes"])), task(CHOIR, other)], "e.json")
    assert {row[0] for row in said(intake)} == {DAM}
    assert any("the first in task 2" in note for note in intake.notes)


def test_choices_of_another_control_are_ignored_and_a_comment_becomes_the_note(read):
    comment = {"from_name": "comment", "type": "textarea", "value": {"text": ["see page 3"]}}
    intake = read([task(DAM, result(["relevant"], "relevance"), result(["flood:reports"]), comment)], "e.json")
    assert said(intake) == [(DAM, "7", "flood", "reports", "yes", "reading")]
    assert [label.note for label in intake.labels.labels] == ["see page 3"]
    assert "left out, because they name no frames: 'relevance'" in intake.notes


def test_a_control_that_is_named_counts_also_where_it_was_left_empty(read):
    tasks = [task(DAM, result(["flood"], "theme")), task(CHOIR, result(["relevant"], "relevance"))]
    intake = read(tasks, "e.json", Columns(frames="theme"))
    assert [row[2] for row in said(intake)] == ["", "flood"]
    with pytest.raises(UserError, match="nothing is answered under 'themes'"):
        read(tasks, "e.json", Columns(frames="themes"))


def test_voices_have_a_control_of_their_own(read):
    intake = read([task(DAM, result(["flood"]), result(["Rebuts"], "stance"))], "e.json")
    assert said(intake) == [(DAM, "7", "flood", "rebuts", "yes", "reading")]


def test_every_unknown_choice_is_named_with_its_task_and_nothing_comes_in(read):
    tasks = [task(DAM, result(["flood"])), task(CHOIR, result(["Tram"])), task(BRIDGE, result(["Bus"]))]
    with pytest.raises(UserError, match=r"task 2: frame 'Tram'.*task 3: frame 'Bus'.*nothing was imported"):
        read(tasks, "e.json")
    mapped = read(tasks, "e.json", Columns(names={"Tram": "", "bus": "bridge:reports"}))
    assert [row[2:4] for row in said(mapped)] == [("bridge", "reports"), ("", ""), ("flood", "")]


def test_a_mapping_to_what_is_no_frame_is_refused(read):
    with pytest.raises(UserError, match="--map Tram=tram: 'tram' is neither a frame nor a voice"):
        read([task(DAM, result(["flood"]))], "e.json", Columns(names={"Tram": "tram"}))


def test_one_text_in_two_tasks_is_one_reading_with_an_open_voice_where_both_differ(read):
    intake = read([task(DAM, result(["flood:promotes"])), task(f"{DAM} ", result(["flood:reports"]))], "e.json")
    assert [row[1:] for row in said(intake)] == [("7", "flood", "", "yes", "reading")]
    assert any("two voices" in note for note in intake.notes)


def test_the_text_of_a_task_is_found_under_any_key(read):
    assert said(read([task(DAM, result(["flood"]), key="tweet")], "e.json"))[0][0] == DAM


def test_what_a_model_predicted_in_a_task_is_a_suggestion(read):
    one = {
        "data": {"text": DAM},
        "annotations": [],
        "predictions": [{"model_version": "m1", "result": [result(["flood"])]}],
    }
    intake = read([one], "e.json")
    assert intake.labels.labels == ()
    assert [(each.model, json.loads(each.frames)[0]["frame"]) for each in intake.suggestions] == [("m1", "flood")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("min.json", [{"id": 1, "text": DAM, "topic": {"choices": ["flood:promotes", "mayor:promotes"]}, "annotator": 7,
                       "annotation_id": 3, "lead_time": 2.5, "created_at": "2026-01-01T00:00:00Z"}]),
        ("e.csv", 'annotation_id,annotator,id,lead_time,topic,text\n3,7,1,2.5,"{""choices"":[""flood:promotes"",'
                  f'""mayor:promotes""]}}",{DAM}\n'),
    ],
)  # fmt: skip
def test_label_studio_s_flat_exports_are_read(read, name, content):
    assert [row[1:4] for row in said(read(content, name))] == [("7", "flood", "promotes"), ("7", "mayor", "promotes")]


@pytest.mark.parametrize(
    "line",
    [
        {"label": ["flood:promotes"]},
        {"label": "flood:promotes"},
        {"labels": ["flood:promotes"]},
        {"label": [[0, 7, "flood:promotes"]]},
        {"entities": [{"id": 3, "label": "flood:promotes", "start_offset": 0, "end_offset": 7}]},
        {"annotations": [{"label": "flood:promotes", "user": "petro"}]},
    ],
)
@pytest.mark.parametrize("key", ["text", "data"])
def test_doccano_s_layouts_are_read_also_where_the_first_line_has_no_label(read, line, key):
    intake = read([{key: CHOIR}, {key: DAM, **line}])
    assert said(intake) == [(DAM, "petro", "flood", "promotes", "yes", "reading")]
    assert {row.text for row in intake.labels.paragraphs} == {CHOIR, DAM}


def test_two_annotators_of_one_line_each_keep_their_reading(read):
    lines = [{"text": DAM, "label": ["flood:promotes"], "annotator": "a"}, {"text": DAM, "label": [], "annotator": "b"}]
    assert [row[1:3] for row in said(read(lines))] == [("a", "flood"), ("b", "")]


def test_doccano_s_table_is_read(read):
    intake = read(f"id,data,label\n1,{DAM},flood:promotes#mayor:reports\n2,{CHOIR},\n", "export.csv")
    assert [row[2:4] for row in said(intake)] == [("flood", "promotes"), ("mayor", "reports")]
    assert any("1 rows have no label" in note for note in intake.notes)


def test_prodigy_s_choices_are_readings_and_what_was_not_answered_is_none(read):
    lines = [
        {"text": DAM, "accept": ["flood"], "answer": "accept", "_annotator_id": "db", "_timestamp": 1700000000},
        {"text": CHOIR, "accept": [], "answer": "reject"},
        {"text": BRIDGE, "accept": [], "answer": "accept"},
    ]
    intake = read(lines)
    assert said(intake) == [(BRIDGE, "petro", "", "", "no", "reading"), (DAM, "db", "flood", "", "yes", "reading")]
    assert {label.labelled_at for label in intake.labels.labels if label.frame} == {"2023-11-14T22:13:20Z"}


def test_prodigy_s_yes_and_no_speak_of_one_frame_each(read):
    lines = [
        {"text": DAM, "label": "flood", "answer": "accept"},
        {"text": DAM, "label": "mayor", "answer": "reject"},
        {"text": BRIDGE, "label": "mayor", "answer": "ignore"},
    ]
    assert [row[2:] for row in said(read(lines))] == [("flood", "", "yes", "single"), ("mayor", "", "no", "single")]


def test_spacy_s_categories_are_labels_and_its_probabilities_are_not(read):
    lines = [{"text": DAM, "cats": {"flood": 1.0, "mayor": 0.0}}, {"text": CHOIR, "cats": {"flood": 0.3, "mayor": 0.1}}]
    intake = read(lines)
    assert [row[0:1] + row[2:] for row in said(intake)] == [
        (DAM, "flood", "", "yes", "single"),
        (DAM, "mayor", "", "no", "single"),
    ]
    assert len(intake.suggestions) == 1


ARGILLA_2 = {
    "id": "1",
    "fields": {"text": DAM},
    "responses": {"frame": [{"value": ["flood"], "user_id": "u1"},
                            {"value": "mayor", "user_id": "u2", "status": "draft"}],
                  "quality": [{"value": 5, "user_id": "u1"}]},
    "suggestions": {"frame": {"value": ["mayor"], "score": [0.9], "agent": "m1"}},
}  # fmt: skip
ARGILLA_USERS = {
    "fields": {"text": DAM},
    "responses": [{"user_id": "u1", "status": "submitted", "values": {"frame": {"value": "flood"}}}],
}
ARGILLA_FLAT = {"text": DAM, "frame.responses": [["flood"]], "frame.responses.users": ["u1"]}
ARGILLA_1 = {"text": DAM, "annotation": ["flood"], "annotation_agent": "u1", "prediction": [["mayor", 0.9]],
             "prediction_agent": "m1", "status": "Validated"}  # fmt: skip


@pytest.mark.parametrize("record", [ARGILLA_2, ARGILLA_USERS, ARGILLA_FLAT, ARGILLA_1])
def test_argilla_s_records_are_read(read, record):
    intake = read([record])
    assert said(intake) == [(DAM, "u1", "flood", "", "yes", "reading")]
    assert {each.model for each in intake.suggestions} <= {"m1"}
    assert len(intake.suggestions) == ("suggestions" in record or "prediction" in record)


def test_potato_s_instances_are_read(read):
    line = {
        "id": "1",
        "displayed_text": DAM,
        "label_annotations": {"frame": {"flood": "1", "mayor": "0"}},
        "user": "u1",
    }
    assert said(read([line])) == [(DAM, "u1", "flood", "", "yes", "reading")]


def test_inception_is_refused_with_a_way_out(read):
    with pytest.raises(UserError, match="export a table with text and label"):
        read([{"%TYPES": {}, "%FEATURE_STRUCTURES": []}])


def test_suffixes_in_capitals_and_packed_files_hold_the_same_labels(read, moment, tmp_path):
    line = {"text": DAM, "label": ["flood:promotes"]}
    packed = tmp_path / "z.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(line).encode()))
    assert said(read([line])) == said(read([line], "Y.JSONL")) == said(read_intake(packed, moment))


def test_labels_of_nobody_are_refused(read, codebook):
    with pytest.raises(UserError, match="line 1: it does not say who gave the labels; name them with --annotator"):
        read([{"text": DAM, "label": ["flood"]}], moment=Moment("", "2026-02-02T10:00:00Z", codebook))
