"""Reading tables: in every format, each row is read or refused with line and reason."""

import datetime
import gzip
import io
import json
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from narratives.errors import UserError
from narratives.tables.rows import Batch, Refusal
from narratives.tables.table import Table, decode, open_table, read_all

ROWS = "id;message;when\n007;Річка виходить з берегів;2024-01-05\n008;Міст знову зачинено;NA\n"


def write(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def read(table: Table) -> tuple[list[list[str]], list[Refusal]]:
    batches = list(table.batches())
    return [row for batch in batches for row in batch.rows.cells()], [row for batch in batches for row in batch.refused]


def workbook(path: Path, rows: list[list[object]], *more: str) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append(row)
    for title in more:
        book.create_sheet(title)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1251", "Windows-1251"),
    ],
)
def test_every_usual_encoding_is_detected(tmp_path: Path, encoding: str, named: str) -> None:
    table = open_table(write(tmp_path, "posts.csv", ROWS, encoding))
    assert (table.encoding, table.delimiter, table.text_column) == (named, ";", "message")
    assert table.columns == ("id", "message", "when")
    assert read(table)[0][0] == ["007", "Річка виходить з берегів", "2024-01-05"]


def test_western_text_with_curly_quotes_is_not_taken_for_cyrillic(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, "posts.csv", "id,text\n1,It’s “over” – café\n", "cp1252"))
    assert table.encoding == "Windows-1252"
    assert read(table)[0] == [["1", "It’s “over” – café"]]


def test_the_findings_are_one_sentence(tmp_path: Path) -> None:
    path = write(tmp_path, "posts.csv", ROWS, "cp1251")
    expected = "CSV, Windows-1251, delimiter ';', 3 columns, text in 'message', id in 'id'"
    assert open_table(path).findings() == f"{path}: {expected}"


def test_a_bad_byte_costs_its_row_and_is_shown(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,Привіт усім\n2,".encode() + b"\xff x\n3,ok\n")
    rows, refused = read(open_table(path))
    assert rows == [["1", "Привіт усім"], ["3", "ok"]]
    assert refused == [Refusal(3, "byte 0xff is not UTF-8", "2,\\xff x")]


def test_half_a_surrogate_pair_in_utf_16_costs_its_row(tmp_path: Path) -> None:
    body = "id,text\n1,a\n2,b\n3,c\n".encode("utf-16").replace("b".encode("utf-16-le"), b"\x00\xd8")
    rows, refused = read(open_table(write(tmp_path, "a.csv", body)))
    assert rows == [["1", "a"], ["3", "c"]]
    assert [row.line for row in refused] == [3]


@pytest.mark.slow
def test_a_file_larger_than_its_head_is_read_to_the_end(tmp_path: Path) -> None:
    lines = [f'{number},"Слово {number}\r\nі ще ""одне"", довше"\r\n' for number in range(60_000)]
    for name, content in (("a.csv", "".join(["id,text\r\n", *lines]).encode()), ("a.csv.gz", b"")):
        path = write(tmp_path, name, content or gzip.compress((tmp_path / "a.csv").read_bytes()))
        batches = list(open_table(path).batches())
        texts = [text for batch in batches for text in batch.texts]
        assert len(texts) == 60_000
        assert texts[-1] == 'Слово 59999\r\nі ще "одне", довше'
        assert batches[-1].bytes_read == path.stat().st_size
        assert max(len(batch.texts) for batch in batches) == 2000


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2"])
def test_compressed_tables_are_read_whatever_their_name(tmp_path: Path, suffix: str) -> None:
    codec = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}[suffix]
    for name in (f"a.csv{suffix}", "a.csv"):
        with pa.CompressedOutputStream(str(tmp_path / name), codec) as stream:
            stream.write(ROWS.encode())
        table = open_table(tmp_path / name)
        assert len(read(table)[0]) == 2
        assert codec in table.findings()


@pytest.mark.slow
def test_a_cut_off_gzip_is_one_sentence(tmp_path: Path) -> None:
    noise = "".join(f"{number},{number * 7919 % 10007} слово {number**3}\n" for number in range(200_000))
    compressed = gzip.compress(f"id,text\n{noise}".encode())
    with pytest.raises(UserError, match="gzip data is damaged or cut off"):
        read(open_table(write(tmp_path, "a.csv.gz", compressed[: len(compressed) - 1000])))
    with pytest.raises(UserError, match="gzip data is damaged or cut off"):
        open_table(write(tmp_path, "b.csv.gz", compressed[:1000]))


