"""Labelled tables as people have them: what is in a cell is understood or named, and what is left out is counted."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from narratives.errors import UserError
from narratives.labels.gold import UNKNOWN
from narratives.labels.simple_table import read_labelled_table


@pytest.fixture
def read(tmp_path):
    def read(content, codebook=None, name="t.csv"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return read_labelled_table(tmp_path / name, codebook)

    return read


def rows(table):
    return [
        (text, {frame for frame, value in zip(table.gold.frames, values, strict=True) if value == 1})
        for text, values in zip(table.gold.texts, table.gold.values, strict=True)
    ]


def test_a_table_without_a_frame_of_a_later_codebook_says_nothing_of_such_frames(read, codebook):
    grown = replace(codebook, version="8", frames=(*codebook.frames[:2], replace(codebook.frame("bridge"), since="8")))
    before = read("text,frames\nThe dam breaks.,flood\nA choir.,\n", grown)
    assert before.gold.values.tolist() == [[1, 0, UNKNOWN], [0, 0, UNKNOWN]]
    assert "no row has a frame that was added to the codebook later (bridge)" in before.notes[0]
    after = read("text,frames\nThe dam breaks.,flood;bridge\nA choir.,\n", grown)
    assert (after.gold.values.tolist(), after.notes) == ([[1, 0, 1], [0, 0, 0]], ())


@pytest.mark.parametrize("header", ["Text,Frames", "message, frames", "TEXT,FRAMES"])
def test_columns_are_found_as_score_finds_them(read, header):
    assert rows(read(f"{header}\nThe dam breaks.,flood\n")) == [("The dam breaks.", {"flood"})]


def test_lists_of_jsonl_and_parquet_are_lists(read, tmp_path):
    lines = [{"text": "The dam breaks.", "frames": ["flood", "mayor"]}, {"text": "A choir.", "frames": []}]
    expected = [("The dam breaks.", {"flood", "mayor"}), ("A choir.", set())]
    assert rows(read("\n".join(map(json.dumps, lines)), name="t.jsonl")) == expected
    pq.write_table(pa.Table.from_pylist(lines), tmp_path / "t.parquet")
    assert rows(read_labelled_table(tmp_path / "t.parquet")) == expected


@pytest.mark.parametrize("word", ["nan", "None", "NULL", "n/a", "NaN"])
def test_words_for_nothing_are_no_frame_and_are_said(read, word, codebook):
    for given in (None, codebook):
        table = read(f"text,frames\nThe dam breaks.,flood\nA choir.,{word}\n", given)
        assert rows(table) == [("The dam breaks.", {"flood"}), ("A choir.", set())]
        assert f"read as no frame: '{word}' in 1 rows" in table.notes


def test_a_list_in_a_cell_of_a_csv_is_read_and_said(read):
    table = read('text,frames\nThe dam breaks.,"[""flood"", ""mayor""]"\nA choir.,[]\n')
    assert rows(table) == [("The dam breaks.", {"flood", "mayor"}), ("A choir.", set())]
    assert any(
        "read as lists, because they are in brackets: 2 cells, the first in row 1" in note for note in table.notes
    )


def test_frames_joined_by_commas_are_taken_apart_where_each_stands_alone_elsewhere(read):
    table = read('text,frames\nOne.,flood\nTwo.,mayor\nThree.,"flood, mayor"\nFour.,"The West, again"\n')
    assert rows(table)[2:] == [("Three.", {"flood", "mayor"}), ("Four.", {"The West, again"})]
    assert "frames with unusual names, check them: 'The West, again' (row 4)" in table.notes


def test_one_frame_in_two_cases_is_refused_with_both_rows(read):
    with pytest.raises(UserError, match=r"frame 'Mayor' \(row 2\) and frame 'mayor' \(row 1\) differ in case"):
        read("text,frames\nOne.,mayor\nTwo.,Mayor\n")


def test_with_a_codebook_case_and_names_do_not_count(read, codebook):
    table = read("text,frames,voices\nOne.,Flood,Promotes\nTwo.,The mayor is a thief,\n", codebook)
    assert rows(table) == [("One.", {"flood"}), ("Two.", {"mayor"})]
    assert table.gold.voices[0].tolist() == [0, UNKNOWN, UNKNOWN]


def test_rows_of_one_text_with_different_frames_are_one_row_with_all(read):
    table = read("text,frames,voices\nOne.,flood,promotes\n One. ,mayor,reports\nTwo.,,\nOne.,flood,rebuts\n")
    assert rows(table) == [("One.", {"flood", "mayor"}), ("Two.", set())]
    assert table.gold.voices[0].tolist() == [UNKNOWN, 1]
    assert table.notes == ("2 rows repeat a text with other frames and are joined: it has all of them",)


def test_rows_that_are_alike_stay_and_are_counted(read):
    table = read("text,frames\nOne.,flood\nOne.,flood\n")
    assert len(table.gold) == 2
    assert table.notes == ("1 rows repeat a text with the same frames; each counts",)


def test_rows_without_text_are_left_out_and_counted(read):
    table = read('text,frames\nOne.,flood\n,\n"  ",\nTwo.,\n')
    assert rows(table) == [("One.", {"flood"}), ("Two.", set())]
    assert table.notes == ("2 rows have no text and are left out",)


def test_a_scored_table_is_no_labelled_table(read):
    with pytest.raises(UserError, match="its frames are predictions and no labels"):
        read("text,frames,voices,human,model\nOne.,flood,promotes,,m@1\n")


def test_rows_that_repeat_the_header_are_left_out_and_counted(read):
    table = read("text,frames\nThe dam breaks.,flood\ntext,frames\nThe choir sings.,\n")
    assert [text for text, _ in rows(table)] == ["The dam breaks.", "The choir sings."]
    assert "left out: 1 row that repeats the names of the columns" in table.notes


def test_two_columns_of_frames_are_refused(read):
    with pytest.raises(UserError, match="the column 'frames' occurs more than once"):
        read("text,frames,frames\nThe dam breaks.,flood,mayor\n")
