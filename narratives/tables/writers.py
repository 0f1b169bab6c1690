"""Owns the writing of tables in CSV, JSONL, Parquet and Arrow."""

import csv
import io
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from narratives.errors import UserError
from narratives.files import AtomicFile, write_errors
from narratives.tables.rows import CsvRows

FORMATS = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".jsonl": "JSONL",
    ".ndjson": "JSONL",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
    ".feather": "Arrow",
}
PACKINGS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
Added = Mapping[str, Sequence[str] | NDArray[Any]]  # our columns: text, or numbers (probabilities are floats)

_ROW_GROUP = 50_000


class InputRows(Protocol):
    """What is needed of the rows of a batch."""

    def cells(self) -> Sequence[list[str]]:
        """As lists of strings."""

    def objects(self) -> Sequence[str]:
        """As the text of JSON objects."""

    def arrow(self) -> Any:
        """As an Arrow record batch."""


@dataclass(frozen=True)
class OutputFormat:
    """How a table is written: format, packing (``gzip``, ``zstd`` or none), and the delimiter of a CSV."""

    format: str
    packing: str = ""
    delimiter: str = ","


def shape_of(path: Path, delimiter: str) -> OutputFormat:
    """Read the shape from the suffixes of ``path``; a ``.csv`` takes ``delimiter``. Raises UserError for others."""
    stem, packing = path.name.lower(), ""
    for suffix, name in PACKINGS.items():
        if stem.endswith(suffix):
            stem, packing = stem.removesuffix(suffix), name
    kind = FORMATS.get(Path(stem).suffix, "")
    if Path(stem).suffix == ".xlsx":
        raise UserError(f"{path}: workbooks are read but not written; write .csv or .parquet")
    if not kind or (packing and kind in ("Parquet", "Arrow")):
        raise UserError(
            f"{path}: the name must end in .csv, .tsv, .jsonl, .parquet or .arrow; "
            "the first three also with .gz, .zst or .bz2"
        )
    return OutputFormat(kind, packing, "\t" if kind == "TSV" else delimiter)


class Renderer:
    """What becomes of rows in a shape: bytes that can be put one after the other. Any thread may call it.

    Packed bytes are a member of their own each time, so that a file can be gone on with. Parquet and Arrow files can
    not: their rows are Arrow streams, each after its length, until ``finish_table`` makes one file of them.
    """

    def __init__(self, shape: OutputFormat, columns: Sequence[str], ours: Sequence[str]) -> None:
        self.shape, self._names = shape, [*columns, *ours]

    def head(self) -> bytes:
        """Return what stands before all rows."""
        if self.shape.format not in ("CSV", "TSV"):
            return b""
        return self.packed(csv_text([self._names], self.shape.delimiter).encode())

    def body(self, rows: InputRows, places: Sequence[int], added: Added) -> bytes:
        """Return one row for each of ``places`` (numbers of rows, which may repeat), with our columns at its end."""
        return self.packed(_BODIES[self.shape.format](rows, places, added, self.shape))

    def packed(self, data: bytes) -> bytes:
        """Return ``data`` packed as the shape says."""
        if not self.shape.packing or not data:
            return data
        import pyarrow as pa

        target = io.BytesIO()
        with pa.CompressedOutputStream(_Unclosed(target), self.shape.packing) as stream:
            stream.write(data)
        return target.getvalue()


