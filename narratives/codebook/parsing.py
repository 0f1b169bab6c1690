"""Reads a ``codebook.toml`` and checks it: what is returned is valid, anything else is refused with its place."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from narratives.codebook.frames import LANGUAGES, VOICES, Codebook, Example, Frame, Retired
from narratives.errors import UserError

EXAMPLE_VOICES = (*VOICES, "none")
_FRAME_KEYS = ("id", "name", "aim", "claim", "include", "exclude", "cues", "examples", "crosswalk")
_SINCE = "since"  # may be missing: the frame is of the first version
# Labels need only these keys of a retired frame. Its other keys stay in the file, so that it can be restored.
_RETIRED_KEYS = ("id", "name", "claim", "on", "into")
_CROSSWALKS = ("semeval", "disarm", "euvsdisinfo")
# The lines that name the frames, in a file without strings of several lines.
_ID_LINE = re.compile(r"^(?:\[\[\w+\]\]|id[ \t]*=).*$", re.MULTILINE)
_MAY_BE_EMPTY = ("cues.uk", "cues.ru", *(f"crosswalk.{name}" for name in _CROSSWALKS))


def read_codebook(path: Path) -> Codebook:
    """Read and check a ``codebook.toml``. Raises UserError that names the file, the frame and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no codebook here; name a codebook.toml or set NARRATIVES_LABELS") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a codebook.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as TOML: {error}; correct that line") from None
    return parse_codebook(document, str(path))


def frames_known(path: Path, ids: Iterable[str]) -> tuple[int, int]:
    """Return how many frames of the codebook at ``path`` are among ``ids``, and how many it has, retired ones included.

    Raises UserError as ``read_codebook`` does, but only if the lines that name the frames are not read at once.
    """
    # Every command asks this at its start, and reading a large codebook would take longer than all the rest.
    frames = _quick_ids(path) or read_codebook(path).ever
    return len(frames & set(ids)), len(frames)


def _quick_ids(path: Path) -> frozenset[str]:
    """Return the ids of all frames from the lines that name them; none if the file is written in an unusual way."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if '"""' in text or "'''" in text:  # such a string may hold lines that look like the ones sought
            return frozenset()
        document = tomllib.loads("\n".join(_ID_LINE.findall(text)))
        return frozenset(str(table["id"]) for key in ("frame", "retired") for table in document.get(key, []))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
        return frozenset()


def parse_codebook(document: dict[str, Any], where: str) -> Codebook:
    """Return the Codebook of a parsed TOML ``document``. Raises UserError that begins with ``where``, the file."""
    _only_keys(document, ("version", "frame", "retired"), where)
    version, tables = document.get("version"), document.get("frame")
    if not isinstance(version, str) or not version:
        raise UserError(f"{where}: 'version' must be a text such as \"1\"")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{where}: no [[frame]] table; a codebook has at least one")
    frames = tuple(
        _parse_frame(table, f"{where}: frame {number} ({table.get('id')!r})") for number, table in enumerate(tables, 1)
    )
    codebook = Codebook(version, frames, _parse_retired(document.get("retired", []), where))
    _refuse_duplicates([*codebook.ids, *(frame.id for frame in codebook.retired)], where)
    _check_successors(codebook, where)
    return codebook


def _parse_frame(table: dict[str, Any], where: str) -> Frame:
    _only_keys({key: value for key, value in table.items() if key != _SINCE}, _FRAME_KEYS, where, required=True)
    texts = {key: _text(table[key], f"{where}: '{key}'") for key in ("id", "name", "aim", "claim")}
    if not texts["id"].replace("-", "").isalnum() or texts["id"] != texts["id"].lower():
        raise UserError(f"{where}: 'id' must be lower-case letters, digits and hyphens")
    return Frame(
        **texts,
        include=_texts(table["include"], f"{where}: 'include'"),
        exclude=_texts(table["exclude"], f"{where}: 'exclude'"),
        cues=_lists(table["cues"], LANGUAGES, where, "cues"),
        examples=_examples(table["examples"], where),
        crosswalk=_lists(table["crosswalk"], _CROSSWALKS, where, "crosswalk"),
        since=_text(table[_SINCE], f"{where}: '{_SINCE}'") if _SINCE in table else "",
    )


