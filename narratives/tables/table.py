"""Opens a table of any format, recognised from its head, and reads it in batches.

No row is dropped: a batch holds the good rows and, with line and reason, the refused ones. Blank lines are not rows.
Line numbers are physical, so the header is line 1; Parquet and Arrow files count their rows from 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narratives.errors import UserError
from narratives.tables.columns import listed
from narratives.tables.encodings import ENCODING_NAMES, detect_encoding
from narratives.tables.exports.roles import NO_ROLES, Roles, recognise
from narratives.tables.formats import (
    binary_format,
    check_binary,
    check_is_table,
    check_is_text,
    named_format,
    text_format,
)
from narratives.tables.guard.damage import BY_LIBRARIES, damage_refused, guarded
from narratives.tables.guard.limits import MB
from narratives.tables.headers import repeated_names, without_headers
from narratives.tables.lines import Line, TextLines, decode_lines, text_lines
from narratives.tables.readers.arrow import open_arrow
from narratives.tables.readers.csv_reader import CsvReader, open_csv
from narratives.tables.readers.json_document import find_export, open_document
from narratives.tables.readers.jsonl import JsonlReader, open_jsonl
from narratives.tables.readers.reader import Reader
from narratives.tables.readers.workbook import open_workbook
from narratives.tables.reading import AS_RECOGNISED, Reading
from narratives.tables.rows import Batch, KeyFault, columns_of, without_text
from narratives.tables.sources import HEAD_BYTES, Source, open_source

if TYPE_CHECKING:
    from narratives.tables.readers.csv_blocks import BlockReader

BATCH_ROWS = 2000
_ALIKE = {"CSV": ("CSV", "TSV"), "TSV": ("CSV", "TSV"), "JSON": ("JSONL",)}  # under one name, without a remark
_JUDGED = 20_000  # characters, enough to tell text from other data


def _any_key(key: str) -> str:
    return ""


@dataclass(frozen=True)
class Table:
    """A table whose head was read.

    - ``reader``: the reader of its format.
    - ``columns``: those of the reader; JSONL tables that are scored together have the keys of all of them.
    - ``roles``: what the columns are; without a text before it was chosen.
    - ``reading``: what the user says about the table.
    - ``notes``: what a user should know about how the table is read.
    """

    source: Source
    reader: Reader
    columns: tuple[str, ...]
    roles: Roles = NO_ROLES
    reading: Reading = AS_RECOGNISED
    notes: tuple[str, ...] = ()

    @property
    def text_column(self) -> str:
        """The first column with the text; empty if none was chosen."""
        return self.roles.column

    @property
    def repeated(self) -> dict[str, int]:
        """The names that several columns had, and how many; each column got a name of its own."""
        return repeated_names(self.reader.header)

    @property
    def name(self) -> str:
        """The name that messages use."""
        return self.source.name

    @property
    def path(self) -> str:
        """The path or address; ``-`` is standard input."""
        return self.source.path

    @property
    def size(self) -> int | None:
        """The size in bytes as stored; None in a pipe."""
        return self.source.size

    @property
    def format(self) -> str:
        """CSV, TSV, JSONL, JSON, Parquet, Arrow or XLSX."""
        return self.reader.format

    @property
    def encoding(self) -> str:
        """The name of the text's encoding; empty for a binary format."""
        return self.reader.encoding

    @property
    def delimiter(self) -> str:
        """The delimiter of a CSV; empty for one column and for other formats."""
        return self.reader.delimiter

    @property
    def schema(self) -> Any:
        """The schema of a Parquet or Arrow file, else None."""
        return self.reader.schema

    def findings(self) -> str:
        """Return one sentence that says how the table was understood."""
        delimiter = {"": "", "\t": "delimiter tab"}.get(self.delimiter, f"delimiter {self.delimiter!r}")
        count = f"{len(self.columns)} column{'s' * (len(self.columns) != 1)}"
        text = f"text in {self.roles.text_in_words()}" if self.text_column else ""
        others = ", ".join(f"{role} in '{column}'" for role, column in self.roles.others().items())
        facts = (self.format, self.source.packing, self.encoding, self.roles.export, delimiter, count, text)
        told = (*facts, others if self.text_column else "", self.roles.note, *self.notes)
        return f"{self.name}: {', '.join(fact for fact in told if fact)}"

    def recognised(self) -> dict[str, Any]:
        """Return how the table was understood as plain values."""
        facts = {"name": self.name, "format": self.format, "encoding": self.encoding, "delimiter": self.delimiter}
        roles = {"export": self.roles.export, "text": self.roles.text_names(), **self.roles.others()}
        return {**facts, **roles, "notes": [*filter(None, (*self.notes, self.roles.note))]}

    def recoded_in_words(self) -> str:
        """Say how many lines were read in another encoding than the rest; empty if none."""
        counts = self.source.recoded
        lines = ", ".join(f"{count:,} as {ENCODING_NAMES[page]}" for page, count in counts.items())
        return (
            f"{self.name}: lines that are not {self.encoding} were read in another encoding: {lines}" if lines else ""
        )

    def explained(self) -> str:
        """Return several lines that say how the table was understood, and why."""
        hits = f" ({listed(self.roles.hits)})" if self.roles.hits else ""
        empty = len(without_text(first := self._first_texts()))
        facts = {
            "format": ", ".join(filter(None, (self.format, self.source.packing, self.encoding))),
            "delimiter": {"\t": "tab"}.get(self.delimiter, self.delimiter),
            "read as": "; ".join(self.notes),
            "export": self.roles.export + hits,
            "columns": listed(self.columns, 40),
            "text": f"{self.roles.text_in_words()}, {self.roles.why}",
            "remark": self.roles.note,
            **{role: f"'{column}'" for role, column in self.roles.others().items()},
            "no text": f"{empty:,} of the first {len(first):,} rows" if empty else "",
        }
        width = max(map(len, facts))
        return "\n".join([self.name, *(f"  {name:{width}}  {fact}" for name, fact in facts.items() if fact)])

    def _first_texts(self) -> Sequence[str]:
        return next(self.batches()).texts

    def with_text_column(self, wanted: str | None = None) -> "Table":
        """Return the table with ``wanted`` as its text column, else with the one that its head suggests.

        Raises UserError if there is no such column, or if no column or several could hold the text.
        """
        export = self.reader.export if isinstance(self.reader, JsonlReader) else None
        roles = recognise(self.name, self.columns, self._head(), (wanted, self.reading), export)
        twice = next((column for column in roles.text_names() if column in self.repeated), None)
        if twice and not roles.told:
            alike = [column for column, cell in zip(self.columns, self.reader.header, strict=True) if cell == twice]
            raise UserError(
                f"{self.name}: {len(alike)} columns are called '{twice}'; say which holds the text with --text COLUMN, "
                f"in their order {listed(alike)}"
            )
        return replace(self, roles=roles)

    def _head(self) -> Mapping[str, Sequence[str]]:
        if self.format not in BY_LIBRARIES:
            return self.reader.head()
        with damage_refused(self.name, self.format):
            return self.reader.head()

    def with_roles_of(self, other: "Table") -> "Table":
        """Return the table with the text where ``other`` has it. Raises UserError if there is no such column."""
        if other.roles.single or self.columns != other.columns:
            return self.with_text_column(other.text_column if other.roles.single or other.roles.told else None)
        return replace(self, roles=other.roles)

    def batches(self, rows: int = BATCH_ROWS, key_fault: KeyFault = _any_key) -> Iterator[Batch]:
        """Yield batches of up to ``rows`` rows; the last may be empty, so there is always one.

        ``key_fault`` says why a JSON object with a key is refused. Raises UserError if the file is damaged.
        """
        # An object that lacks one column with the text may have another.
        column = "" if isinstance(self.reader, JsonlReader) and not self.roles.single else self.text_column
        batches = self.reader.batches(self.columns, column, rows, key_fault)
        return guarded(self.name, self.format, map(self._with_texts, batches))

    def quick_batches(self, key_fault: KeyFault = _any_key) -> Iterator[Batch]:
        """Yield the rows that ``batches`` does; a CSV in UTF-8 is read by compiled code, in larger batches."""
        reader = self.block_reader()
        if reader is None:
            return self.batches(key_fault=key_fault)
        return (replace(batch, bytes_read=self.source.bytes_read) for batch in self.read_blocks(reader))

    def read_blocks(self, reader: "BlockReader") -> Iterator[Batch]:
        """Yield the batches of a reader that ``block_reader`` returned, with the texts of all their columns."""
        return map(self._with_texts, reader.batches())

    def _with_texts(self, batch: Batch) -> Batch:
        """Return a batch without repeated headers, and with texts from all columns that have them."""
        text = self.columns.index(self.text_column) if self.reader.header and self.text_column else 0
        batch = without_headers(batch, self.reader.header, text)
        if self.roles.single:
            return batch
        join = len(self.roles.text[0]) > 1
        indices = range(len(batch.texts)) if join else without_text(batch.texts)
        if not len(indices):
            return batch
        texts, names = list(batch.texts), self.roles.text_names()
        for index, cells in zip(indices, columns_of(batch.rows, names, indices), strict=True):
            texts[index] = self._first_text(dict(zip(names, cells, strict=True)))
        return replace(batch, texts=texts)

    def _first_text(self, cells: dict[str, str]) -> str:
        joined = ("\n\n".join(filter(str.strip, map(cells.__getitem__, columns))) for columns in self.roles.text)
        return next(filter(str.strip, joined), "")

    def block_reader(self, span: tuple[int, int, int] | None = None) -> "BlockReader | None":
        """Return the compiled reader of a CSV in UTF-8; None for other tables.

        ``span``: the first byte, the end and the physical line of a part of the file.
        """
        return self.reader.block_reader(self.text_column, span) if isinstance(self.reader, CsvReader) else None


