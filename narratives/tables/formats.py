"""Recognises the format of a table, from its content first and from its name second."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

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
_START_BYTES = 400
_IS_SCRIPT = "a script, not a table"
_AS_DOCUMENT = "read its text with `narratives classify --file`"
_IS_HTML = f"an HTML page, not a table; {_AS_DOCUMENT}, or open it in Excel and save its table as .xlsx"
_FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; save the table as .xlsx or .csv",
    b"FEA1": "a Feather file of version 1; write it again as version 2 (Arrow), Parquet or .csv",
    b"\xfd7zXZ\0": "a file packed with xz, which is not read; unpack it or pack it with gzip",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it and name the table in it",
    b"Rar!": "a RAR archive; unpack it and name the table in it",
    b"%PDF-": f"a PDF document, not a table; {_AS_DOCUMENT}",
    b"SQLite format 3\0": "an SQLite database; export the table from it as .csv",
    b"{\\rtf": "a document in rich text (RTF), not a table; save its text for `narratives classify --file`",
    b"\x89HDF": "an HDF5 file; write the table as Parquet or .csv",
    b"ORC": "an ORC file; write the table as Parquet",
    b"Obj\x01": "an Avro file; write the table as Parquet or .jsonl",
    b"\x93NUMPY": "a NumPy array; write the table as .csv",
    b"$FL2": "an SPSS file; save the table as .csv",
    b"<stata_dta>": "a Stata file; save the table as .csv",
    b"RDX": "an R data file; write the table as .csv",
    b"X\n\0\0": "an R data file; write the table as .csv",
    b"\x80\x04\x95": "a Python pickle, which is not read because it can run code; write the table as Parquet or .csv",
    b"\x89PNG": "a picture, not a table",
    b"\xff\xd8\xff": "a picture, not a table",
    b"GIF8": "a picture, not a table",
}
_FOREIGN_TEXT = {
    rb"<(!doctype\s+html|html|head|body|table|div)\b": _IS_HTML,
    rb"(<\?xml[^>]*>\s*(<\?[^>]*>\s*|<!--.*?-->\s*)*)?<(rss|feed|rdf:rdf)\b": "a feed (RSS or Atom), not a table",
    rb"<\?xml\b": "an XML file, not a table; export the table as .csv",
    rb"(1\r?\n\d\d:\d\d:\d\d,\d{3} -->|WEBVTT\b)": f"subtitles, not a table; {_AS_DOCUMENT}",
    rb"(---\s*\n)?- ([\w-]+): [^\n]*\n(  [\w-]+: |- \2: )": "a YAML file; write the table as .jsonl or .csv",
    rb"(create table|insert into|drop table|-- .*dump)\b": "an SQL script; load it into a database and export .csv",
    rb"#!/|<\?php|(var|const|let)\s+\w+\s*=|function\s+\w+\(": _IS_SCRIPT,
    rb"import\s[^\n]*\sfrom\s['\"]|export\s+(const|function)\s": _IS_SCRIPT,
}
PACKINGS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}


_FEW_ODD = 20  # control characters, which a small table may hold all the same


def named_format(path: str) -> str:
    """Return the format that the suffix of a path stands for, ignoring .gz, .zst and .bz2; empty if unknown."""
    stem = path.lower()
    for suffix in PACKINGS:
        stem = stem.removesuffix(suffix)
    return SUFFIXES.get(Path(stem).suffix, "")


def check_is_table(name: str, head: bytes) -> None:
    """Raise UserError, with what it is and what to do, for a file that is no table: its bytes or its lines say so."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:_START_BYTES]
    if what := foreign_format(head):
        raise UserError(f"{name}: {what}")
    for pattern, what in _FOREIGN_TEXT.items():
        if re.match(pattern, start, re.IGNORECASE):
            raise UserError(f"{name}: {what}")


def foreign_format(head: bytes) -> str:
    """Return what a file is, and what to do with it, if its first bytes are those of a format that is not read."""
    return next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), "")


def check_is_text(name: str, text: str) -> None:
    """Raise UserError if the beginning of a file is not text but other data."""
    # A table may be cut at the byte 1, and a zero that a database left in a text is no reason to refuse all of it.
    odd = sum(character < " " and character not in "\t\n\r\x0b\x0c\x01\x1c\x1d\x1e\x1f" for character in text)
    if odd > _FEW_ODD and odd * 20 > len(text):
        raise UserError(f"{name}: neither a text nor a format that is read; export the table as .csv or .xlsx")


def binary_format(head: bytes) -> str:
    """Return Parquet, Arrow or XLSX by the first bytes of a file, else an empty string."""
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


def check_binary(name: str, kind: str, path: str, compressed: bool, seekable: bool) -> None:
    """Raise UserError if a binary file is compressed, comes from a pipe, or is a zip archive but no workbook."""
    if compressed:
        raise UserError(f"{name}: a compressed {kind} file; decompress it first")
    if not seekable:
        raise UserError(f"{name}: {kind} cannot be read from a pipe; save it as a file first")
    if kind == "XLSX" and (what := _other_archive(path)):
        raise UserError(f"{name}: {what}")


def _other_archive(path: str) -> str:
    """Say what a zip archive is if it is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            kind = archive.read("mimetype").decode("ascii", "replace") if "mimetype" in names else ""
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError):
        return "a damaged workbook or other zip archive; save it again"
    if "xl/workbook.xml" in names:
        return ""
    if "spreadsheet" in kind or "content.xml" in names:
        return "an OpenDocument file; save the table as .xlsx or .csv"
    if "epub" in kind or any(name.startswith(("word/", "ppt/")) for name in names):
        return f"a {'book (EPUB)' if 'epub' in kind else 'Word or PowerPoint document'}, not a table; {_AS_DOCUMENT}"
    return "a zip archive, not a workbook; unzip it and name the table in it"


def text_format(name: str, start: str, named: str, broken: bool) -> str:
    """Return JSONL, JSON (a document of many lines) or CSV (for TSV as well).

    - ``start``: the text from the first line that is not blank.
    - ``named``: the format that the name stands for.
    - ``broken``: the head has bytes that are not text.

    Raises UserError for a broken file that is named Parquet, Arrow or XLSX.
    """
    if named in (*ARROW_FORMATS, "XLSX") and broken:
        raise UserError(f"{name}: named as {named} but not readable as such; get it again or export it as .csv")
    first, _, others = start.strip().partition("\n")
    value = _object(first)
    if value is not None and (others or not _holds_rows(value)):
        return "JSONL"
    if re.match(r"\[\s*([\[{]|\]\s*$)|\{\s*\"|\{\s*\n|window\.YTD\.", start.strip()):
        return "JSON"
    return "JSONL" if named == "JSONL" else "CSV"


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _holds_rows(value: dict[str, Any]) -> bool:
    """Return whether an object is a document with a list of objects; a post has lists too, but first of all a text."""
    if any(isinstance(item, str) and " " in item.strip() for item in value.values()):
        return False
    lists = (item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict))
    return any(lists) or any(_holds_rows(item) for item in value.values() if isinstance(item, dict))
