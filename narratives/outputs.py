"""Owns what is written: files that appear whole or not at all, and tables in CSV, JSONL and Parquet. Floor 1."""

import csv
import errno
import io
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from narratives.errors import UserError

FORMATS = {".csv": "CSV", ".tsv": "TSV", ".jsonl": "JSONL", ".ndjson": "JSONL", ".parquet": "Parquet"}
PACKINGS = {".gz": "gzip", ".zst": "zstd"}
Added = Mapping[str, Sequence[str] | NDArray[Any]]  # our columns: text, or numbers (probabilities are floats)

_ROW_GROUP = 50_000
_NO_SPACE = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


class InputRows(Protocol):
    """What is needed of the rows of a batch."""

    def cells(self) -> Sequence[list[str]]:
        """As lists of strings."""

    def objects(self) -> Sequence[str]:
        """As the text of JSON objects."""

    def arrow(self) -> Any:
        """As an Arrow record batch."""


@dataclass(frozen=True)
class Shape:
    """How a table is written: format, packing (``gzip``, ``zstd`` or none), and the delimiter of a CSV."""

    format: str
    packing: str = ""
    delimiter: str = ","


def shape_of(path: Path, delimiter: str) -> Shape:
    """Read the shape from the suffixes of ``path``; a ``.csv`` takes ``delimiter``. Raises UserError for others."""
    stem, packing = path.name.lower(), ""
    for suffix, name in PACKINGS.items():
        if stem.endswith(suffix):
            stem, packing = stem.removesuffix(suffix), name
    kind = FORMATS.get(Path(stem).suffix, "")
    if Path(stem).suffix == ".xlsx":
        raise UserError(f"{path}: workbooks are read but not written; write .csv or .parquet")
    if not kind or (packing and kind == "Parquet"):
        raise UserError(
            f"{path}: the name must end in .csv, .tsv, .jsonl or .parquet; the first three also with .gz or .zst"
        )
    return Shape(kind, packing, "\t" if kind == "TSV" else delimiter)


class WholeFile:
    """A file that appears under its name whole, by ``place``, or not at all. Standard output where path is None."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        # A link stays a link: what it points to is replaced.
        self._target = path.resolve() if path else None
        self.temporary = self._target.with_name(f".narratives-{secrets.token_hex(6)}.part") if self._target else None
        with write_errors(path):
            self.file: BinaryIO = self.temporary.open("xb") if self.temporary else sys.stdout.buffer

    def finish(self) -> None:
        """Bring everything to the disk."""
        with write_errors(self.path):
            self.file.flush()
            if self.temporary:
                os.fsync(self.file.fileno())
                self.file.close()

    def place(self) -> None:
        """Give the finished file its name."""
        if self.temporary and self._target:
            with write_errors(self.path):
                os.replace(self.temporary, self._target)

    def discard(self) -> None:
        """Remove what was written, unless it has its name already."""
        if self.temporary:
            with suppress(OSError):  # a full disk also refuses the last buffer, which nobody wants any more
                self.file.close()
            self.temporary.unlink(missing_ok=True)


@contextmanager
def write_errors(path: Path | None) -> Iterator[None]:
    """Turn an OSError while writing into one sentence; a broken pipe passes."""
    try:
        yield
    except BrokenPipeError:
        raise  # who reads our standard output has seen enough
    except OSError as error:
        where = "standard output" if path is None else path
        nothing = "the output is not complete" if path is None else "nothing was written"
        what = "no space left" if error.errno in _NO_SPACE else f"cannot be written ({error.strerror or error})"
        raise UserError(f"{where}: {what}; {nothing}") from None


class TableWriter:
    """A table being written to a file, batch by batch: the input's columns, then ours."""

    def __init__(self, file: WholeFile, shape: Shape, columns: Sequence[str]) -> None:
        self._file = file
        with write_errors(file.path):
            self._sink = _packed(file.file, shape.packing)
            self._format = _FORMATS[shape.format](self._sink, shape, columns)

    def write(self, rows: InputRows, places: Sequence[int], added: Added) -> None:
        """Write one row for each of ``places`` (numbers of rows, which may repeat), with our columns at its end."""
        with write_errors(self._file.path):
            self._format.write(rows, places, added)

    def finish(self) -> None:
        """Write what is held back and finish the file."""
        with write_errors(self._file.path):
            self._format.finish()
            if self._sink is not self._file.file:
                self._sink.close()
        self._file.finish()


