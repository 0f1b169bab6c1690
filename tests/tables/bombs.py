"""Makes small files that would take all memory, all time or a crash to read."""

import gzip
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

MB = 1 << 20
_ROWS = b"1," + b"the river rises again " * 50 + b"\n"


def line_without_end(path: Path) -> None:
    path.write_bytes(b"id,text\n1,river\n2," + b"x" * (40 * MB))


def packed_zeros(path: Path, count: int = 40) -> None:
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(b"id,text\n1,river\n2,")
        for _ in range(count):
            file.write(bytes(MB))


def packed_lines(path: Path, count: int = 40) -> None:
    member = gzip.compress(_ROWS * (MB // len(_ROWS)), 9)
    path.write_bytes(gzip.compress(b"id,text\n") + member * count)


def zstandard_lines(path: Path) -> None:
    rows = _ROWS * (40 * MB // len(_ROWS))
    path.write_bytes(pa.Codec("zstd").compress(b"id,text\n" + rows, asbytes=True))


def long_quoted_cell(path: Path) -> None:
    path.write_bytes(b'id,text\n1,river\n2,"' + b"x" * (60 * MB) + b'"\n3,choir\n')


def blank_lines(path: Path) -> None:
    path.write_bytes(b"id,text\n1,river\n" + b"\n" * (20 * MB) + b"2,choir\n")


def long_object(path: Path) -> None:
    path.write_bytes(b'{"text": "river"}\n{"text": "' + b"x" * (40 * MB) + b'"}\n')


def long_value(path: Path) -> None:
    path.write_bytes(b'[\n{"text": "river"},\n{"text": "' + b"x" * (40 * MB) + b'"}]\n')


def sheet(path: Path, rows: bytes) -> None:
    """Write a workbook whose only sheet has these rows, as XML."""
    book, made = openpyxl.Workbook(), BytesIO()
    book.worksheets[0].append(["text"])
    book.save(made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = data.replace(b"</sheetData>", rows + b"</sheetData>")
            new.writestr(name, data)


def text_cell(at: str, text: str = "river") -> bytes:
    return f'<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>'.encode()


def far_row(path: Path) -> None:
    sheet(path, b'<row r="2">' + text_cell("A2") + b'</row><row r="2000000000">' + text_cell("A2000000000") + b"</row>")


def no_column(path: Path) -> None:
    sheet(path, b'<row r="2">' + text_cell("ZZZZZZ2") + b"</row>")


def far_column(path: Path) -> None:
    sheet(path, b'<row r="2">' + text_cell("ZZZ2") + b"</row>")


def long_sheet_cell(path: Path) -> None:
    sheet(path, b'<row r="2">' + text_cell("A2", "x" * (40 * MB)) + b"</row>")


def parquet_cell(path: Path) -> None:
    pq.write_table(pa.table({"text": ["river", "x" * (40 * MB)]}), path)


def parquet_cell_among_many(path: Path) -> None:
    pq.write_table(pa.table({"text": ["river"] * 5000 + ["x" * (40 * MB)]}), path)


def arrow_file(path: Path, table: pa.Table) -> None:
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


def arrow_cell(path: Path) -> None:
    arrow_file(path, pa.table({"text": ["river", "x" * (40 * MB)]}))


def arrow_dictionary_cell(path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["river", "x" * (40 * MB)]))
    arrow_file(path, pa.table({"text": texts}))


def arrow_rows_of_nothing(path: Path) -> None:
    arrow_file(path, pa.table({"nothing": pa.nulls(10**8)}))


Bomb = Callable[[Path], None]
REFUSED: dict[str, tuple[Bomb, str]] = {
    "line.csv": (line_without_end, r":3: a line longer than 16 MB"),
    "zeros.csv.gz": (packed_zeros, "neither a text nor a format that is read"),
    "lines.csv.gz": (packed_lines, "unpacks to more than 30 MB and 50 times its size"),
    "lines.csv.zst": (zstandard_lines, "unpacks to more than 30 MB and 50 times its size"),
    "cell.csv": (long_quoted_cell, r":3: a line longer than 16 MB"),
    "object.jsonl": (long_object, r":2: a line longer than 16 MB"),
    "value.json": (long_value, "a value longer than 16 MB"),
    "row.xlsx": (far_row, "row 2,000,000,000, .* where a sheet has 1,048,576 rows"),
    "column.xlsx": (far_column, "a sheet has .* 16,384 columns"),
    "none.xlsx": (no_column, "'ZZZZZZ' is not a valid column name"),
    "cell.xlsx": (long_sheet_cell, "a row longer than 16 MB"),
    "cell.parquet": (parquet_cell, r":1: a cell longer than 16 MB"),
    "among.parquet": (parquet_cell_among_many, r":5001: a cell of 'text' longer than 16 MB"),
    "cell.arrow": (arrow_cell, r":2: a cell of 'text' longer than 16 MB"),
    "dictionary.arrow": (arrow_dictionary_cell, r":2: a cell of 'text' longer than 16 MB"),
    "nothing.arrow": (arrow_rows_of_nothing, "100,000,000 rows in .* bytes"),
}
