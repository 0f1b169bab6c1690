"""Reads the descriptions of exports: those of this folder and the user's own."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.paths import labels_folder
from narratives.tables.columns import plain_name

ANY = "*"  # stands in a path for every element of an array
JsonPath = tuple[str, ...]
ENOUGH = 3  # distinctive names that an export must have
ROLES = ("date", "source", "url", "id", "language")


@dataclass(frozen=True)
class Export:
    """How a program exports posts.

    - ``fingerprint``: names of columns that few other tables have. A point in a name leads into an object of JSON.
    - ``text``: alternatives; of each row the first that is not empty is its text. In one, ``a + b`` joins columns.
    - ``date``, ``source``, ``url``, ``id``, ``language``: columns, of which the first that a table has is used.
    - ``note``: what a user should know about its texts.

    For JSON documents:

    - ``rows``: paths of the rows, such as ``messages.*``.
    - ``beside``: keys of the outermost object, which count like those of the fingerprint.
    - ``skip``: values of columns whose rows are left out.
    - ``add``: columns to add; ``{id}`` is the row's, ``{^id}`` that of the object around it, and ``{reviews.0.url}``
      leads into an object and to the first item of a list.
    - ``lookup``: adds as ``column`` the object of the list ``in`` whose ``by`` is the row's ``key``.
    """

    name: str
    fingerprint: tuple[str, ...]
    text: tuple[tuple[str, ...], ...]
    date: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    url: tuple[str, ...] = ()
    id: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    note: str = ""
    rows: tuple[JsonPath, ...] = ()
    beside: tuple[str, ...] = ()
    skip: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, str] = field(default_factory=dict)
    lookup: Mapping[str, str] = field(default_factory=dict)

    def hits(self, names: Collection[str]) -> list[str]:
        """Return the names of the fingerprint that are among ``names``."""
        known = {plain_name(name) for name in names}
        return [name for name in self.fingerprint if plain_name(name) in known]

    def row(self, value: dict[str, Any], around: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return a row of a document with what the export adds; None for one that it leaves out."""
        if any(value.get(key) == kind for key, kind in self.skip.items()):
            return None
        known = {**{f"^{key}": item for key, item in around.items()}, **value}
        added = {}
        for column, pattern in self.add.items():
            found = {key: _at(known, key) for key in re.findall(r"\{(.+?)\}", pattern)}
            if column not in value and None not in found.values():
                added[column] = _filled(pattern, found)
        return value | added


def _filled(pattern: str, values: Mapping[str, Any]) -> str:
    return re.sub(r"\{(.+?)\}", lambda key: str(values[key[1]]), pattern)


def _at(value: Any, path: str) -> Any:
    """Return what is at a key, or at a path of keys and numbers of list items; None if there is nothing."""
    if isinstance(value, Mapping) and path in value:
        return value[path]
    key, _, rest = path.partition(".")
    if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
        inner = value[int(key)]
    else:
        inner = value.get(key) if isinstance(value, Mapping) else None
    return inner if not rest or inner is None else _at(inner, rest)


@lru_cache(maxsize=1)
def shipped_exports() -> tuple[Export, ...]:
    """Return the exports that are described in this folder."""
    return _read_folder(Path(__file__).parent)


def known_exports() -> tuple[Export, ...]:
    """Return the user's own exports, in the folder ``exports`` of the labels folder, then the shipped ones.

    Raises UserError if a file is not readable.
    """
    return (*_read_folder(labels_folder() / "exports"), *shipped_exports())


def _read_folder(folder: Path) -> tuple[Export, ...]:
    return tuple(_read(path) for path in sorted(folder.glob("*.toml")))


def _read(path: Path) -> Export:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        lists: dict[str, Any] = {name: tuple(content.get(name, ())) for name in ("fingerprint", "beside", *ROLES)}
        text = tuple(tuple(part.strip() for part in item.split("+")) for item in content["text"])
        rows = tuple(tuple(item.split(".")) for item in content.get("rows", ()))
        tables = {name: content.get(name, {}) for name in ("skip", "add", "lookup")}
        export = Export(name=content["name"], text=text, rows=rows, note=content.get("note", ""), **lists, **tables)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not the description of an export ({error}); correct it or remove it") from None
    except KeyError as error:
        raise UserError(f"{path}: not the description of an export, as it has no {error}; add it") from None
    unknown = sorted(set(content) - set(Export.__dataclass_fields__))
    if unknown or len(export.fingerprint) < ENOUGH or not text:
        what = f"'{unknown[0]}' is not a field" if unknown else f"it needs a text and {ENOUGH} names as fingerprint"
        raise UserError(f"{path}: {what}; correct it")
    return export
