"""Keeps uploads on disk for the time of a session, and reads each one once, to show what it was taken for."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from narratives.tables.formats import PACKINGS, binary_format, named_format
from narratives.tables.guard.child import survey_apart
from narratives.tables.guard.survey import open_or_ask, survey
from narratives.tables.table import Table
from narratives.ui.components.html import counted

_MAGIC_BYTES = 16
_CELLS_ARE_TEXT = ("CSV", "TSV", "XLSX")  # whether such a row is refused does not depend on the text column


@dataclass(frozen=True)
class Upload:
    """An upload that was read to its end.

    - ``question``: why the text column could not be chosen, empty if it was (then it is that of ``table``)
    - ``first_rows``, ``first_refused``: the first rows that can be read, and what is wrong with the first that cannot
    - ``good``, ``refused``: how many rows can be scored by the text column of ``table``, and how many cannot
    """

    path: Path
    table: Table
    question: str
    first_rows: list[list[str]]
    first_refused: list[str]
    good: int
    refused: int

    def findings(self) -> str:
        """Say in one sentence what the upload was taken for."""
        return without_folder(self.table.findings(), self.path)

    def count(self, text_column: str) -> str:
        """Say how many rows there are, and how many of them will be refused if the text is in this column.

        The rows were counted once, by the column that was guessed. For another one the number of refused rows is not
        known where a row can lack a text in one column and have it in another.
        """
        rows = counted(self.good + self.refused, "row")
        if text_column != self.table.text_column and self.table.format not in _CELLS_ARE_TEXT:
            return f"{rows}; those whose '{text_column}' cannot be read as text will be refused"
        return f"{rows}, of which {self.refused:,} will be refused" if self.refused else rows


def keep_upload(name: str, data: bytes) -> Path:
    """Write an upload into a new temporary folder and return its path; only the last part of ``name`` is used."""
    folder = Path(tempfile.mkdtemp(prefix="narratives-"))
    path = folder / (Path(name).name or "upload.csv")
    path.write_bytes(data)
    return path


def read_upload(path: Path) -> Upload:
    """Read an upload to its end. Raises UserError if it is no table, or is damaged.

    What libraries read, Parquet, Arrow and XLSX, is read in a process of its own, and here only after it was.
    """
    with path.open("rb") as file:
        by_library = bool(binary_format(file.read(_MAGIC_BYTES)))
    found = survey_apart(path) if by_library else None
    table, question = open_or_ask(str(path))
    found = found or survey(table)
    first_refused = [f"line {line} will be refused: {reason}" for line, reason in found.first_refused]
    said = without_folder(question, path)
    return Upload(path, table, said, found.first_rows, first_refused, found.good, found.refused)


def without_folder(sentence: str, path: Path) -> str:
    """Leave the temporary folder out of a sentence about an upload: people know the file by its name alone."""
    return sentence.replace(f"{path.parent}/", "")


def output_for(upload: Path) -> Path:
    """Return where the scores of an upload go: beside it, in its own format; of a workbook and of plain text, a CSV.

    Objects of JSON, which may lie in each other, stay objects.
    """
    suffixes = {"Parquet": ".parquet", "Arrow": ".arrow", "JSONL": ".jsonl", "TSV": ".tsv"}
    if upload.suffix.lower() in (".json", ".js"):
        return upload.with_name(f"{upload.stem}.scored.jsonl")
    stem = upload.name
    for packing in PACKINGS:
        stem = stem.removesuffix(packing)
    return upload.with_name(f"{Path(stem).stem}.scored{suffixes.get(named_format(upload.name), '.csv')}")
