"""Reads the names that people write for frames and voices: in cells, in choices, in lists."""

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from narratives.codebook.frames import VOICES, Codebook
from narratives.errors import UserError

NO_FRAME = frozenset(
    ("", "other", "none", "no frame", "no label", "nan", "null", "na", "n/a", "<na>", "-", "–", "—", "[]")
)
_SEPARATORS = (";", "#", "|", "\n", ",")  # doccano joins by #; the first that leaves only known names counts
_ARRAY = re.compile(r"^\['[^',]*'(\s+'[^',]*')+\]$")  # as NumPy prints an array of texts
_QUOTED = re.compile(r"'([^']*)'")


def says_no_frame(name: str) -> bool:
    """Return whether a name is one of the words for "no frame", in any case."""
    return name.strip().casefold() in NO_FRAME


def none_notes(words: Mapping[str, int]) -> list[str]:
    """Return a sentence on the words that were read as "no frame", with the number of cells of each; none if none."""
    said = ", ".join(f"'{word}' in {number:,} rows" for word, number in words.items())
    return [f"read as no frame: {said}"] if said else []


def is_odd_none(name: str) -> bool:
    """Return whether a name is read as "no frame" and is neither empty nor the documented ``other``."""
    return says_no_frame(name) and name.strip().casefold() not in ("", "other")


def names_in(cell: str, known: Callable[[str], bool]) -> list[str]:
    """Return the names in a cell: a list in the syntax of JSON, Python or NumPy, or names with a separator.

    Names are separated by ``;``. Another separator counts only where all parts are ``known``, because a name may hold
    it.
    """
    text = cell.strip()
    listed = listed_names(text)
    if listed is not None:
        return listed
    if known(text):
        return [text]
    for separator in _SEPARATORS:
        parts = [part.strip() for part in text.split(separator)]
        if len(parts) > 1 and all(map(known, parts)):
            return parts
    return [part.strip() for part in text.split(";")]


def listed_names(text: str) -> list[str] | None:
    """Return the names in a cell that holds a list or Label Studio's object of choices; None for another cell."""
    if not (text.startswith("[") and text.endswith("]")) and not text.startswith("{"):
        return None
    if _ARRAY.search(text):  # Python would join the names into one
        return _QUOTED.findall(text)
    for parse in (json.loads, ast.literal_eval):
        try:
            return names_of(parse(text))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def names_of(value: Any) -> list[str]:
    """Return the names in a value of JSON: a text, a list, or an object with a list of choices or labels."""
    if value is None:
        return []
    if isinstance(value, dict):
        inner = next((value[key] for key in ("choices", "labels", "label") if key in value), None)
        if inner is None:
            raise ValueError("an object without choices")
        return names_of(inner)
    if isinstance(value, list | tuple):
        return [name for item in value for name in names_of(item)]
    return [str(value)]


class FrameNames:
    """Finds the frame or voice of a codebook that a name stands for.

    A frame is found by its id or its name, a retired one as well, and a voice by its word; case, spaces, hyphens and
    underscores do not count. ``given`` maps other names to those of the codebook, or to nothing ("no frame").
    """

    def __init__(self, codebook: Codebook, given: Mapping[str, str] = MappingProxyType({})) -> None:
        self.codebook = codebook
        self._ids = {*codebook.ids, *codebook.successors}
        pairs = [(frame.id, frame.name) for frame in codebook.frames]
        pairs += [(frame.id, frame.name) for frame in codebook.retired]
        self._frames = _unambiguous((name, frame) for frame, own in pairs for name in (frame, own))
        self._given: dict[str, str] = {}
        for old, new in given.items():
            if self.choice(new) is None and self.voice(new) is None:
                known = ", ".join((*codebook.ids, *VOICES))
                raise UserError(f"--map {old}={new}: '{new}' is neither a frame nor a voice; choose one of {known}")
            self._given[_key(old)] = new

    def frame(self, name: str) -> str | None:
        """Return a frame's id, empty for a word that says "no frame"; None for an unknown name."""
        name = self._meant(name)
        if name in self._ids:
            return name
        return "" if says_no_frame(name) else self._frames.get(_key(name))

    def voice(self, name: str) -> str | None:
        """Return a voice, empty for a word that says there is none; None for an unknown name."""
        word = self._meant(name).strip().casefold()
        return word if word in VOICES else "" if word in NO_FRAME else None

    def choice(self, name: str) -> tuple[str, str] | None:
        """Return the frame and the voice of ``frame`` or ``frame:voice``; None for an unknown name."""
        name = self._meant(name)
        frame = self.frame(name)
        if frame is not None:
            return frame, ""
        head, _, tail = name.rpartition(":")
        frame, voice = self.frame(head), self.voice(tail)
        return (frame, voice) if frame and voice is not None else None

    def names_frame(self, name: str) -> bool:
        """Return whether a name stands for a frame, and not for "no frame"."""
        choice = self.choice(name)
        return bool(choice and choice[0])

    def is_known(self, name: str) -> bool:
        """Return whether a name stands for a frame or for "no frame"."""
        return self.choice(name) is not None

    def _meant(self, name: str) -> str:
        return self._given.get(_key(name), name.strip())


def look_alikes(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that differ only in case, spaces, hyphens and underscores."""
    first: dict[str, str] = {}
    return [(other, name) for name in names if (other := first.setdefault(_key(name), name)) != name]


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return ids by key, without the keys of several ids."""
    by_key: dict[str, set[str]] = {}
    for name, frame in pairs:
        by_key.setdefault(_key(name), set()).add(frame)
    return {key: ids.pop() for key, ids in by_key.items() if len(ids) == 1}


def _key(name: str) -> str:
    return "-".join(re.split(r"[\s_\-‐‑–]+", name.strip().casefold()))
