"""Owns the formats of tables: which one a file is, by its content first and by its name second. Floor 1."""

import json
import zipfile
from pathlib import Path

from narratives.errors import UserError

SUFFIXES = {
    ".csv": "CSV",
    ".tsv": "TSV",
    ".jsonl": "JSONL",
    ".ndjson": "JSONL",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
    ".feather": "Arrow",
    ".xlsx": "XLSX",
}
ARROW_FORMATS = ("Parquet", "Arrow")
_MAGIC = {b"PAR1": "Parquet", b"ARROW1": "Arrow", b"\xff\xff\xff\xff": "Arrow", b"PK\x03\x04": "XLSX"}
PACKED_SUFFIXES = (".gz", ".zst", ".bz2")


def named_format(path: str) -> str:
    """Return the format that the suffix of a file stands for, looking under .gz, .zst or .bz2; empty if none."""
    stem = path.lower()
    for suffix in PACKED_SUFFIXES:
        stem = stem.removesuffix(suffix)
    return SUFFIXES.get(Path(stem).suffix, "")


def binary_format(name: str, head: bytes) -> str:
    """Return Parquet, Arrow or XLSX if the head says so, empty for text. Raises UserError for files of old kinds."""
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError(f"{name}: an old Excel file (.xls); save it as .xlsx or .csv")
    if head.startswith(b"FEA1"):
        raise UserError(f"{name}: a Feather file of version 1; write it again as version 2 (Arrow), Parquet or .csv")
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


def check_binary(name: str, kind: str, path: str, packed: bool, a_file: bool) -> None:
    """Raise UserError if a binary file cannot be read: packed, from a pipe, or some other zip archive."""
    if packed:
        raise UserError(f"{name}: a packed {kind} file; unpack it first")
    if not a_file:
        raise UserError(f"{name}: {kind} cannot be read from a pipe; save it as a file first")
    if kind == "XLSX" and not _is_workbook(path):
        raise UserError(f"{name}: a damaged workbook or some other zip archive; save it again or unpack it")


def _is_workbook(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def text_format(name: str, first_line: str, named: str, broken: bool) -> str:
    """Return JSONL or CSV (which stands for TSV, too) by the first line that is not blank, else by the name.

    ``broken`` says that the head is no clean text. Raises UserError for a JSON array and for what is only named
    Parquet, Arrow or XLSX and is no text either.
    """
    if named in (*ARROW_FORMATS, "XLSX") and broken:
        raise UserError(f"{name}: named as {named} but not readable as such; get it again or export it as .csv")
    start = first_line.strip()
    if start.startswith(("[{", "[ {")) or start == "[":
        raise UserError(f"{name}: one JSON array; write one object a line (jq -c '.[]' FILE > FILE.jsonl)")
    return "JSONL" if named == "JSONL" or _is_object(start) else "CSV"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
