"""Describes the reader of a format: what ``table`` asks of each of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from narratives.tables.rows import Batch, KeyFault


class Reader(Protocol):
    """Reads one table of one format. ``open_csv``, ``open_jsonl``, ``open_arrow`` and ``open_workbook`` make one."""

    @property
    def format(self) -> str:
        """CSV, TSV, JSONL, JSON, Parquet, Arrow or XLSX."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns; of a JSONL file, the keys that its head has."""

    @property
    def header(self) -> tuple[str, ...]:
        """The cells of the row with the names, a cell for each column; empty if the format or the table has none."""

    @property
    def encoding(self) -> str:
        """The name of the text's encoding; empty for a binary format."""

    @property
    def delimiter(self) -> str:
        """The delimiter of a CSV; empty for one column and for other formats."""

    @property
    def schema(self) -> Any:
        """The schema of a Parquet or Arrow file, else None."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about how the file was read."""

    def head(self) -> Mapping[str, Sequence[str]]:
        """Return the first cells of the columns that can hold text."""

    def batches(self, columns: tuple[str, ...], text_column: str, rows: int, key_fault: KeyFault) -> Iterator[Batch]:
        """Yield batches of up to ``rows`` rows; the last may be empty, so there is always one.

        - ``columns``: the columns that JSONL rows get as cells; other formats have their own.
        - ``text_column``: the column with the text; empty if no text is needed.
        - ``key_fault``: says why a JSON object may not have a key; only JSONL has such keys.

        Raises UserError if the file is damaged.
        """
