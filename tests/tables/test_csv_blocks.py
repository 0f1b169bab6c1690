"""The quick reader of a CSV reads and refuses the same rows as the strict reader."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narratives.tables.lines import text_lines
from narratives.tables.readers import csv_blocks, csv_records, csv_scan
from narratives.tables.readers.csv_blocks import BlockReader, CsvLayout
from narratives.tables.readers.csv_reader import CsvReader
from narratives.tables.readers.csv_shape import CsvShape
from narratives.tables.rows import Batch
from narratives.tables.sources import open_source

LAYOUT = CsvLayout(",", ("id", "text"), 1)


def quickly(data: bytes, size: int) -> Iterator[Batch]:
    """Read a CSV whose first line has the names, in pieces of ``size`` bytes."""
    rows = data[len(data.splitlines(keepends=True)[0]) :]
    pieces = (rows[at : at + size] for at in range(0, len(rows), size))
    return BlockReader(pieces, LAYOUT, (0, 2)).batches()


def rows_and_refusals(batches: Iterator[Batch]) -> tuple[list[tuple[int, str, list[str]]], list[tuple[int, str, str]]]:
    """Return the rows of all batches with their lines and texts, and the refused rows."""
    rows, refused = [], []
    for batch in batches:
        rows += list(zip(map(int, batch.lines), batch.texts, batch.rows.cells(), strict=True))
        refused += [(refusal.line, refusal.reason, refusal.raw) for refusal in batch.refused]
    return rows, refused


def strictly(folder: Path, data: bytes):
    path = folder / "a.csv"
    path.write_bytes(data)
    reader = CsvReader(text_lines(open_source(str(path))), CsvShape(",", "minimal", ("id", "text"), 1, 1))
    return rows_and_refusals(reader.batches(reader.columns, "text", 1000, lambda key: ""))


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "data",
    [
        b"id,text\n",
        b"id,text\n1,a\n2,b",
        b'id,text\r\n1,a\r\n\r\n\n2,"b\r\nc"\r\n',
        b'id,text\n1,"say ""no"" now"\n2,""\n3,""""\n',
        "id,text\n0,Привіт\n".encode() + b'1,"open\n2,fine\n3,a,b\n4,\xff\n5,good\n',
        b'id,text\n1,a"b\n2,"a"b\n3,c\n',
        b"id,text\n1,a\r2,b\r3,c\n",
        "id,text\n1,Привіт\n2,\u2028мир\n".encode(),
        b'id,text\n1,"never closed\n2,b\n',
        b"id,text\n1\n,\n",
    ],
)
def test_rows_lines_and_refusals_are_those_of_the_strict_reader(tmp_path, data, size):
    assert rows_and_refusals(quickly(data, size)) == strictly(tmp_path, data)


PIECES = st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", "Привіт", "1,x\n", '2,"y"\n', '3,"y\nz"\n', " "])


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(pieces=st.lists(PIECES, max_size=30), size=st.integers(1, 40))
def test_any_bytes_are_read_as_by_the_strict_reader(tmp_path_factory, pieces, size):
    data = ("id,text\n1,first\n" + "".join(pieces)).encode()
    folder = tmp_path_factory.mktemp("csv")
    assert rows_and_refusals(quickly(data, size)) == strictly(folder, data)


def test_records_longer_than_a_block_and_many_blocks(monkeypatch):
    monkeypatch.setattr(csv_blocks, "BLOCK", 300)
    rows = [[str(number), f"row {number}\n" * (1 + number % 90)] for number in range(400)]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([["id", "text"], *rows])
    read, refused = rows_and_refusals(quickly(written.getvalue().encode(), 100))
    assert [cells for _, _, cells in read] == rows
    assert refused == []


def test_where_batches_are_cut_does_not_depend_on_the_size_of_reads(monkeypatch):
    """A resumed run skips the batches that it has scored; those that follow must be the same ones."""
    monkeypatch.setattr(csv_blocks, "BLOCK", 200)
    data = b"id,text\n" + b"".join(b"%d,%s\n" % (number, b"x" * (number % 50)) for number in range(500))
    sizes = [[len(batch.texts) for batch in quickly(data, size)] for size in (64, 1000)]
    assert sizes[0] == sizes[1]


def test_the_limits_of_a_record_are_those_of_the_strict_reader():
    assert csv_scan.MOST_LINES == csv_records.MAX_RECORD_LINES
    assert csv_scan.MOST_BYTES == csv_records.MAX_RECORD_CHARACTERS
