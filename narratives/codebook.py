"""Owns the codebook: frames, their cues and examples, voices. Reading is checking; knows no label and no model."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from narratives.errors import UserError

VOICES = ("promotes", "reports", "rebuts")
VOICE_MARKS = {"promotes": "▲", "reports": "●", "rebuts": "▼"}
LANGUAGES = ("en", "uk", "ru")
EXAMPLE_VOICES = (*VOICES, "none")
_FRAME_KEYS = ("id", "name", "aim", "claim", "include", "exclude", "cues", "examples", "crosswalk")
_CROSSWALKS = ("semeval", "disarm", "euvsdisinfo")
_MAY_BE_EMPTY = ("cues.uk", "cues.ru", *(f"crosswalk.{name}" for name in _CROSSWALKS))


@dataclass(frozen=True)
class Example:
    """A paragraph that shows what counts (one of the voices) or what is only near (voice ``none``)."""

    text: str
    voice: str


@dataclass(frozen=True)
class Frame:
    """One code of the codebook. ``cues`` are phrases by language; ``crosswalk`` lists codes of public taxonomies."""

    id: str
    name: str
    aim: str = ""
    claim: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    cues: dict[str, tuple[str, ...]] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    crosswalk: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Codebook:
    """The frames in force, in order, with the version that labels refer to (empty for an own taxonomy)."""

    version: str
    frames: tuple[Frame, ...]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The frame ids in the codebook's order, which is the order of every matrix column."""
        return tuple(frame.id for frame in self.frames)

    @cached_property
    def aims(self) -> tuple[str, ...]:
        """The aim groups in order of first use."""
        return tuple(dict.fromkeys(frame.aim for frame in self.frames))

    def frame(self, frame_id: str) -> Frame:
        """Return the frame with this id. Raises KeyError if there is none."""
        return self.frames[self.ids.index(frame_id)] if frame_id in self.ids else _missing(frame_id)


def _missing(frame_id: str) -> Frame:
    raise KeyError(frame_id)


def bare(ids: Sequence[str]) -> Codebook:
    """Return the codebook of an own taxonomy: ids without claims or cues."""
    return Codebook("", tuple(Frame(name, name) for name in ids))


def read_codebook(path: Path) -> Codebook:
    """Read and check a ``codebook.toml``. Raises UserError that names the file, the frame and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError(f"{path}: there is no codebook here; name a codebook.toml or set NARRATIVES_LABELS") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as TOML: {error}; correct that line") from None
    return parse_codebook(document, str(path))


def parse_codebook(document: dict[str, Any], where: str) -> Codebook:
    """Build a Codebook from the parsed TOML ``document``; ``where`` names the file in errors (UserError)."""
    _only_keys(document, ("version", "frame"), where)
    version, tables = document.get("version"), document.get("frame")
    if not isinstance(version, str) or not version:
        raise UserError(f"{where}: 'version' must be a text such as \"1\"")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise UserError(f"{where}: no [[frame]] table; a codebook has at least one")
    frames = tuple(
        _parse_frame(table, f"{where}: frame {n} ({table.get('id')!r})") for n, table in enumerate(tables, 1)
    )
    _no_doubles([frame.id for frame in frames], where)
    return Codebook(version, frames)


def _parse_frame(table: dict[str, Any], where: str) -> Frame:
    _only_keys(table, _FRAME_KEYS, where, required=True)
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
    )


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
    _no_doubles([text.casefold() for text in texts], where)
    return texts


def _no_doubles(values: Sequence[str], where: str) -> None:
    double = next((value for n, value in enumerate(values) if value in values[:n]), None)
    if double is not None:
        raise UserError(f"{where}: '{double}' occurs twice; remove one")


def outline(codebook: Codebook) -> str:
    """Return the frames grouped by aim, a line each, for the terminal."""
    lines = [f"codebook version {codebook.version}"]
    for aim in codebook.aims:
        lines += ["", aim]
        lines += [f"  {frame.id:32} {frame.claim}" for frame in codebook.frames if frame.aim == aim]
    return "\n".join(lines)


def describe(frame: Frame) -> str:
    """Return all of one frame for the terminal."""
    lines = [f"{frame.name} ({frame.id})", f"aim: {frame.aim}", "", frame.claim, "", "counts:"]
    lines += [f"  - {item}" for item in frame.include]
    lines += ["", "does not count:", *(f"  - {item}" for item in frame.exclude), "", "examples:"]
    lines += [f"  - [{example.voice}] {example.text}" for example in frame.examples]
    lines += ["", *(f"cues ({language}): {', '.join(cues)}" for language, cues in frame.cues.items() if cues)]
    lines += ["", *(f"{taxonomy}: {', '.join(codes)}" for taxonomy, codes in frame.crosswalk.items() if codes)]
    return "\n".join(lines)