def open_table(path: str | Path, text_column: str | None = None, reading: Reading = AS_RECOGNISED) -> Table:
    """Read the head of a table (``-``: standard input) and choose its text column.

    ``text_column`` and ``reading`` are what the user says.

    Raises UserError if the table is missing, empty or damaged, or if no column or several could hold the text.
    """
    return read_head(str(path), reading).with_text_column(text_column or reading.text)


def read_all(path: str | Path) -> dict[str, list[str]]:
    """Read a small table into memory, as columns of strings. Raises UserError at the first row that is refused."""
    table = read_head(str(path))
    columns: dict[str, list[str]] = {column: [] for column in table.columns}
    for batch in table.batches():
        for refusal in batch.refused:
            raise UserError(f"{table.name}:{refusal.line}: {refusal.reason}; correct this row")
        for row in batch.rows.cells():
            for column, cell in zip(table.columns, row, strict=True):
                columns[column].append(cell)
    return columns


def decode(data: bytes) -> str:
    """Decode a text that is not a table, with the same detection of its encoding. Raises UserError for bad bytes."""
    encoding, mark = detect_encoding(data)
    lines = list(decode_lines([data], encoding, mark))
    for number, (_, fault) in enumerate(lines, 1):
        if fault:
            raise UserError(f"line {number} of the text: {fault}; save it as UTF-8")
    return "".join(text for text, _ in lines)


