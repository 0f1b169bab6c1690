"""Checks what Parquet and Arrow files hold before it is used: their memory is taken as it is, whatever it says."""

from collections.abc import Iterator
from typing import Any

from narratives.errors import UserError
from narratives.tables.guard.limits import HELD, RECORD, ROWS_PER_BYTE, check_unpacked, too_long


def check_parquet(name: str, metadata: Any, size: int) -> None:
    """Raise UserError if reading a Parquet file would take more than one of this size is worth."""
    check_rows(name, metadata.num_rows, size)
    # Only of whole groups: a damaged description of a column ends the process when pyarrow is asked for it.
    first = 1
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        check_unpacked(name, group.total_byte_size, size, HELD)
        if group.total_byte_size > RECORD.bytes * max(1, group.num_rows) * metadata.num_columns:
            raise too_long(f"{name}:{first}", "a cell")
        first += group.num_rows


def check_rows(name: str, rows: int, size: int) -> None:
    """Raise UserError if a file says that it has more rows than its bytes can tell apart."""
    if rows > size * ROWS_PER_BYTE:
        raise UserError(f"{name}: {rows:,} rows in {size:,} bytes, which cannot be rows with texts; get the file again")


def check_cells(name: str, first: int, batch: Any) -> None:
    """Raise UserError if a cell is above the limit of a record; ``first`` is the number of the first row."""
    if batch.nbytes <= RECORD.bytes:
        return
    for field, column in zip(batch.schema, batch.columns, strict=True):
        if column.nbytes > RECORD.bytes and (index := _long_cell(column)) is not None:
            raise too_long(f"{name}:{first + index}", f"a cell of '{field.name}'")


def _long_cell(column: Any) -> int | None:
    """Return the index of the first cell above the limit; None if there is none."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        index = _long_cell(column.dictionary)
        return (
            None if index is None else next((at for at, to in enumerate(column.indices.to_pylist()) if to == index), 0)
        )
    return next((at for at in range(len(column)) if column.slice(at, 1).nbytes > RECORD.bytes), None)


def row_faults(batch: Any) -> dict[int, str]:
    """Check a batch to its last byte, and return what is wrong with single rows, by their indices.

    Arrow follows the offsets in a file wherever they lead, also out of the file, which ends the process. Strings that
    are not UTF-8 cost their rows only. Raises an error of Arrow for any other damage.
    """
    import pyarrow as pa

    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        columns = [_as_bytes(column) for column in batch.columns]
        for column in columns:
            column.validate(full=True)
        kinds = zip(columns, batch.schema.types, strict=True)
        cells = (cell for column, kind in kinds if column.type != kind for cell in enumerate(column.to_pylist()))
        return {at: fault for at, value in cells if (fault := _not_utf_8(value))}
    return {}


def _as_bytes(column: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_string(column.type):
        return column.view(pa.binary())
    return column.view(pa.large_binary()) if pa.types.is_large_string(column.type) else column


def _not_utf_8(value: bytes | None) -> str:
    try:
        (value or b"").decode()
    except UnicodeDecodeError as error:
        return f"byte 0x{error.object[error.start]:02x} is not UTF-8"
    return ""


def in_pieces(batch: Any, rows: int) -> Iterator[tuple[Any, dict[int, str]]]:
    """Check a batch, and yield it in pieces of up to ``rows`` rows with the faults of their rows.

    A piece has fewer rows where a dictionary gives a long text to many rows, so that their cells fit into memory.
    """
    faults = row_faults(batch)
    rows = max(1, min(rows, HELD.bytes // max(1, _widest(batch))))
    for start in range(0, batch.num_rows, rows):
        here = {at - start: fault for at, fault in faults.items() if start <= at < start + rows}
        yield batch.slice(start, rows), here


def _widest(batch: Any) -> int:
    """Return how many bytes a row may have in the columns that have dictionaries."""
    import pyarrow as pa

    dictionaries = (column.dictionary for column in batch.columns if pa.types.is_dictionary(column.type))
    # Only a dictionary of long texts makes rows long, and then it is looked through.
    large = (values for values in dictionaries if len(values) and values.nbytes > RECORD.bytes // 16)
    return sum(max(values.slice(at, 1).nbytes for at in range(len(values))) for values in large)