def test_a_workbook_named_csv_is_read_as_what_it_is(tmp_path: Path) -> None:
    when = datetime.datetime(2024, 1, 5)
    rows = [["id", "text", "when", "sum"], ["007", "The river rises", when, 3], [None] * 4, [8, "x", None, 2.5]]
    table = open_table(workbook(tmp_path / "a.csv", rows, "Notes"))
    assert table.format == "XLSX"
    assert "although its name says CSV" in table.findings()
    assert "sheet 'Sheet' (the first of 2)" in table.findings()
    assert read(table)[0] == [["007", "The river rises", "2024-01-05", "3"], ["8", "x", "", "2.5"]]
    assert next(table.batches()).lines == [2, 4]


def test_parquet_is_read_in_batches_with_its_types(tmp_path: Path) -> None:
    table = pa.table({"n": [1, 2, 3], "text": ["a", None, "c"], "d": [Decimal("1.10"), None, Decimal("2.00")]})
    pq.write_table(table, tmp_path / "a.parquet")
    opened = open_table(tmp_path / "a.parquet")
    batches: list[Batch] = list(opened.batches(rows=2))
    assert [batch.texts for batch in batches] == [["a", ""], ["c"]]
    assert [batch.lines for batch in batches] == [[1, 2], [3]]
    assert batches[0].rows.cells() == [["1", "a", "1.10"], ["2", "", ""]]
    assert batches[-1].bytes_read == opened.size


def test_parquet_with_a_text_that_is_not_unicode_refuses_that_row(tmp_path: Path) -> None:
    bad = pa.array([b"fine", b"\xff bad"]).cast(pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, bad.buffers())
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    batch = next(open_table(tmp_path / "a.parquet").batches())
    assert batch.texts == ["fine"]
    assert batch.refused == [Refusal(2, "byte 0xff is not UTF-8", "\\xff bad")]


def test_jsonl_refuses_line_by_line(tmp_path: Path) -> None:
    lines = ['{"text": "a", "n": 1.50}', '{"text": null}', "", "[1]", "{bad", '{"text": 5}', '{"x": 1}']
    lines += ['{"text": "\\ud800"}', '{"text": "z", "later": [1]}']
    table = open_table(write(tmp_path, "a.jsonl", "\n".join(lines)))
    batch = next(table.batches())
    assert table.columns == ("text", "n", "x", "later")
    assert (batch.texts, batch.lines) == (["a", "", "z"], [1, 2, 9])
    assert batch.rows.objects() == [lines[0], lines[1], lines[8]]
    assert [row.line for row in batch.refused] == [4, 5, 6, 7, 8]
    assert "there is no 'text'" in [row.reason for row in batch.refused]


def test_an_unknown_key_is_refused_where_the_caller_says_so(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, "a.jsonl", '{"text": "a"}\n{"text": "b", "y": 1}\n'))
    batch = next(table.batches(key_fault=lambda key: "no y" if key == "y" else ""))
    assert batch.refused == [Refusal(2, "no y", '{"text": "b", "y": 1}')]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    body = f"id{delimiter}text\n" + "".join(f'{n}{delimiter}"a, b; c{delimiter} d"\n' for n in range(5))
    table = open_table(write(tmp_path, "a.csv", body))
    assert table.delimiter == delimiter
    assert len(read(table)[0]) == 5


def test_cells_are_strings_as_in_the_file(tmp_path: Path) -> None:
    cells = ["007", "2024-01-05", "12345678901234567890", "NA", "", "=cmd()", "+1", "-", "@x", " a ", "1e5", "a\0b"]
    body = "text," + ",".join(f"c{n}" for n in range(len(cells))) + "\nx," + ",".join(cells) + "\n"
    assert read(open_table(write(tmp_path, "a.csv", body)))[0] == [["x", *cells]]


def test_the_text_column_is_known_by_name_before_length(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "Body,summary\nshort,a much longer text than the other one\n")
    assert open_table(path).text_column == "Body"
    assert open_table(path, "summary").text_column == "summary"


