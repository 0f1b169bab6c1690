"""Owns the reading of Parquet files: schema, first texts, record batches with their texts. Floor 1."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from narratives.errors import UserError

_HEAD_ROWS = 1000


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise UserError(f"{path}: the Parquet file is damaged or cut off ({reason}); get it again") from None


def parquet_schema(path: str) -> Any:
    """Return the Arrow schema. Raises UserError if the file is damaged."""
    with _opened(path) as file:
        return file.schema_arrow


def parquet_head(path: str) -> dict[str, list[str]]:
    """Return the first texts of each column of strings."""
    with _opened(path) as file:
        columns = [name for name in file.schema_arrow.names if _is_text(file.schema_arrow.field(name).type)]
        cells: dict[str, list[str]] = {column: [] for column in columns}
        for batch in islice(file.iter_batches(_HEAD_ROWS, columns=columns), 1):
            cells = {column: [text or "" for text, _ in _texts(batch.column(column))] for column in columns}
        return cells


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def parquet_batches(path: str, rows: int, text_column: str) -> Iterator[tuple[Any, list[tuple[str, str]], float]]:
    """Yield record batches, for each row its text and what is wrong with it, and the share of rows read.

    There is at least one batch. Raises UserError if the file is damaged.
    """
    import pyarrow as pa

    with _opened(path) as file:
        done = 0
        for batch in file.iter_batches(rows):
            done += batch.num_rows
            texts = _texts(batch.column(text_column)) if text_column else [("", "")] * batch.num_rows
            yield batch, texts, done / file.metadata.num_rows
        if not done:
            yield pa.RecordBatch.from_pylist([], schema=file.schema_arrow), [], 1.0


def _texts(column: Any) -> list[tuple[str, str]]:
    try:
        return [(text or "", "") for text in column.to_pylist()]
    except UnicodeDecodeError:
        return [_checked(value) for value in column.cast("binary").to_pylist()]


def _checked(value: bytes | None) -> tuple[str, str]:
    try:
        return (value or b"").decode(), ""
    except UnicodeDecodeError as error:
        return (value or b"").decode(
            "utf-8", "backslashreplace"
        ), f"byte 0x{error.object[error.start]:02x} is not UTF-8"
