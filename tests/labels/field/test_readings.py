from dataclasses import replace

import pytest

from narratives.errors import UserError
from narratives.labels.field.readings import FieldReading, FieldReadings, field_tables, read_field, write_field
from narratives.text.paragraphs import paragraph_id

TEXT = "The dam breaks, they say, before Friday."
SEEN = FieldReading(
    *(paragraph_id(TEXT), "quay-posts", "Quay Herald", "", "https://quay.example/1", "2022-12-16", "en"),
    *("flood", "promotes", "yes", "first", "random", "7"),
)
NONE = replace(SEEN, frame="", voice="")


def readings(*rows):
    return FieldReadings(rows)


def test_what_is_written_is_read_again_in_the_same_order(codebook, tmp_path):
    write_field(tmp_path, readings(replace(SEEN, reader="second"), SEEN))
    again = read_field(tmp_path, codebook)
    assert [row.reader for row in again.rows] == ["first", "second"]
    before = (tmp_path / "field.csv").read_bytes()
    write_field(tmp_path, again)
    assert (tmp_path / "field.csv").read_bytes() == before


def test_a_folder_without_the_file_has_no_readings(codebook, tmp_path):
    assert read_field(tmp_path, codebook).rows == ()


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"paragraph_id": "dam"}, "paragraph_id 'dam' is not 16 hexadecimal digits"),
        ({"frame": "dragons"}, "frame 'dragons' is not in the codebook"),
        ({"voice": ""}, "frame and voice go together"),
        ({"frame": ""}, "frame and voice go together"),
        ({"voice": "sings"}, "voice 'sings' is not one of promotes, reports, rebuts"),
        ({"sure": ""}, "sure '' is not one of yes, no"),
        ({"how": "by chance"}, "how 'by chance' is not one of random, chosen, pattern"),
        ({"date": "December 16"}, "date 'December 16' is not ISO 8601"),
        ({"language": "xx"}, "language 'xx' is not one of en, uk, ru, other"),
        ({"reader": ""}, "reader is empty"),
        ({"collection": ""}, "collection is empty"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line_and_a_way_out(codebook, tmp_path, wrong, complaint):
    write_field(tmp_path, readings(replace(SEEN, **wrong)))
    with pytest.raises(UserError, match=rf"field.csv:2: .*{complaint}"):
        read_field(tmp_path, codebook)


@pytest.mark.parametrize("second", [SEEN, NONE])
def test_one_reader_cannot_say_two_things_of_a_frame(codebook, tmp_path, second):
    write_field(tmp_path, readings(SEEN, second))
    with pytest.raises(UserError, match=r"first gives .* beside another row of the same reading; remove one"):
        read_field(tmp_path, codebook)


def test_a_paragraph_has_one_origin(codebook, tmp_path):
    write_field(tmp_path, readings(SEEN, replace(SEEN, reader="second", how="chosen")))
    with pytest.raises(UserError, match="has another collection, key or how than in a row before"):
        read_field(tmp_path, codebook)


def test_counts_and_agreement_are_those_of_paragraphs_not_of_rows(codebook):
    other = replace(SEEN, paragraph_id="0" * 16, language="uk")
    rows = [SEEN, replace(SEEN, frame="mayor"), replace(SEEN, reader="second", voice="reports")]
    shown = " ".join(field_tables(readings(*rows, replace(other, frame="", voice="")), codebook).split())
    assert "| quay-posts | 2 | 1 | 1 | 0 | 2 | 0 | 0 |" in shown
    assert "| flood | 1 | 0 | 0 | 0 | 0 | 0 | 0 |" in shown  # both saw it, in two voices
    assert "| mayor | 0 | 0 | 0 | 0 | 0 | 0 | 1 |" in shown  # one of two saw it
    assert "| 1 | 0.000 | 0.667 | 0.000 |" in shown
