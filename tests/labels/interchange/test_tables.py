"""Tables as people keep them: columns are found, rows of one reading are joined, and no yes turns into a no."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from narratives.errors import UserError
from narratives.labels.interchange.importing import read_intake
from narratives.labels.interchange.intake import Columns, Moment

DAM, CHOIR, BRIDGE = "The dam breaks before Friday.", "The choir sings on Sunday.", "The bridge never opens."
DETECT = Columns()


@pytest.fixture
def read(codebook, tmp_path):
    """Write a table and read it."""

    def read(content, columns=DETECT, annotator="petro", name="t.csv"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return read_intake(tmp_path / name, Moment(annotator, "2026-02-02T10:00:00Z", codebook), columns=columns)

    return read


def said(intake):
    texts = {row.paragraph_id: row.text for row in intake.labels.paragraphs}
    return sorted(
        (texts[label.paragraph_id], label.annotator, label.frame, label.voice) for label in intake.labels.labels
    )


@pytest.mark.parametrize(
    "header", ["text,frames,voices", "Text,Frames,Voices", "text, frames, voices", "TEXT,FRAME,VOICE"]
)
def test_columns_are_found_in_any_case(read, header):
    assert said(read(f"{header}\n{DAM},flood,promotes\n")) == [(DAM, "petro", "flood", "promotes")]


@pytest.mark.parametrize(
    "cell",
    ["flood;mayor", "flood, mayor", "flood|mayor", '["flood", "mayor"]', "['flood', 'mayor']", "['flood' 'mayor']"],
)
def test_frames_in_a_cell_may_be_a_list_or_have_another_separator(read, cell):
    quoted = cell.replace('"', '""')
    assert [row[2] for row in said(read(f'text,frames\n{DAM},"{quoted}"\n'))] == ["flood", "mayor"]


@pytest.mark.parametrize("cell", ["", "other", "nan", "None", "NA", "n/a", "[]", "no frame"])
def test_words_for_no_frame_are_no_frame(read, cell):
    intake = read(f"text,frames\n{DAM},{cell}\n")
    assert said(intake) == [(DAM, "petro", "", "")]
    said_so = f"read as no frame: '{cell}' in 1 rows" in intake.notes
    assert said_so == (cell not in ("", "other", "[]"))


def test_rows_of_one_text_are_one_reading(read):
    intake = read(f"text,frames,voices\n{DAM},flood,promotes\n{DAM},mayor,reports\n{CHOIR},,\n")
    assert said(intake) == [
        (CHOIR, "petro", "", ""),
        (DAM, "petro", "flood", "promotes"),
        (DAM, "petro", "mayor", "reports"),
    ]


def test_a_row_that_cannot_be_read_refuses_the_whole_reading(read):
    intake = read(f"text,frames\n{DAM},flood\n{DAM},dragon\n{CHOIR},\n")
    assert said(intake) == [(CHOIR, "petro", "", "")]
    assert [row.line for row in intake.refused] == [2, 3]
    assert "belongs to a reading that is refused: line 3" in intake.refused[0].reason


def test_a_column_says_who_gave_the_labels(read):
    table = f"text,frames,voices,annotator\n{DAM},flood,promotes,olha\n{DAM},flood,rebuts,ivan\n{CHOIR},,,ivan\n"
    expected = [(CHOIR, "ivan", "", ""), (DAM, "ivan", "flood", "rebuts"), (DAM, "olha", "flood", "promotes")]
    assert said(read(table, annotator="")) == expected
    assert said(read(table.replace("annotator", "who"), Columns(annotator="who"), "")) == expected


def test_named_columns_and_a_mapping_read_any_table(read):
    table = f"post,theme,stance\n{DAM},Water,against\n{CHOIR},Music,\n"
    columns = Columns("post", "Theme", "stance", names={"Water": "flood", "Music": "", "against": "rebuts"})
    assert said(read(table, columns)) == [(CHOIR, "petro", "", ""), (DAM, "petro", "flood", "rebuts")]
    with pytest.raises(UserError, match="there is no column 'topic'; its columns are 'post', 'theme', 'stance'"):
        read(table, Columns("post", "topic"))


def test_a_column_of_frames_is_found_by_what_is_in_it(read):
    intake = read(f"text,narrative\n{DAM},flood\n{CHOIR},\n")
    assert said(intake) == [(DAM, "petro", "flood", "")]
    assert "labels in 'narrative'" in intake.notes


def test_labels_that_are_no_frames_are_said_and_not_taken(read):
    intake = read(f"text,label\n{DAM},Water\n{CHOIR},Music\n")
    assert said(intake) == []
    assert any("the column 'label' is not read as labels, because 'Music'" in note for note in intake.notes)


def test_a_column_for_each_frame_says_yes_no_or_nothing(read):
    intake = read(f"text,flood,mayor\n{DAM},1,0\n{CHOIR},,0\n")
    labels = sorted((label.frame, label.value, label.kind) for label in intake.labels.labels)
    assert labels == [("flood", "yes", "single"), ("mayor", "no", "single"), ("mayor", "no", "single")]


def test_two_columns_that_could_hold_the_frames_are_asked_about(read):
    with pytest.raises(UserError, match="could be in 'first' or in 'second'; say which with --frames-column"):
        read(f"text,first,second\n{DAM},flood,mayor\n")


@pytest.mark.parametrize(
    ("given", "language"),
    [("English", "en"), ("EN", "en"), ("ru-RU", "ru"), ("uk_UA", "uk"), ("Ukrainian", "uk"), ("fr", "other"),
     ("pl", "other"), ("und", "other"), ("", "en")],
)  # fmt: skip
def test_languages_are_mapped_and_none_is_refused(read, given, language):
    intake = read(f"text,Language\n{DAM},{given}\n")
    assert [row.language for row in intake.labels.paragraphs] == [language]
    assert intake.refused == ()


SCORED = (
    "id,text,frames,voices,human,p_flood,p_mayor,model\n"
    f"1,{DAM},flood,promotes,,0.9000,0.0100,m@1\n2,{CHOIR},,,,0.1,0.1,m@1\n"
)


def test_a_scored_table_brings_in_texts_and_its_predictions_as_suggestions(read):
    intake = read(SCORED)
    assert intake.labels.labels == ()
    assert {row.text for row in intake.labels.paragraphs} == {DAM, CHOIR}
    assert [(each.model, json.loads(each.frames)) for each in intake.suggestions] == [
        ("m@1", [{"frame": "flood", "voice": "promotes", "probability": 0.9}])
    ]
    assert any("written by narratives score" in note for note in intake.notes)


MELTWATER = "Document ID,Opening Text,Hit Sentence,Source Name,URL,Language,Reach\n"
TWEETS = {"id": "1", "conversation_id": "1", "author_id": "7", "author": {"username": "river"}, "source": "Web App"}
CLAIM = {"claimReviewed": DAM, "datePublished": "2024", "publisher": {"name": "Checkers"}, "reviewRating": {}}


@pytest.mark.parametrize(
    ("name", "content", "sources", "export"),
    [
        ("t.csv", f"{MELTWATER}a,{DAM},x,River,u,en,1\nb,,{CHOIR},Choirs,u,fr,1\n", {"River", "Choirs"}, "Meltwater"),
        ("t.jsonl", json.dumps(TWEETS | {"text": DAM}), {"river"}, "Twitter API v2"),
        ("t.json", json.dumps([CLAIM], indent=1), {"Checkers"}, "ClaimReview"),
        ("t.csv", f"Канал,Текст\nРічка,{DAM}\n", {"Річка"}, ""),
        ("t.csv", f"text,channel\n{DAM},\n", {"t.csv"}, ""),
    ],
)
def test_texts_and_sources_are_those_that_the_recogniser_names(read, name, content, sources, export):
    intake = read(content, name=name)
    assert set(intake.sources.values()) == sources
    assert {row.text for row in intake.labels.paragraphs} <= {DAM, CHOIR}
    assert intake.notes[0].split(", ")[0] in ("CSV", "JSONL", "JSON")
    assert export in intake.notes[0]


def test_the_language_of_an_export_is_found_where_it_has_it(read):
    header = "thread_id,unix_timestamp,body,language_guess,author_username\n"
    (row,) = read(f"{header}t,1,{DAM},fr,a\n").labels.paragraphs
    assert row.language == "other"


def test_a_voice_that_the_model_left_open_is_suggested_without_a_voice(read):
    (suggestion,) = read(SCORED.replace("promotes", "unsettled")).suggestions
    assert json.loads(suggestion.frames) == [{"frame": "flood", "voice": "", "probability": 0.9}]


def test_rows_that_differ_in_how_their_text_was_chosen_leave_that_open(read):
    intake = read(f"text,frames,How\n{DAM},flood,random\n{DAM},mayor,near\n{CHOIR},,random\n{CHOIR},,\n")
    assert list(intake.labels.reasons.values()) == ["random"]
    assert "1 readings say two ways in which their text was chosen, so that neither is kept" in intake.notes


def test_a_person_s_column_in_a_scored_table_is_read_when_it_is_named(read):
    table = SCORED.replace("id,", "mine,").replace("\n1,", "\nmayor,").replace("\n2,", "\nnone,")
    assert said(read(table, Columns(frames="mine"))) == [(CHOIR, "petro", "", ""), (DAM, "petro", "mayor", "")]


def test_lists_and_class_numbers_in_parquet_are_read(codebook, tmp_path):
    moment = Moment("petro", "2026-02-02T10:00:00Z", codebook)
    pq.write_table(pa.table({"text": [DAM, CHOIR], "frames": [["flood", "mayor"], []]}), tmp_path / "lists.parquet")
    assert [row[2] for row in said(read_intake(tmp_path / "lists.parquet", moment))] == ["", "flood", "mayor"]
    table = pa.table({"text": [DAM, CHOIR], "label": [1, 0]})
    features = {"label": {"names": ["none", "flood"], "_type": "ClassLabel"}, "text": {"dtype": "string"}}
    kept = {"huggingface": json.dumps({"info": {"features": features}})}
    (tmp_path / "hub").mkdir()
    pq.write_table(table.replace_schema_metadata(kept), tmp_path / "hub" / "train.parquet")
    assert said(read_intake(tmp_path / "hub", moment)) == [(CHOIR, "petro", "", ""), (DAM, "petro", "flood", "")]


def test_when_all_rows_are_refused_nothing_comes_in(read):
    with pytest.raises(UserError, match="all rows were refused: line 2: frame 'dragon'"):
        read(f"text,frames\n{DAM},dragon\n")


def test_the_findings_say_what_would_be_stored(read):
    intake = read(f"text,frames,annotator\n{DAM},flood,olha\n{DAM},mayor,ivan\n{CHOIR},dragon,ivan\n")
    findings = intake.findings().splitlines()
    assert "texts: 1" in findings
    assert "readings by annotator: ivan: 1, olha: 1" in findings
    assert "labels by frame: flood: 1, mayor: 1" in findings
    assert intake.refusals() == [f"line 4: {intake.refused[0].reason}"]
