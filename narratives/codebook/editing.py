"""Edits a ``codebook.toml``: adds, edits, retires and restores frames, and keeps its comments and order.

Each function checks the new codebook before it writes the file, adds one to its version, and returns it.
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
    """Read the ``[[frame]]`` tables of a TOML file. Raises UserError if it has none or is not TOML."""
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8-sig")).unwrap()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a TOML file with a [[frame]] table") from None
    except (ParseError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as TOML: {error}; correct it") from None
    tables = document.get("frame")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{path}: no [[frame]] table; write one like those of the codebook")
    return list(tables)


def add_frames(path: Path, tables: list[Mapping[str, Any]]) -> Codebook:
    """Add frames, given as tables of a codebook file, after the last frame.

    They are marked with the version that adds them, since readings by an earlier one say nothing of them.
    Raises UserError, and changes nothing, for an incomplete frame and for an id that is in use or was retired.
    """
    document = _document(path)
    frames = document["frame"]
    known, version = {str(frame["id"]) for frame in frames}, _next_version(document)
    for table in tables:
        if table.get("id") in known:
            raise UserError(f"{path}: frame '{table['id']}' exists already; choose another id or edit that frame")
        if table.get("id") in {retired["id"] for retired in document.get("retired", ())}:
            raise UserError(f"{path}: '{table['id']}' was retired; choose another id, or restore that frame")
        added = _as_toml({"id": table.get("id"), "since": version} | {k: v for k, v in table.items() if k != "since"})
        _put_below(added, frames[-1], *document.get("retired", [])[:1])
        frames.append(added)
    return _write(path, document)


def edit_frame(path: Path, frame_id: str, changes: Mapping[str, Any]) -> Codebook:
    """Change keys of a frame; keys whose value stays the same keep their lines and comments.

    Without a change the file and the version stay as they are. Raises UserError, and changes nothing, if the frame
    would be incomplete.
    """
    document = _document(path)
    table = next((frame for frame in document["frame"] if frame["id"] == frame_id), None)
    if table is None:
        raise UserError(f"{path}: there is no frame '{frame_id}'")
    before = table.unwrap()
    for key, value in changes.items():
        if key not in EDITABLE:
            raise UserError(f"'{key}' of a frame cannot be changed; only {', '.join(EDITABLE)} can")
        if before[key] != value:
            table[key] = _as_toml({key: value})[key]
    return read_codebook(path) if table.unwrap() == before else _write(path, document)


def retire_frame(path: Path, frame_id: str, into: str, on: str) -> Codebook:
    """Retire a frame on the day ``on`` and merge it ``into`` another (empty: into none).

    Its whole table moves to the end as ``[[retired]]``, so that the frame can be restored. Raises UserError, and
    changes nothing, for a frame that is not in the codebook, and for the only one.
    """
    retire(read_codebook(path), frame_id, into, on)  # only for its checks
    document = _document(path)
    retired = document.setdefault("retired", tomlkit.aot())
    table = _take_out(document["frame"], frame_id, retired)
    table["on"], table["into"] = on, into
    _put_below(table, (retired or document["frame"])[-1])
    retired.append(table)
    return _write(path, document)


def restore_frame(path: Path, frame_id: str) -> Codebook:
    """Restore a retired frame, after the last frame; its labels count as its own again.

    Raises UserError, and changes nothing, for a frame that is not retired, and for one whose table is incomplete.
    """
    document = _document(path)
    if frame_id not in {frame.id for frame in read_codebook(path).retired}:
        raise UserError(f"{path}: there is no retired frame '{frame_id}'")
    retired = document["retired"]
    table = _take_out(retired, frame_id)
    del table["on"], table["into"]
    _put_below(table, document["frame"][-1], *retired[:1])
    document["frame"].append(table)
    if not retired:
        del document["retired"]
    return _write(path, document)


def as_table(frame: Frame) -> dict[str, Any]:
    """Return a frame as the table that a codebook file has for it."""
    return {
        "id": frame.id,
        "name": frame.name,
        "aim": frame.aim,
        "claim": frame.claim,
        **({"since": frame.since} if frame.since else {}),
        "include": list(frame.include),
        "exclude": list(frame.exclude),
        "examples": [{"text": example.text, "voice": example.voice} for example in frame.examples],
        "crosswalk": {name: list(codes) for name, codes in frame.crosswalk.items()},
        "cues": {language: list(cues) for language, cues in frame.cues.items()},
    }


def _document(path: Path) -> tomlkit.TOMLDocument:
    read_codebook(path)  # only for its errors, which name the place; tomlkit's do not
    document = tomlkit.parse(path.read_text(encoding="utf-8-sig"))
    if not isinstance(document["frame"], AoT):
        raise UserError(f"{path}: only frames written as [[frame]] tables can be edited; rewrite them so")
    return document


def _take_out(tables: AoT, frame_id: str, after: Sequence[Table] = ()) -> Table:
    """Remove a frame's table from ``tables`` and return it; ``after`` are the tables that follow these in the file."""
    index = next(index for index, table in enumerate(tables) if table["id"] == frame_id)
    table, following = tables[index], [*tables[index + 1 :], *after]
    if following:
        # tomlkit takes a comment above a table for the end of the table before. It belongs to the one below: keep it.
        below = _bottom(table).body
        comment = ""
        while below and isinstance(below[-1][1], Comment | Whitespace):
            comment = below.pop()[1].as_string() + comment
        following[0].trivia.indent = comment.lstrip("\n") + following[0].trivia.indent
    del tables[index]
    for part in table.values():
        if isinstance(part, Table):
            part.display_name = None  # else [frame.cues] would keep that name inside [[retired]]
    return table


def _put_below(table: Table, above: Table, *following: Table) -> None:
    """Put a blank line between a table and its new neighbours."""
    last = _bottom(above).body[-1][1]
    table.trivia.indent = "" if isinstance(last, Whitespace) else "\n"
    for other in following:
        other.trivia.indent = "\n" + other.trivia.indent.lstrip("\n")


def _bottom(table: Table) -> Container:
    """Return the container of a table's last lines: that of its last inner table, if it has one."""
    last: Container = table.value
    while isinstance(last.body[-1][1], Table):
        last = last.body[-1][1].value
    return last


def _as_toml(table: Mapping[str, Any]) -> Table:
    """Return a TOML table whose lists have one entry a line, as in the shipped codebook."""
    toml = tomlkit.table()
    for key, value in table.items():
        toml.add(
            key, _lists_of(value) if isinstance(value, Mapping) else _list(value) if isinstance(value, list) else value
        )
    return toml


def _lists_of(value: Mapping[str, Any]) -> Table:
    toml = tomlkit.table()
    for key, items in value.items():
        toml.add(key, _list(items))
    return toml


def _list(items: list[Any]) -> tomlkit.items.Array:
    toml = tomlkit.array()
    for item in items:
        toml.append(_inline(item) if isinstance(item, Mapping) else item)
    return toml.multiline(len(items) > 1)


def _inline(item: Mapping[str, Any]) -> tomlkit.items.InlineTable:
    toml = tomlkit.inline_table()
    toml.update(item)
    return toml


def _write(path: Path, document: tomlkit.TOMLDocument) -> Codebook:
    document["version"] = _next_version(document)
    text = tomlkit.dumps(document)
    codebook = parse_codebook(tomlkit.parse(text).unwrap(), str(path))
    atomic_write_text(path, text)
    return codebook


def _next_version(document: tomlkit.TOMLDocument) -> str:
    version = str(document["version"])
    return str(int(version) + 1) if version.isdigit() else f"{version}+"