def _packed(file: BinaryIO, packing: str) -> Any:
    if not packing:
        return file
    import pyarrow as pa

    return pa.CompressedOutputStream(_Unclosed(file), packing)


class _Unclosed(io.RawIOBase):
    """A file that pyarrow may close without closing ours. What comes after ours was closed is not wanted any more."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data) if self._file.closed else self._file.write(data)


class _CsvFormat:
    r"""CSV with minimal quoting and ``\\n``; the header comes with the first batch."""

    def __init__(self, sink: Any, shape: Shape, columns: Sequence[str]) -> None:
        self._sink, self._delimiter, self._columns = sink, shape.delimiter, columns
        self._begun = False

    def write(self, rows: InputRows, places: Sequence[int], added: Added) -> None:
        cells, ours = rows.cells(), zip(*map(_cells, added.values()), strict=True)
        table = [[*cells[place], *more] for place, more in zip(places, ours, strict=True)]
        if not self._begun:
            table.insert(0, [*self._columns, *added])
            self._begun = True
        self._sink.write(csv_text(table, self._delimiter).encode())

    def finish(self) -> None:
        pass


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


class _JsonFormat:
    """One object a line: the input's text as it stands, with our keys before its last brace."""

    def __init__(self, sink: Any, shape: Shape, columns: Sequence[str]) -> None:
        self._sink = sink

    def write(self, rows: InputRows, places: Sequence[int], added: Added) -> None:
        objects = rows.objects()
        values = [_rounded(column) for column in added.values()]
        ours = (dict(zip(added, row, strict=True)) for row in zip(*values, strict=True))
        lines = [_joined(objects[place], more) for place, more in zip(places, ours, strict=True)]
        self._sink.write("".join(lines).encode())

    def finish(self) -> None:
        pass


def _joined(object_text: str, ours: dict[str, Any]) -> str:
    body = object_text.strip()[:-1].rstrip()
    return f"{body}{'' if body == '{' else ', '}{json.dumps(ours, ensure_ascii=False)[1:]}\n"


def _rounded(values: Sequence[str] | NDArray[Any]) -> Sequence[Any]:
    return np.round(values, 4).tolist() if isinstance(values, np.ndarray) else values


class _ParquetFormat:
    """Parquet: the input's record batches with our columns at the end, in row groups of some 50,000 rows."""

    def __init__(self, sink: Any, shape: Shape, columns: Sequence[str]) -> None:
        self._sink = sink
        self._writer: Any = None
        self._held: list[Any] = []

    def write(self, rows: InputRows, places: Sequence[int], added: Added) -> None:
        batch = rows.arrow()
        if list(places) != list(range(batch.num_rows)):
            batch = batch.take(np.asarray(places, dtype=np.int64))
        for name, values in added.items():
            batch = batch.append_column(name, _arrow(values))
        self._held.append(batch)
        if sum(held.num_rows for held in self._held) >= _ROW_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, self._held[0].schema)
        self._writer.write_table(pa.Table.from_batches(self._held))
        self._held.clear()

    def finish(self) -> None:
        self._write_group()
        self._writer.close()


def _arrow(values: Sequence[str] | NDArray[Any]) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray):
        return pa.array(values.astype(np.float32 if values.dtype.kind == "f" else np.int32))
    return pa.array(values, pa.string())


_FORMATS: dict[str, Any] = {"CSV": _CsvFormat, "TSV": _CsvFormat, "JSONL": _JsonFormat, "Parquet": _ParquetFormat}
