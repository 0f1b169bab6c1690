"""Makes valid tables of all formats, and damages them: cut off, bits turned, stretches repeated or exchanged."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

TEXTS = ["The river rises again.", "Хор співає в неділю.", 'It said "no", twice.\nAnd left.', "", "Quiet."] * 8
ROWS = [{"id": str(number), "date": "2024-03-01", "text": text} for number, text in enumerate(TEXTS)]
Bytes = Callable[[Path], None]


def table() -> pa.Table:
    plain = pa.Table.from_pylist(ROWS)
    kinds = pa.array([["a", "b"], [], None, ["c"]] * 10)
    when = pa.array([0, 1, None, 10**12] * 10, pa.timestamp("ms"))
    channel = pa.array(["north", "south", None, "north"] * 10).dictionary_encode()
    return plain.append_column("kinds", kinds).append_column("when", when).append_column("channel", channel)


def csv_bytes(delimiter: str = ",") -> bytes:
    quoted = (delimiter.join('"' + cell.replace('"', '""') + '"' for cell in row.values()) for row in ROWS)
    return "\r\n".join([delimiter.join(ROWS[0]), *quoted, ""]).encode()


def jsonl_bytes() -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def write_arrow(path: Path, packing: str | None = None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=packing)
    with pa.ipc.new_file(str(path), table().schema, options=options) as file:
        file.write_table(table(), 7)


def write_stream(path: Path) -> None:
    with pa.ipc.new_stream(str(path), table().schema) as file:
        file.write_table(table(), 7)


def write_workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (list(ROWS[0]), *(list(row.values()) for row in ROWS)):
        book.worksheets[0].append(row)
    book.worksheets[0].append(["=1+1", None, "The end."])
    book.save(path)


def packed(data: bytes, packing: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, packing) as stream:
        stream.write(data)
    return bytes(sink.getvalue())


VALID: dict[str, Bytes] = {
    "a.csv": lambda path: path.write_bytes(csv_bytes()) and None,
    "a.tsv": lambda path: path.write_bytes(csv_bytes("\t")) and None,
    "wide.csv": lambda path: path.write_bytes(csv_bytes().decode().encode("utf-16")) and None,
    "page.csv": lambda path: path.write_bytes(csv_bytes().decode().encode("cp1251")) and None,
    "a.jsonl": lambda path: path.write_bytes(jsonl_bytes()) and None,
    "a.json": lambda path: path.write_text(json.dumps({"about": {"by": "us"}, "rows": ROWS}, indent=1)) and None,
    "a.csv.gz": lambda path: path.write_bytes(gzip.compress(csv_bytes())) and None,
    "a.csv.zst": lambda path: path.write_bytes(packed(csv_bytes(), "zstd")) and None,
    "a.csv.bz2": lambda path: path.write_bytes(packed(csv_bytes(), "bz2")) and None,
    "a.parquet": lambda path: pq.write_table(table(), path, row_group_size=11),
    "plain.parquet": lambda path: pq.write_table(table(), path, compression="none", use_dictionary=False),
    "a.arrow": write_arrow,
    "packed.arrow": lambda path: write_arrow(path, "zstd"),
    "stream.arrow": write_stream,
    "a.xlsx": write_workbook,
}


def damaged(data: bytes, random: Random) -> bytes:
    """Return the bytes with one to four kinds of damage."""
    for _ in range(random.choice([1, 1, 2, 4])):
        data = random.choice(_DAMAGES)(data, random) if data else data
    return data


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def _turned(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice([1, 3, 20])):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _extreme(data: bytes, random: Random) -> bytes:
    """Put in a number that is at an end of its range."""
    at = random.randrange(len(data))
    number = random.choice([b"\xff" * 4, b"\xff\xff\xff\x7f", bytes(4), b"\x80" * 4, b"\xff" * 8, b"\n", b'"', b"\r"])
    return data[:at] + number + data[at + len(number) * random.randrange(2) :]


def _repeated(data: bytes, random: Random) -> bytes:
    start, at = random.randrange(len(data)), random.randrange(len(data))
    return data[:at] + data[start : start + random.choice([1, 8, 200])] + data[at:]


def _without(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    return data[:at] + data[at + random.choice([1, 4, 100]) :]


_DAMAGES = (_cut, _turned, _turned, _extreme, _extreme, _repeated, _without)
