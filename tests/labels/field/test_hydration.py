import csv
from dataclasses import replace

import pytest

from narratives.errors import UserError
from narratives.labels.field.hydration import hydrate, write_hydrated
from narratives.labels.field.readings import FieldReading, FieldReadings
from narratives.labels.gold import UNKNOWN
from narratives.labels.simple_table import read_simple_table
from narratives.text.paragraphs import paragraph_id

DAM, CHOIR = "The dam breaks, they say, before Friday.", "The choir sings on Sunday."
SEEN = FieldReading(
    *(paragraph_id(DAM), "quay-posts", "Quay Herald", "post 1", "https://quay.example/1", "2022-12-16", "en"),
    *("flood", "reports", "yes", "first", "random", "7"),
)
NOTHING = replace(SEEN, paragraph_id=paragraph_id(CHOIR), document="", frame="", voice="", how="chosen")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "posts.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], [f"{DAM}\n\n{CHOIR}"], ["Nobody read this."]])
    return path


def test_texts_are_found_by_their_hash_in_cells_and_in_their_paragraphs(table, codebook):
    lost = replace(SEEN, paragraph_id="0" * 16)
    found = hydrate(FieldReadings((SEEN, NOTHING, lost)), [table], codebook)
    assert found.gold.texts == (DAM, CHOIR)
    assert found.missing == 1
    assert found.gold.values.tolist() == [[1, 0, 0], [0, 0, 0]]
    assert found.gold.groups == ("post 1", NOTHING.paragraph_id)
    assert found.gold.how == ("random", "chosen")


def test_what_readers_differ_on_is_unsettled(table, codebook):
    second = replace(SEEN, reader="second", voice="promotes")
    third = replace(SEEN, frame="mayor")
    found = hydrate(FieldReadings((SEEN, third, second)), [table], codebook)
    assert found.gold.values.tolist() == [[1, UNKNOWN, 0]]
    assert found.gold.voices[0].tolist() == [UNKNOWN] * 3  # both saw the flood, in two voices


def test_a_reading_says_nothing_of_a_frame_that_was_added_later(table, codebook):
    grown = replace(codebook, frames=(*codebook.frames[:2], replace(codebook.frame("bridge"), since="8")))
    second = replace(SEEN, reader="second", frame="bridge", codebook_version="8")
    assert hydrate(FieldReadings((SEEN,)), [table], grown).gold.values.tolist() == [[1, 0, UNKNOWN]]
    read_again = hydrate(FieldReadings((SEEN, replace(SEEN, reader="second"), second)), [table], grown)
    assert read_again.gold.values.tolist() == [[1, 0, 1]]


def test_the_labelled_table_is_read_again_as_the_same_gold(table, codebook, tmp_path):
    second = replace(SEEN, reader="second", frame="mayor", voice="rebuts")
    found = hydrate(FieldReadings((SEEN, second, replace(SEEN, frame="mayor"), NOTHING)), [table], codebook)
    write_hydrated(found, tmp_path / "hydrated.csv")
    again = read_simple_table(tmp_path / "hydrated.csv", codebook)
    assert again.texts == found.gold.texts
    assert again.values.tolist() == found.gold.values.tolist()
    assert (again.how, again.registers) == (found.gold.how, found.gold.registers)


def test_tables_of_other_texts_are_refused(tmp_path, codebook):
    path = tmp_path / "other.csv"
    path.write_text("text\nNobody read this.\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"other\.csv: no text there is one that was read; name tables of"):
        hydrate(FieldReadings((SEEN,)), [path], codebook)
