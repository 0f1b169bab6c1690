"""Recognises the format of a table, from its content first and from its name second."""

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
PACKINGS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


def named_format(path: str) -> str:
    """Return the format that the suffix of a path stands for, ignoring .gz, .zst and .bz2; empty if unknown."""
    stem = path.lower()
    for suffix in PACKINGS:
        stem = stem.removesuffix(suffix)
    return SUFFIXES.get(Path(stem).suffix, "")


def binary_format(name: str, head: bytes) -> str:
    """Return Parquet, Arrow or XLSX by the first bytes of a file, else an empty string.

    Raises UserError for .xls and Feather 1, which are not supported.
    """
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise UserError(f"{name}: an old Excel file (.xls); save it as .xlsx or .csv")
    if head.startswith(b"FEA1"):
        raise UserError(f"{name}: a Feather file of version 1; write it again as version 2 (Arrow), Parquet or .csv")
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


def check_binary(name: str, kind: str, path: str, compressed: bool, seekable: bool) -> None:
    """Raise UserError if a binary file is compressed, comes from a pipe, or is a zip archive but no workbook."""
    if compressed:
        raise UserError(f"{name}: a compressed {kind} file; decompress it first")
    if not seekable:
        raise UserError(f"{name}: {kind} cannot be read from a pipe; save it as a file first")
    if kind == "XLSX" and not _is_workbook(path):
        raise UserError(f"{name}: a damaged workbook or some other zip archive; save it again or unzip it")


def _is_workbook(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def text_format(name: str, first_line: str, named: str, broken: bool) -> str:
    """Return JSONL or CSV (for TSV as well).

    - ``first_line``: the first line that is not blank; a JSON object means JSONL.
    - ``named``: the format that the name stands for.
    - ``broken``: the head has bytes that are not text.

    Raises UserError for a JSON array, and for a broken file that is named Parquet, Arrow or XLSX.
    """
    if named in (*ARROW_FORMATS, "XLSX") and broken:
        raise UserError(f"{name}: named as {named} but not readable as such; get it again or export it as .csv")
    start = first_line.strip()
    if start.startswith(("[{", "[ {")) or start == "[":
        raise UserError(f"{name}: a JSON array; write one object per line (jq -c '.[]' FILE > FILE.jsonl)")
    return "JSONL" if named == "JSONL" or _is_object(start) else "CSV"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