class _Unclosed(io.RawIOBase):
    """A file that pyarrow may close without closing ours."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


def _csv_body(rows: InputRows, places: Sequence[int], added: Added, shape: OutputFormat) -> bytes:
    ours = list(zip(*map(_cells, added.values()), strict=True))
    if isinstance(rows, CsvRows) and (rows.delimiter or ",") == shape.delimiter:
        records = list(rows.records)
        more = csv_text(ours, shape.delimiter).splitlines(keepends=True) if ours else []
        if len(more) != len(places):  # a cell of ours holds the end of a line
            more = [csv_text([row], shape.delimiter) for row in ours]
        return "".join(
            f"{records[place]}{shape.delimiter}{end}" for place, end in zip(places, more, strict=True)
        ).encode("utf-8", "surrogatepass")
    cells = rows.cells()
    table = [[*cells[place], *row] for place, row in zip(places, ours, strict=True)]
    return csv_text(table, shape.delimiter).encode()


def csv_text(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    r"""Return rows as CSV. A row with a ``\\r`` is quoted throughout, which Python 3.11 would forget."""
    text = io.StringIO()
    plain = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    quoting = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        (quoting if any("\r" in cell for cell in row) else plain).writerow(row)
    return text.getvalue()


def _cells(values: Sequence[str] | NDArray[Any]) -> Sequence[str]:
    if isinstance(values, np.ndarray):
        return [f"{value:.4f}" if isinstance(value, float) else str(value) for value in values.tolist()]
    return values


def _json_body(rows: InputRows, places: Sequence[int], added: Added, shape: OutputFormat) -> bytes:
    """Return one object a line: the input's text as it stands, with our keys before its last brace."""
    objects = rows.objects()
    values = [_rounded(column) for column in added.values()]
    ours = (dict(zip(added, row, strict=True)) for row in zip(*values, strict=True))
    return "".join(_joined(objects[place], more) for place, more in zip(places, ours, strict=True)).encode()


def _joined(object_text: str, ours: dict[str, Any]) -> str:
    body = object_text.strip()[:-1].rstrip()
    return f"{body}{'' if body == '{' else ', '}{json.dumps(ours, ensure_ascii=False)[1:]}\n"


def _rounded(values: Sequence[str] | NDArray[Any]) -> Sequence[Any]:
    return np.round(values, 4).tolist() if isinstance(values, np.ndarray) else values


def _arrow_body(rows: InputRows, places: Sequence[int], added: Added, shape: OutputFormat) -> bytes:
    """Return the input's record batch with our columns at its end, as an Arrow stream after its length."""
    import pyarrow as pa

    batch = rows.arrow()
    if list(places) != list(range(batch.num_rows)):
        batch = batch.take(np.asarray(places, dtype=np.int64))
    for name, values in added.items():
        batch = batch.append_column(name, _arrow(values))
    target = io.BytesIO()
    with pa.ipc.new_stream(target, batch.schema) as stream:
        stream.write_batch(batch)
    return struct.pack("<Q", target.tell()) + target.getvalue()


def finish_table(parts: AtomicFile, output: AtomicFile, shape: OutputFormat) -> None:
    """Make one Parquet or Arrow file of the rows in ``parts``, in groups of some 50,000 rows."""
    import pyarrow as pa

    with write_errors(output.path):
        parts.file.flush()
        held: list[Any] = []
        writer: Any = None
        with open(parts.temporary or "", "rb") as file:
            for batch in _arrow_parts(file):
                writer = writer or _opened(output.file, shape, batch.schema)
                held.append(batch)
                if sum(one.num_rows for one in held) >= _ROW_GROUP:
                    writer.write_table(pa.Table.from_batches(held))
                    held.clear()
        if held:
            writer.write_table(pa.Table.from_batches(held))
        writer.close()


def _opened(file: BinaryIO, shape: OutputFormat, schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = _Unclosed(file)
    return pq.ParquetWriter(sink, schema) if shape.format == "Parquet" else pa.ipc.new_file(pa.PythonFile(sink), schema)


def _arrow_parts(file: BinaryIO) -> Iterator[Any]:
    import pyarrow as pa

    while length := file.read(8):
        with pa.ipc.open_stream(file.read(struct.unpack("<Q", length)[0])) as stream:
            yield from stream


def _arrow(values: Sequence[str] | NDArray[Any]) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray):
        return pa.array(values.astype(np.float32 if values.dtype.kind == "f" else np.int32))
    return pa.array(values, pa.string())


_BODIES: dict[str, Any] = {
    "CSV": _csv_body,
    "TSV": _csv_body,
    "JSONL": _json_body,
    "Parquet": _arrow_body,
    "Arrow": _arrow_body,
}
