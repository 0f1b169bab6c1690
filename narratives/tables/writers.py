"""Writes tables in CSV, JSONL, Parquet and Arrow: the rows of the input with our columns added."""

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
from narratives.tables.formats import PACKINGS, SUFFIXES
from narratives.tables.rows import CsvRows

FORMATS = {suffix: name for suffix, name in SUFFIXES.items() if name != "XLSX"}  # that is read only
Added = Mapping[str, Sequence[str] | NDArray[Any]]  # our columns: text, or numbers (probabilities are floats)

_ROW_GROUP = 50_000  # small groups make a Parquet file large and slow to read


class InputRows(Protocol):
    """The rows of a batch, which can be written in any format."""

    def cells(self) -> Sequence[list[str]]:
        """Return the rows as lists of strings."""

    def objects(self) -> Sequence[str]:
        """Return the rows as the text of JSON objects."""

    def arrow(self) -> Any:
        """Return the rows as an Arrow record batch."""


@dataclass(frozen=True)
class OutputFormat:
    """How a table is written.

    - ``format``: CSV, TSV, JSONL, Parquet or Arrow.
    - ``packing``: ``gzip``, ``zstd``, ``bz2``, or empty.
    - ``delimiter``: the delimiter of a CSV.
    """

    format: str
    packing: str = ""
    delimiter: str = ","


def output_format(path: Path, delimiter: str) -> OutputFormat:
    """Return the format that the suffixes of ``path`` stand for; a ``.csv`` gets ``delimiter``.

    Raises UserError for a suffix that cannot be written.
    """
    stem, packing = path.name.lower(), ""
    for suffix, name in PACKINGS.items():
        if stem.endswith(suffix):
            stem, packing = stem.removesuffix(suffix), name
    kind = FORMATS.get(Path(stem).suffix, "")
    if Path(stem).suffix == ".xlsx":
        raise UserError(f"{path}: workbooks can be read but not written; write .csv or .parquet")
    if not kind or (packing and kind in ("Parquet", "Arrow")):
        raise UserError(
            f"{path}: the name must end in .csv, .tsv, .jsonl, .parquet or .arrow; "
            "the first three also with .gz, .zst or .bz2"
        )
    return OutputFormat(kind, packing, "\t" if kind == "TSV" else delimiter)


class Renderer:
    """Encodes rows as bytes that can be appended to a file. Any thread may call it.

    Each compressed chunk is its own member (of gzip, zstd or bz2), so a run can resume by appending. Parquet and Arrow
    files cannot be appended to: their rows are Arrow streams, each after its length, until ``finish_table`` writes them
    as one file.
    """

    def __init__(self, form: OutputFormat, columns: Sequence[str], ours: Sequence[str]) -> None:
        self._form, self._names = form, [*columns, *ours]

    def head(self) -> bytes:
        """Return the bytes before the first row: the header of a CSV."""
        if self._form.format not in ("CSV", "TSV"):
            return b""
        return self.packed(csv_text([self._names], self._form.delimiter).encode())

    def body(self, rows: InputRows, indices: Sequence[int], added: Added) -> bytes:
        """Return the rows at ``indices``, which may repeat, with our columns behind their own."""
        return self.packed(_BODIES[self._form.format](rows, indices, added, self._form))

    def packed(self, data: bytes) -> bytes:
        """Return ``data`` compressed, if the format asks for it."""
        if not self._form.packing or not data:
            return data
        import pyarrow as pa

        target = io.BytesIO()
        with pa.CompressedOutputStream(_Unclosed(target), self._form.packing) as stream:
            stream.write(data)
        return target.getvalue()


class _Unclosed(io.RawIOBase):
    """Passes writes on to a file, but not the close: pyarrow closes what it writes to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


def _csv_body(rows: InputRows, indices: Sequence[int], added: Added, form: OutputFormat) -> bytes:
    ours = list(zip(*map(_cells, added.values()), strict=True))
    if isinstance(rows, CsvRows) and rows.delimiter == form.delimiter:
        # The record is copied as it stands: a parsed and rewritten one would change its quotes. Not so a table of one
        # column, whose texts may have unquoted delimiters.
        records = list(rows.records)
        endings = csv_text(ours, form.delimiter).splitlines(keepends=True) if ours else []
        if len(endings) != len(indices):  # a cell of ours contains a line end
            endings = [csv_text([row], form.delimiter) for row in ours]
        return "".join(
            f"{records[index]}{form.delimiter}{ending}" for index, ending in zip(indices, endings, strict=True)
        ).encode("utf-8", "surrogatepass")
    cells = rows.cells()
    table = [[*cells[index], *row] for index, row in zip(indices, ours, strict=True)]
    return csv_text(table, form.delimiter).encode()


def csv_text(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    r"""Return rows as CSV. A row with a ``\\r`` gets quotes around all cells: Python 3.11 does not quote it."""
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


def _json_body(rows: InputRows, indices: Sequence[int], added: Added, form: OutputFormat) -> bytes:
    """Return one object per line: the text of the input as it stands, with our keys before its last brace."""
    objects = rows.objects()
    values = [_rounded(column) for column in added.values()]
    ours = (dict(zip(added, row, strict=True)) for row in zip(*values, strict=True))
    return "".join(_joined(objects[index], keys) for index, keys in zip(indices, ours, strict=True)).encode()


def _joined(object_text: str, ours: dict[str, Any]) -> str:
    body = object_text.strip()[:-1].rstrip()
    return f"{body}{'' if body == '{' else ', '}{json.dumps(ours, ensure_ascii=False)[1:]}\n"


def _rounded(values: Sequence[str] | NDArray[Any]) -> Sequence[Any]:
    return np.round(values, 4).tolist() if isinstance(values, np.ndarray) else values


def _arrow_body(rows: InputRows, indices: Sequence[int], added: Added, form: OutputFormat) -> bytes:
    """Return the record batch of the input with our columns behind its own, as an Arrow stream after its length."""
    import pyarrow as pa

    batch = rows.arrow()
    if list(indices) != list(range(batch.num_rows)):
        batch = batch.take(np.asarray(indices, dtype=np.int64))
    for name, values in added.items():
        batch = batch.append_column(name, _arrow(values))
    target = io.BytesIO()
    with pa.ipc.new_stream(target, batch.schema) as stream:
        stream.write_batch(batch)
    return struct.pack("<Q", target.tell()) + target.getvalue()


def finish_table(parts: AtomicFile, output: AtomicFile, form: OutputFormat) -> None:
    """Write the rows in ``parts``, which ``Renderer.body`` made, as one Parquet or Arrow file.

    Raises UserError if the disk is full or the like.
    """
    import pyarrow as pa

    with write_errors(output.path):
        parts.file.flush()
        held: list[Any] = []
        writer: Any = None
        with open(parts.temporary or "", "rb") as file:
            for batch in _arrow_parts(file):
                writer = writer or _open_writer(output.file, form, batch.schema)
                held.append(batch)
                if sum(part.num_rows for part in held) >= _ROW_GROUP:
                    writer.write_table(pa.Table.from_batches(held))
                    held.clear()
        if held:
            writer.write_table(pa.Table.from_batches(held))
        writer.close()


def _open_writer(file: BinaryIO, form: OutputFormat, schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = _Unclosed(file)
    return pq.ParquetWriter(sink, schema) if form.format == "Parquet" else pa.ipc.new_file(pa.PythonFile(sink), schema)


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
