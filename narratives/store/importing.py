"""Imports a label set into a label database, so that importing it again changes nothing."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from narratives.errors import UserError
from narratives.labels.interchange.intake import Intake, Suggestion
from narratives.labels.label_set import Label, LabelSet
from narratives.store.appending import (
    IDS_A_STATEMENT,
    ROWS_A_STATEMENT,
    ReadingKey,
    add_paragraphs,
    append_event,
    label_columns,
    reading_key,
    slices,
)
from narratives.store.history import FROM_FILE, labels_in_force, standing, withdrawn_texts
from narratives.store.schema import event_labels, events, imported_events, imported_texts, imports, paragraphs

WITHDRAW = "withdraw"  # the kind of the event that takes back an event of an import, and of that of the import itself
_Content = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ImportedFile:
    """A file that somebody brings in.

    - ``at``: the time of the import, which is also that of labels for which the file names none.
    - ``sha256``: of the bytes of the file.
    - ``suggestions``: what models said in it.
    """

    name: str
    layout: str
    uploader: str
    at: str
    sha256: str
    suggestions: Sequence[Suggestion] = ()


def imported_file(path: Path, intake: Intake, uploader: str, at: str) -> ImportedFile:
    """Describe the file or folder at ``path``, of which ``intake`` was read."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return ImportedFile(path.name, intake.layout, uploader, at, digest.hexdigest(), intake.suggestions)


@dataclass(frozen=True)
class ImportSummary:
    """What an import did, or would do.

    - ``paragraphs``, ``readings``, ``suggestions``: how many were new.
    - ``replaced``: how many of the readings replaced an older one; ``known``: how many were known before.
    - ``number``: of the import, by which it can be withdrawn; None if it has none or changed nothing.
    """

    paragraphs: int
    readings: int
    replaced: int
    known: int
    suggestions: int = 0
    number: int | None = None

    def sentence(self) -> str:
        """Return the counts as a sentence."""
        replaced = f" (of which {self.replaced} replace an older one)" if self.replaced else ""
        suggested = f", {self.suggestions:,} new suggestions" if self.suggestions else ""
        readings = f"{self.readings:,} new readings{replaced}{suggested}, {self.known:,} known before"
        return f"{self.paragraphs:,} new paragraphs; {readings}"


@dataclass(frozen=True)
class ImportPlan:
    """What an import will change.

    - ``added``: ids of paragraphs that the database lacks, or has only from withdrawn imports.
    - ``readings``: new readings by token; ``replaced``: the keys of those that replace an older one.
    - ``known``: how many readings the database has already.
    """

    added: frozenset[str]
    readings: Mapping[str, Sequence[Label]]
    replaced: Sequence[ReadingKey]
    known: int
    suggestions: Mapping[str, Suggestion]

    def summary(self, number: int | None = None) -> ImportSummary:
        """Return the counts."""
        counts = len(self.added), len(self.readings), len(self.replaced), self.known, len(self.suggestions)
        return ImportSummary(*counts, number)


def plan_import(connection: Connection, labels: LabelSet, file: ImportedFile | None) -> ImportPlan:
    """Find out what an import will change, without changing it.

    A reading is known by a hash of all its columns. One that was undone in the app keeps its hash, so it is not
    imported again until the file says something else. One that was withdrawn with its import comes back with a new
    import by hand, not with the label files.
    """
    present = select(paragraphs.c.paragraph_id).where(paragraphs.c.paragraph_id.not_in(withdrawn_texts()))
    added = {row.paragraph_id for row in labels.paragraphs} - set(connection.scalars(present))
    given = _by_reading(labels.labels)
    in_force = _by_reading(labels_in_force(connection))
    undated = _latest_contents(in_force) if file else {}
    stored = _file_tokens(connection, with_withdrawn=file is None)
    taken = _file_tokens(connection, with_withdrawn=True)
    readings: dict[str, Sequence[Label]] = {}
    for key, group in given.items():
        token = _file_token(group)
        # The same reading made in the app has another token, so the labels themselves are compared, too.
        is_known = token in stored or in_force.get(key) == group
        if file and key[3] == file.at:
            is_known |= undated.get(_who(key)) == _content(group)
        if not is_known:
            readings[_free(token, taken, file)] = group
    replaced = [key for group in readings.values() if (key := reading_key(group[0])) in in_force]
    suggestions = {_suggestion_token(each): each for each in (file.suggestions if file else ())}
    new = {_free(token, taken, file): each for token, each in suggestions.items() if token not in stored}
    return ImportPlan(frozenset(added), readings, replaced, len(given) - len(readings), new)


def import_label_set(
    connection: Connection, labels: LabelSet, sources: Mapping[str, str], file: ImportedFile | None = None
) -> ImportSummary:
    """Add the paragraphs and the readings that the database does not hold; undo those that the set has changed.

    With a ``file`` they are recorded as one import, unless nothing is new.
    """
    plan = plan_import(connection, labels, file)
    is_recorded = file is not None and bool(plan.added or plan.readings or plan.suggestions)
    number = _append_import(connection, file) if file and is_recorded else None
    texts = _own_texts(connection, labels) if number is not None else []
    add_paragraphs(connection, labels.paragraphs, sources)
    undone = [_replace(connection, key) for key in plan.replaced]
    added = _insert_readings(connection, plan.readings)
    added += _insert_suggestions(connection, plan.suggestions, file)
    if number is not None:
        _link(connection, imported_texts, "paragraph_id", texts, number)
        _link(connection, imported_events, "event", [*undone, *added], number)
    return plan.summary(number)