def read_head(path: str, reading: Reading = AS_RECOGNISED) -> Table:
    """Read the head of a table without choosing a text column. Raises UserError as ``open_table`` does."""
    source, named = open_source(path), named_format(path)
    reader = _open_reader(source, named, reading)
    misnamed = (
        ()
        if named == "" or named in _ALIKE.get(reader.format, (reader.format,))
        else (f"although its name says {named}",)
    )
    return Table(source, reader, reader.columns, reading=reading, notes=(*reader.notes, *misnamed))


def _open_reader(source: Source, named: str, reading: Reading) -> Reader:
    check_is_table(source.name, source.head)
    kind = binary_format(source.head)
    if not kind:
        return _open_text(source, named, reading)
    with damage_refused(source.name, kind):
        check_binary(source.name, kind, source.path, bool(source.packing), source.size is not None)
        return open_workbook(source, reading) if kind == "XLSX" else open_arrow(source, kind)


def _open_text(source: Source, named: str, reading: Reading) -> Reader:
    lines = text_lines(source, reading.codec)
    head = lines.head()
    start = "".join(text for text, _ in decode_lines([source.head], lines.encoding, lines.mark))
    broken = any(fault or "\0" in text for text, fault in head)
    kind = text_format(source.name, start.lstrip("\ufeff"), named, broken)
    check_is_text(source.name, start[:_JUDGED])
    codec = lines.encoding.split(" ")[0]
    pages = find_export(source, codec, lines.mark) if kind == "JSONL" else None
    if kind == "JSON" or pages:
        document = pages or open_document(source, codec, lines.mark)
        return open_jsonl(document, document.head())
    if not head:
        raise UserError(
            f"{source.name}:1: a line longer than {HEAD_BYTES / MB:.0f} MB at the beginning, where no "
            "table has one; export it again"
        )
    return open_jsonl(lines, head) if kind == "JSONL" else _open_csv(lines, head, named, reading)


def _open_csv(lines: TextLines, head: list[Line], named: str, reading: Reading) -> CsvReader:
    return open_csv(lines, head, "\t" if named == "TSV" else ",", reading)
