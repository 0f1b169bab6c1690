"""Finds out what the columns of a table are: text, date, source, address, id, language, and of which export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from narratives.errors import UserError
from narratives.tables.columns import NAMES, choose_text_column, listed, plain_name
from narratives.tables.exports.export import ENOUGH, ROLES, Export, known_exports
from narratives.tables.reading import Reading


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are.

    - ``text``: alternatives; of each row the first that is not empty is its text. Each is one column or several joined.
    - ``date``, ``source``, ``url``, ``id``, ``language``: columns; empty if there is none.
    - ``export``: the name of the export, empty if none was recognised; ``hits`` are the names that it was known by.
    - ``why``: why these columns hold the text.
    - ``told``: the user named the text column.
    - ``note``: what a user should know about the texts.
    """

    text: tuple[tuple[str, ...], ...] = ()
    date: str = ""
    source: str = ""
    url: str = ""
    id: str = ""
    language: str = ""
    export: str = ""
    hits: tuple[str, ...] = ()
    why: str = ""
    told: bool = False
    note: str = ""

    @property
    def column(self) -> str:
        """The first column with the text; empty if none was chosen."""
        return self.text[0][0] if self.text else ""

    @property
    def single(self) -> bool:
        """Whether the text is in one column, in all rows."""
        return len(self.text) < 2 and len(self.text[:1] and self.text[0]) < 2

    def text_names(self) -> list[str]:
        """Return the columns that the text is taken from."""
        return list(dict.fromkeys(column for columns in self.text for column in columns))

    def text_in_words(self) -> str:
        """Say in which columns the text is."""
        return ", else ".join(" with ".join(f"'{column}'" for column in columns) for columns in self.text)

    def others(self) -> dict[str, str]:
        """Return the column of each other role that has one."""
        return {role: getattr(self, role) for role in ROLES if getattr(self, role)}


NO_ROLES = Roles()


def recognise(
    name: str,
    columns: Sequence[str],
    cells: Mapping[str, Sequence[str]],
    wanted: tuple[str | None, Reading],
    export: Export | None = None,
) -> Roles:
    """Return what the columns of a table are.

    - ``columns``, ``cells``: the names of all columns, and the first cells of those that can hold text.
    - ``wanted``: the text column that the user names, and what else is said.
    - ``export``: the export of a document, where its structure said it.

    Raises UserError if a named column does not exist, and if no column or several could hold the text.
    """
    text, reading = wanted
    names = {plain_name(column): column for column in (*cells, *columns)}
    exports = [export] if export else known_exports()
    best = max(exports, key=lambda one: len(one.hits(names)))
    hits = tuple(best.hits(names))
    texts = _texts(best, names)
    known = bool(texts) and (export is not None or len(hits) >= ENOUGH)
    roles = _of_export(best, names, texts, hits) if known else _by_name(names)
    if text is not None:
        column = choose_text_column(name, columns, cells, text)
        roles = replace(roles, text=((column,),), why="named by --text", told=True, note="")
    elif not known:
        column, why = choose_text_column(name, columns, cells, None), "by its name or its longest texts"
        roles = replace(roles, text=((column,),), why=why, note=_headlines(column))
    return _as_told(name, roles, (*columns, *cells), reading)


def _texts(export: Export, names: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    there = (tuple(names[plain_name(part)] for part in parts if plain_name(part) in names) for parts in export.text)
    return tuple(parts for parts in there if parts)


def _of_export(
    export: Export, names: Mapping[str, str], texts: tuple[tuple[str, ...], ...], hits: tuple[str, ...]
) -> Roles:
    others: dict[str, Any] = {role: _first(getattr(export, role), names) for role in ROLES}
    why = f"where {export.name} has it"
    return Roles(texts, **others, export=export.name, hits=hits, why=why, note=export.note)


def _by_name(names: Mapping[str, str]) -> Roles:
    others: dict[str, Any] = {role: _first(NAMES[role], names) for role in ROLES}
    return Roles(**others)


def _first(wanted: Sequence[str], names: Mapping[str, str]) -> str:
    return next((names[plain_name(name)] for name in wanted if plain_name(name) in names), "")


def _headlines(column: str) -> str:
    return "only headlines" if plain_name(column) in ("title", "headline", "заголовок") else ""


def _as_told(name: str, roles: Roles, columns: Sequence[str], reading: Reading) -> Roles:
    for role in ("date", "source", "url", "id"):
        column = getattr(reading, role)
        if column is not None and column not in columns:
            raise UserError(f"{name}: --{role}: there is no column '{column}'; its columns are {listed(columns)}")
        roles = replace(roles, **{role: column}) if column is not None else roles
    return roles