def insert_label_events(connection: Connection, readings: Mapping[str, Sequence[Label]]) -> dict[str, int]:
    """Insert readings, given by token, many to a statement; return the number of each event by token."""
    rows = [
        dict.fromkeys(("model", "suggested", "note"), "")
        | {"token": token, "kind": group[0].kind, "annotator": group[0].annotator, "at": group[0].labelled_at}
        | {"paragraph_id": group[0].paragraph_id, "codebook_version": group[0].codebook_version}
        for token, group in readings.items()
    ]
    numbers = insert_events(connection, rows)
    labels = [label_columns(numbers[token], label) for token, group in readings.items() for label in group]
    for part in slices(labels, ROWS_A_STATEMENT):
        connection.execute(insert(event_labels), part)
    return numbers


def insert_events(connection: Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Insert rows of ``events`` and return the number of each by its token."""
    numbers: dict[str, int] = {}
    for part in slices(rows, IDS_A_STATEMENT):
        connection.execute(insert(events), part)
        # An insert of many rows does not return their numbers in order, so they are looked up by token.
        query = select(events.c.token, events.c.event).where(events.c.token.in_([row["token"] for row in part]))
        numbers |= {row.token: row.event for row in connection.execute(query)}
    return numbers


def _by_reading(labels: Iterable[Label]) -> dict[ReadingKey, list[Label]]:
    ordered = sorted(labels, key=lambda label: (reading_key(label), label.frame))
    return {key: list(group) for key, group in groupby(ordered, key=reading_key)}


def _who(key: ReadingKey) -> tuple[str, ...]:
    """Return a key without its time."""
    return key[0], key[1], key[2], key[4]


def _content(group: Sequence[Label]) -> _Content:
    return tuple((label.frame, label.voice, label.value, label.sure, label.note) for label in group)


def _latest_contents(readings: Mapping[ReadingKey, Sequence[Label]]) -> dict[tuple[str, ...], _Content]:
    """Return what each person said last of each paragraph: a file without times says it again at each import."""
    ordered = sorted(readings, key=lambda key: key[3])
    return {_who(key): _content(readings[key]) for key in ordered}


def _file_tokens(connection: Connection, with_withdrawn: bool) -> set[str]:
    """Return the tokens of what came from files, without the part that tells a second import of the same apart."""
    query = select(events.c.token).where(events.c.token.startswith(FROM_FILE))
    if not with_withdrawn:
        taken_back = select(events.c.undoes).where(events.c.kind == WITHDRAW, events.c.undoes.is_not(None))
        query = query.where(events.c.event.not_in(taken_back))
    return {base_token(token) for token in connection.scalars(query)}


def base_token(token: str) -> str:
    """Return the token of a reading from a file without what was added to it by ``_free``."""
    return FROM_FILE + token.removeprefix(FROM_FILE).split(":")[0]


def _free(token: str, taken: set[str], file: ImportedFile | None) -> str:
    # A reading that was withdrawn keeps its token, which is unique; when it comes back it needs another one.
    return f"{token}:{_digest(file.at)[:8]}" if file and token in taken else token


def _file_token(group: Sequence[Label]) -> str:
    return FROM_FILE + _digest("\x1e".join("\x1f".join(astuple(label)) for label in group))[:48]


def _suggestion_token(suggestion: Suggestion) -> str:
    return FROM_FILE + _digest("\x1f".join(("suggestion", *astuple(suggestion))))[:48]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _append_import(connection: Connection, file: ImportedFile) -> int:
    values = {"file": file.name, "layout": file.layout, "uploader": file.uploader, "at": file.at, "sha256": file.sha256}
    key = connection.execute(insert(imports).values(**values)).inserted_primary_key
    return int(key[0]) if key else 0


def _own_texts(connection: Connection, labels: LabelSet) -> list[str]:
    """Return the texts that the import brings in, but not those that came from elsewhere: these stay without it."""
    known = set(connection.scalars(select(paragraphs.c.paragraph_id)))
    linked = set(connection.scalars(select(imported_texts.c.paragraph_id)))
    return sorted({row.paragraph_id for row in labels.paragraphs} - (known - linked))


def _link(connection: Connection, table: Table, column: str, keys: Sequence[Any], number: int) -> None:
    for part in slices([{column: key, "import": number} for key in keys], ROWS_A_STATEMENT):
        connection.execute(insert(table), part)


def _replace(connection: Connection, key: ReadingKey) -> int:
    undo = append_event(connection, "undo", key[2], key[0], undoes=_event_number(connection, key))
    return undo or 0


def _insert_readings(connection: Connection, readings: Mapping[str, Sequence[Label]]) -> list[int]:
    return list(insert_label_events(connection, readings).values())


def _insert_suggestions(
    connection: Connection, suggestions: Mapping[str, Suggestion], file: ImportedFile | None
) -> list[int]:
    rows = [
        {"token": token, "kind": "suggestion", "annotator": "", "at": file.at if file else "", "note": ""}
        | {"paragraph_id": each.paragraph_id, "codebook_version": "", "model": each.model, "suggested": each.frames}
        for token, each in suggestions.items()
    ]
    return list(insert_events(connection, rows).values())


def _event_number(connection: Connection, key: ReadingKey) -> int:
    names = ("paragraph_id", "kind", "annotator", "at", "codebook_version")
    same = [events.c[name] == value for name, value in zip(names, key, strict=True)]
    row = connection.execute(standing(key[1]).where(*same).order_by(events.c.event.desc())).first()
    if row is None:
        raise UserError("the database changed during the import; nothing was imported: try again")
    return int(row.event)
