"""Owns changing a ``codebook.toml``: a frame added, edited, retired or brought back; checked before it is written.

Comments and order are kept.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.container import Container
from tomlkit.exceptions import ParseError
from tomlkit.items import AoT, Comment, Table, Whitespace

from narratives.codebook.frames import Codebook, Frame, retire
from narratives.codebook.parsing import parse_codebook, read_codebook
from narratives.errors import UserError
from narratives.files import atomic_write_text

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
        if table.get("id") in {one["id"] for one in document.get("retired", ())}:
            raise UserError(f"{path}: '{table['id']}' was retired; choose another id, or restore that one")
        added = _as_toml(table)
        _put_below(added, frames[-1], *document.get("retired", [])[:1])
        frames.append(added)
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


def retire_frame(path: Path, frame_id: str, into: str, on: str) -> Codebook:
    """Take a frame out of force on the day ``on``, merged ``into`` another (empty: into none). The version counts up.

    Its table moves to the end as ``[[retired]]``, whole, so that it can be brought back. Raises UserError, and changes
    nothing, for a frame that is not in force.
    """
    retire(read_codebook(path), frame_id, into, on)  # refuses what makes no sense
    document = _document(path)
    retired = document.setdefault("retired", tomlkit.aot())
    table = _taken(document["frame"], frame_id, retired)
    table["on"], table["into"] = on, into
    _put_below(table, (retired or document["frame"])[-1])
    retired.append(table)
    return _write(path, document)


def restore_frame(path: Path, frame_id: str) -> Codebook:
    """Bring a retired frame back, as the last one; its labels count as its own again. The version counts one up.

    Raises UserError, and changes nothing, for a frame that is not retired or of which not all was kept.
    """
    document = _document(path)
    if frame_id not in {one.id for one in read_codebook(path).retired}:
        raise UserError(f"{path}: there is no retired frame '{frame_id}'")
    retired = document["retired"]
    table = _taken(retired, frame_id)
    del table["on"], table["into"]
    _put_below(table, document["frame"][-1], *retired[:1])
    document["frame"].append(table)
    if not retired:
        del document["retired"]
    return _write(path, document)


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


def _taken(tables: AoT, frame_id: str, after: Sequence[Table] = ()) -> Table:
    """Take a table out of ``tables``; a comment below it stays, above the table that follows, perhaps in ``after``."""
    number = next(number for number, table in enumerate(tables) if table["id"] == frame_id)
    table, following = tables[number], [*tables[number + 1 :], *after]
    if following:
        below = _bottom(table).body
        comment = ""
        while below and isinstance(below[-1][1], Comment | Whitespace):
            comment = below.pop()[1].as_string() + comment
        following[0].trivia.indent = comment.lstrip("\n") + following[0].trivia.indent
    del tables[number]
    for part in table.values():
        if isinstance(part, Table):
            part.display_name = None  # else it would keep the name of the tables that it is taken out of
    return table


def _put_below(table: Table, above: Table, *following: Table) -> None:
    """Set a blank line between a table and its new neighbours."""
    last = _bottom(above).body[-1][1]
    table.trivia.indent = "" if isinstance(last, Whitespace) else "\n"
    for other in following:
        other.trivia.indent = "\n" + other.trivia.indent.lstrip("\n")


def _bottom(table: Table) -> Container:
    """Return the lines at the end of a table: those of its last inner table, if it has any."""
    last: Container = table.value
    while isinstance(last.body[-1][1], Table):
        last = last.body[-1][1].value
    return last


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
    atomic_write_text(path, text)
    return codebook
