"""Reads Parquet and Arrow (Feather) files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from narratives.errors import UserError
from narratives.tables.columns import check_names
from narratives.tables.readers.arrow_checks import check_cells, check_parquet, check_rows, in_pieces
from narratives.tables.rows import ArrowRows, Batch, KeyFault, Refusal
from narratives.tables.sources import Source, is_url, open_file

_HEAD_ROWS = 1000


@dataclass(frozen=True)
class ArrowReader:
    """A Parquet or Arrow file."""

    source: Source
    format: str
    schema: Any
    notes: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""
    header: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the schema."""
        return tuple(self.schema.names)

    def head(self) -> dict[str, list[str]]:
        """Return the first texts of each column of strings."""
        with _opened(self.source.path) as file:
            columns = [name for name in self.schema.names if _is_text(self.schema.field(name).type)]
            cells: dict[str, list[str]] = {column: [] for column in columns}
            for batch in islice(file.iter_batches(_HEAD_ROWS, columns=columns), 1):
                first, _ = next(in_pieces(batch, _HEAD_ROWS), (batch, {}))
                cells = {column: [text or "" for text, _ in _texts(first.column(column))] for column in columns}
            return cells

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield record batches as they stand in the file; rows are counted from 1."""
        first, total = 1, self.count()
        for values, texts in self._record_batches(rows, text_column, total):
            done = first - 1 + len(texts)
            yield _batch(values, texts, first, done * (self.source.size or 0) // max(1, total))
            first += len(texts)

    def _record_batches(self, rows: int, text_column: str, total: int) -> Iterator[tuple[Any, list[tuple[str, str]]]]:
        """Yield record batches, at least one, and for each row its text and what is wrong with it."""
        import pyarrow as pa

        with _opened(self.source.path) as file:
            done = 0
            for batch, faults in (piece for whole in file.iter_batches(rows) for piece in in_pieces(whole, rows)):
                check_cells(self.source.name, done + 1, batch)
                done += batch.num_rows
                texts = _texts(batch.column(text_column)) if text_column else [("", "")] * batch.num_rows
                yield batch, [(text, fault or faults.get(at, "")) for at, (text, fault) in enumerate(texts)]
            if done != total:
                raise UserError(f"{self.source.name}: {done:,} rows where its end says {total:,}; get the file again")
            if not done:
                yield pa.RecordBatch.from_pylist([], schema=self.schema), []

    def count(self) -> int:
        """Return the number of rows. Raises UserError if there are more than the file can have, or too long ones."""
        with _opened(self.source.path) as file:
            if isinstance(file, _ArrowFile):
                rows = file.count()
                check_rows(self.source.name, rows, self.source.size or 0)
                return rows
            check_parquet(self.source.name, file.metadata, self.source.size or 0)
            return int(file.metadata.num_rows)


def open_arrow(source: Source, kind: str) -> ArrowReader:
    """Read the schema. Raises UserError if the file is damaged, or if two columns have the same name."""
    with _opened(source.path) as file:
        check_names(source.name, file.schema_arrow.names)
        reader = ArrowReader(source, kind, file.schema_arrow)
    reader.count()  # with its checks, before a row is read
    return reader


def _batch(values: Any, texts: list[tuple[str, str]], first: int, bytes_read: int) -> Batch:
    good = [index for index, (_, fault) in enumerate(texts) if not fault]
    refused = [Refusal(first + index, fault, text) for index, (text, fault) in enumerate(texts) if fault]
    rows = ArrowRows(values if not refused else values.take(good))
    return Batch(rows, [texts[index][0] for index in good], [first + index for index in good], refused, bytes_read)


@dataclass(frozen=True)
class _ArrowFile:
    """An Arrow file or stream, with those attributes of a ``ParquetFile`` that are used here."""

    schema_arrow: Any
    source: Any

    def iter_batches(self, rows: int, columns: list[str] | None = None) -> Iterator[Any]:
        """Yield the record batches of the file; a large one in pieces of ``rows`` would be checked again and again."""
        del rows
        for batch in self._batches():
            yield batch if columns is None else batch.select(columns)

    def count(self) -> int:
        """Return the number of rows."""
        return sum(batch.num_rows for batch in self._batches())

    def _batches(self) -> Iterator[Any]:
        if not hasattr(self.source, "num_record_batches"):  # a stream
            yield from self.source
            return
        for number in range(self.source.num_record_batches):
            yield self.source.get_batch(number)


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_file(path) as head:
        start = head.read(6)
    if start.startswith(b"PAR1"):
        with open_file(path) as raw, pq.ParquetFile(raw, pre_buffer=False) as file:
            yield file
        return
    with open_file(path) if is_url(path) else pa.memory_map(path) as mapped:
        opened = pa.ipc.open_file(mapped) if start == b"ARROW1" else pa.ipc.open_stream(mapped)
        yield _ArrowFile(opened.schema, opened)


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    strings = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return bool(strings or _is_binary(kind))


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _texts(column: Any) -> list[tuple[str, str]]:
    if _is_binary(column.type):  # Spark and others write strings without saying that they are
        return [_checked(value) for value in column.to_pylist()]
    try:
        return [(text or "", "") for text in column.to_pylist()]
    except UnicodeDecodeError:  # Arrow does not check that strings are UTF-8; only the bad rows are refused
        return [_checked(value) for value in column.cast("binary").to_pylist()]


def _checked(value: bytes | None) -> tuple[str, str]:
    data = value or b""
    try:
        return data.decode(), ""
    except UnicodeDecodeError as error:
        return data.decode("utf-8", "backslashreplace"), f"byte 0x{data[error.start]:02x} is not UTF-8"