def test_without_such_a_name_the_text_column_is_the_longest_that_is_no_address(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", f"link,col,who\nhttps://example.org/{'x' * 200},The river rises again,Ann Lee\n")
    assert open_table(path).text_column == "col"


@pytest.mark.parametrize(
    ("body", "wanted", "sentence"),
    [
        ("a,b\nsome words here now,some words there now\n", None, "could be in 'a' or in 'b'.*--text"),
        ("text,Text\nx,y\n", None, "could be in 'text' or in 'Text'"),
        ("a,b\n1,2\n", None, "no column looks like text; name one of 'a', 'b'"),
        ("a,b\n1,2\n", "c", "there is no column 'c'; its columns are 'a', 'b'"),
        ("text,id,text\nx,1,2\n", None, "2 columns are called 'text'; say which holds the text with --text"),
        ("", None, "is empty"),
        ("\n\n", None, "is empty"),
        ('id,"text\n1,a\n', None, ":1: the names of the columns are not readable"),
        ("[]", None, "JSON without rows"),
        ("[[1, 2]]", None, "JSON without a list of objects"),
        ('{"id": {"0": 1}, "text": {"0": "a"}}', None, "JSON by columns"),
        ('{\n"columns": ["text"],\n"data": [["a"]]}', None, "JSON by columns"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, body: str, wanted: str | None, sentence: str) -> None:
    path = write(tmp_path, "a.csv", body)
    with pytest.raises(UserError, match=sentence) as caught:
        open_table(path, wanted)
    assert "\n" not in str(caught.value)


def test_missing_folders_and_damaged_files_are_one_sentence(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"] * 1000}), tmp_path / "whole.parquet")
    cut = (tmp_path / "whole.parquet").read_bytes()[:-20]
    other_zip = io.BytesIO()
    with zipfile.ZipFile(other_zip, "w") as archive:
        archive.writestr("a.txt", "x")
    for path, sentence in [
        (tmp_path, "is a folder"),
        (tmp_path / "none.csv", "no such file"),
        (write(tmp_path, "cut.parquet", cut), "damaged or cut off"),
        (write(tmp_path, "noise.parquet", b"\x89\xff\x00\x01" * 9), "named as Parquet but not readable"),
        (write(tmp_path, "cut.xlsx", b"PK\x03\x04 cut"), "damaged workbook"),
        (write(tmp_path, "other.xlsx", other_zip.getvalue()), "a zip archive, not a workbook"),
        (write(tmp_path, "old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "old Excel or Word file"),
        (write(tmp_path, "none.jsonl", "no\njson\n"), "no line of it is a JSON object"),
    ]:
        with pytest.raises(UserError, match=sentence) as caught:
            open_table(path)
        assert "\n" not in str(caught.value)


def test_a_header_alone_is_a_table_without_rows(tmp_path: Path) -> None:
    batches = list(open_table(write(tmp_path, "a.csv", "id,text\n")).batches())
    assert [batch.texts for batch in batches] == [[]]


@pytest.mark.slow
def test_standard_input_is_read_once_and_whole(tmp_path: Path) -> None:
    code = "from narratives.tables.table import open_table as o; t = o('-'); print(t.findings(), t.size);"
    code += "print(sum(len(b.texts) for b in t.batches()))"
    body = "id,text\n" + "".join(f"{n},The river rises {n}\n" for n in range(80_000))
    for data in (body.encode(), gzip.compress(body.encode())):
        done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
        first, count = done.stdout.decode().splitlines()
        assert first.startswith("standard input: CSV")
        assert first.endswith("text in 'text', id in 'id' None")
        assert count == "80000"


def test_read_all_gives_columns_and_needs_no_text(tmp_path: Path) -> None:
    assert read_all(write(tmp_path, "a.csv", "a,b\n1,2\n3,4\n")) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_read_all_names_the_first_bad_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "a,b\n1,2\n3\n")
    with pytest.raises(UserError, match=r"a\.csv:3: 1 cell where the header has 2; correct this row"):
        read_all(path)


def test_nested_and_odd_arrow_values_become_json_and_cells(tmp_path: Path) -> None:
    values = {"text": ["a"], "list": [[1, 2]], "f": [float("nan")], "b": [b"\xff"], "t": [None]}
    table = pa.table({**values, "ns": pa.array([1], pa.timestamp("ns"))})
    pq.write_table(table, tmp_path / "a.parquet")
    rows = next(open_table(tmp_path / "a.parquet").batches()).rows
    assert rows.cells() == [["a", "[1, 2]", "nan", '"\\\\xff"', "", "1970-01-01 00:00:00.000000001"]]
    assert json.loads(rows.objects()[0])["f"] is None


def test_a_text_is_decoded_like_a_table() -> None:
    assert decode("Привіт усім".encode("cp1251")) == "Привіт усім"
    assert decode("a\r\nb".encode("utf-8-sig")) == "a\r\nb"
    with pytest.raises(UserError, match="line 2 of the text"):
        decode("Привіт усім людям доброї волі\n".encode() + b"\xff")
