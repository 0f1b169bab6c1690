"""Encodings: the texts come out as they were written, whatever program wrote them."""

from pathlib import Path

import pytest

from narratives.tables.encodings import detect_encoding
from narratives.tables.table import open_table

RUSSIAN = "Река вышла из берегов, и мост снова закрыт до понедельника."
UKRAINIAN = "Річка вийшла з берегів, і міст знову зачинено до понеділка."
WESTERN = "The café on the bridge is “closed” – says the mayor"


def texts_and_refusals(path: Path) -> tuple[list[str], list[str]]:
    batches = list(open_table(path).batches())
    return [text for batch in batches for text in batch.texts], [
        row.reason for batch in batches for row in batch.refused
    ]


@pytest.mark.parametrize(
    ("codec", "named"),
    [
        ("cp1251", "Windows-1251"),
        ("koi8-r", "KOI8-U"),
        ("cp866", "CP866"),
        ("iso8859-5", "ISO-8859-5"),
        ("mac-cyrillic", "MacCyrillic"),
        ("utf-32", "UTF-32"),
        ("utf-32-le", "UTF-32"),
        ("utf-32-be", "UTF-32"),
    ],
)
@pytest.mark.parametrize("change", [str, str.upper])
def test_cyrillic_is_read_in_whatever_encoding_it_is(tmp_path, codec, named, change):
    text = change(RUSSIAN)
    (tmp_path / "a.csv").write_bytes(f"id;text\n1;{text}\n2;{text}\n".encode(codec))
    table = open_table(tmp_path / "a.csv")
    assert texts_and_refusals(tmp_path / "a.csv") == ([text, text], [])
    assert table.encoding == named or change is str.upper  # capitals are the same bytes in CP866 and MacCyrillic


def test_ukrainian_letters_survive_in_koi8_u(tmp_path):
    (tmp_path / "a.csv").write_bytes(f"id;text\n1;{UKRAINIAN}\n".encode("koi8-u"))
    assert texts_and_refusals(tmp_path / "a.csv") == ([UKRAINIAN], [])


def test_two_byte_order_marks_are_left_out(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbf\xef\xbb\xbftext,id\nThe river rises,1\n")
    assert open_table(tmp_path / "a.csv").columns == ("text", "id")


@pytest.mark.parametrize("page", ["cp1252", "cp1251", "latin-1"])
def test_utf_8_that_was_encoded_twice_is_decoded_twice(tmp_path, page):
    def wrong(byte: int) -> str:  # programs keep a byte without a character as a control character
        try:
            return bytes([byte]).decode(page)
        except UnicodeDecodeError:
            return chr(byte)

    spoilt = "".join(map(wrong, UKRAINIAN.encode()))
    (tmp_path / "a.csv").write_text(f"id;text\n1;{spoilt}\n2;The river rises\n", encoding="utf-8")
    assert texts_and_refusals(tmp_path / "a.csv") == ([UKRAINIAN, "The river rises"], [])
    assert "encoded twice" in open_table(tmp_path / "a.csv").findings()


def test_lines_in_a_code_page_far_behind_an_ascii_head_are_read(tmp_path):
    head = "".join(f'{number},"The river rises, again {number}"\n' for number in range(40_000))
    (tmp_path / "a.csv").write_bytes(f"id,text\n{head}".encode() + f"x,{RUSSIAN[:20]}\n".encode("cp1251"))
    table = open_table(tmp_path / "a.csv")
    assert table.source.head.isascii()
    batches = list(table.quick_batches())
    assert [text for batch in batches for text in batch.texts][-1] == RUSSIAN[:20]
    assert sum(table.source.recoded.values()) == 1


def test_lines_of_both_encodings_in_one_file_are_read_and_counted(tmp_path):
    lines = [f"{number};{RUSSIAN}\n".encode() for number in range(5)] + [f"9;{WESTERN}\n".encode("cp1252")]
    (tmp_path / "a.csv").write_bytes(b"id;text\n" + b"".join(lines))
    table = open_table(tmp_path / "a.csv")
    for read in (table.batches, table.quick_batches):
        texts = [text for batch in read() for text in batch.texts]
        assert texts == [RUSSIAN] * 5 + [WESTERN]
        assert table.source.recoded == {"cp1252": 1}


@pytest.mark.parametrize("line", [b"2,\xff x", "2,Привіт усім".encode() + b"\xff", b"2,\xd0"])
def test_a_bad_byte_in_utf_8_is_not_taken_for_another_encoding(tmp_path, line):
    (tmp_path / "a.csv").write_bytes("id,text\n1,Привіт усім людям\n".encode() + line + b"\n3,x\n")
    assert len(texts_and_refusals(tmp_path / "a.csv")[1]) == 1


def test_a_head_without_text_is_utf_8():
    assert detect_encoding(b"") == ("utf-8", 0)
