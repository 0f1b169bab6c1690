"""Owns changing a ``codebook.toml``: a frame added or edited, comments and order kept, checked before it is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError
from tomlkit.items import AoT, Table

from narratives.codebook import Codebook, Frame, parse_codebook, read_codebook
from narratives.errors import UserError
from narratives.outputs import WholeFile, write_errors

EDITABLE = ("name", "aim", "claim", "include", "exclude", "cues", "examples")


def read_frames(path: Path) -> list[Mapping[str, Any]]:
    """Read a TOML file of ``[[frame]]`` tables to be added. Raises UserError if it holds none or is not TOML."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig")).unwrap()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a TOML file with a [[frame]] table") from None
    except (ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as TOML: {error}; correct it") from None
    tables = document.get("frame")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{path}: no [[frame]] table; write one as in the codebook")
    return list(tables)


def add_frames(path: Path, tables: list[Mapping[str, Any]]) -> Codebook:
    """Add frames, given as the tables of a codebook, at the end of the file; return the new codebook.

    The version counts one up. Raises UserError, and changes nothing, for a frame that is not whole or an id in use.
    """
    document = _document(path)
    frames = document["frame"]
    known = {str(frame["id"]) for frame in frames}
    for table in tables:
        if table.get("id") in known:
            raise UserError(f"{path}: there is a frame '{table['id']}' already; choose another id or edit that one")
        frames.append(_as_toml(table))
    return _write(path, document)


def edit_frame(path: Path, frame_id: str, changes: Mapping[str, Any]) -> Codebook:
    """Change the named keys of a frame; what stays the same keeps its lines and comments. The version counts one up.

    Raises UserError, and changes nothing, if the frame would not be whole.
    """
    document = _document(path)
    table = next((frame for frame in document["frame"] if frame["id"] == frame_id), None)
    if table is None:
        raise UserError(f"{path}: there is no frame '{frame_id}'")
    before = table.unwrap()
    for key, value in changes.items():
        if key not in EDITABLE:
            raise UserError(f"'{key}' of a frame cannot be changed; changeable are {', '.join(EDITABLE)}")
        if before[key] != value:
            table[key] = _as_toml({key: value})[key]
    return read_codebook(path) if table.unwrap() == before else _write(path, document)


def as_table(frame: Frame) -> dict[str, Any]:
    """Return a frame as a table of the file."""
    return {
        "id": frame.id,
        "name": frame.name,
        "aim": frame.aim,
        "claim": frame.claim,
        "include": list(frame.include),
        "exclude": list(frame.exclude),
        "examples": [{"text": example.text, "voice": example.voice} for example in frame.examples],
        "crosswalk": {name: list(codes) for name, codes in frame.crosswalk.items()},
        "cues": {language: list(cues) for language, cues in frame.cues.items()},
    }


def _document(path: Path) -> tomlkit.TOMLDocument:
    read_codebook(path)  # refuses, with the place, what is not a codebook
    document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    if not isinstance(document["frame"], AoT):
        raise UserError(f"{path}: the frames must be [[frame]] tables to be changed from here")
    return document


def _as_toml(table: Mapping[str, Any]) -> Table:
    """Return a table whose lists stand a line an entry, as in the shipped codebook."""
    made = tomlkit.table()
    for key, value in table.items():
        made.add(
            key, _lists_of(value) if isinstance(value, Mapping) else _list(value) if isinstance(value, list) else value
        )
    return made


def _lists_of(value: Mapping[str, Any]) -> Table:
    made = tomlkit.table()
    for key, items in value.items():
        made.add(key, _list(items))
    return made


def _list(items: list[Any]) -> tomlkit.items.Array:
    made = tomlkit.array()
    for item in items:
        made.append(_inline(item) if isinstance(item, Mapping) else item)
    return made.multiline(len(items) > 1)


def _inline(item: Mapping[str, Any]) -> tomlkit.items.InlineTable:
    made = tomlkit.inline_table()
    made.update(item)
    return made


def _write(path: Path, document: tomlkit.TOMLDocument) -> Codebook:
    version = str(document["version"])
    document["version"] = str(int(version) + 1) if version.isdigit() else f"{version}+"
    text = tomlkit.dumps(document)
    codebook = parse_codebook(tomlkit.parse(text).unwrap(), str(path))
    file = WholeFile(path)
    try:
        with write_errors(path):
            file.file.write(text.encode("utf-8"))
        file.finish()
        file.place()
    finally:
        file.discard()
    return codebook