def _parse_retired(tables: Any, where: str) -> tuple[Retired, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{where}: the retired frames must be [[retired]] tables")
    return tuple(
        _parse_retired_frame(table, f"{where}: retired frame {number} ({table.get('id')!r})")
        for number, table in enumerate(tables, 1)
    )


def _parse_retired_frame(table: dict[str, Any], where: str) -> Retired:
    # The keys that only a restored frame needs are not checked here: the frame is checked whole when it is restored.
    _only_keys(table, (*_RETIRED_KEYS, *_FRAME_KEYS[2:], _SINCE), where)
    given = {key: value for key, value in table.items() if key in _RETIRED_KEYS}
    _only_keys(given, _RETIRED_KEYS, where, required=True)
    texts = {key: _text(given[key], f"{where}: '{key}'") for key in ("id", "name", "claim")}
    if not isinstance(given["into"], str):
        raise UserError(f"{where}: 'into' must be the id of a frame, or empty")
    try:
        on = date.fromisoformat(str(given["on"])).isoformat()
    except ValueError:
        raise UserError(f"{where}: 'on' must be a day such as \"2026-05-31\"") from None
    return Retired(**texts, on=on, into=given["into"])


def _check_successors(codebook: Codebook, where: str) -> None:
    for frame in codebook.retired:
        retired = f"{where}: retired frame '{frame.id}'"
        if frame.into and frame.into not in (*codebook.ids, *codebook.successors):
            raise UserError(
                f"{retired}: 'into' names '{frame.into}', which is not a frame; correct it or leave it empty"
            )
        if codebook.successors[frame.id] in codebook.successors:
            raise UserError(f"{retired}: 'into' leads in a circle; name a frame that is not retired or leave it empty")


def _examples(value: Any, where: str) -> tuple[Example, ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UserError(f'{where}: \'examples\' must be a list of {{ text = "…", voice = "…" }}')
    for item in value:
        _only_keys(item, ("text", "voice"), f"{where}: 'examples'", required=True)
        if item["voice"] not in EXAMPLE_VOICES:
            allowed = ", ".join(EXAMPLE_VOICES)
            raise UserError(f"{where}: 'examples': voice {item['voice']!r} is not one of {allowed}; correct it")
    examples = tuple(Example(_text(item["text"], f"{where}: 'examples'"), item["voice"]) for item in value)
    near = sum(example.voice == "none" for example in examples)
    if len(examples) - near < 3 or near < 2:
        raise UserError(f"{where}: 'examples' needs three positives and two near misses (voice = \"none\"); add them")
    return examples


def _lists(value: Any, keys: Sequence[str], where: str, name: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise UserError(f"{where}: '{name}' must be a table with the keys {', '.join(keys)}")
    _only_keys(value, keys, f"{where}: '{name}'", required=True)
    return {key: _texts(value[key], f"{where}: '{name}.{key}'", f"{name}.{key}" in _MAY_BE_EMPTY) for key in keys}


def _only_keys(table: dict[str, Any], allowed: Sequence[str], where: str, required: bool = False) -> None:
    unknown = [key for key in table if key not in allowed]
    if unknown:
        raise UserError(f"{where}: unknown key '{unknown[0]}'; allowed are {', '.join(allowed)}")
    missing = [key for key in allowed if key not in table] if required else []
    if missing:
        raise UserError(f"{where}: '{missing[0]}' is missing; add it")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where} must be a text that is not empty")
    return value


def _texts(value: Any, where: str, may_be_empty: bool = False) -> tuple[str, ...]:
    if not isinstance(value, list) or not (value or may_be_empty):
        raise UserError(f"{where} must be a list of texts" + ("" if may_be_empty else " with at least one"))
    texts = tuple(_text(item, where) for item in value)
    _refuse_duplicates([text.casefold() for text in texts], where)
    return texts


def _refuse_duplicates(values: Sequence[str], where: str) -> None:
    duplicate = next((value for index, value in enumerate(values) if value in values[:index]), None)
    if duplicate is not None:
        raise UserError(f"{where}: '{duplicate}' occurs twice; remove one")
