"""Imports a label set into a label database, so that importing it again changes nothing."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from narratives.errors import UserError
from narratives.labels.interchange.intake import Intake, Suggestion
from narratives.labels.label_set import Label, LabelSet, ReadingKey, reading_key
from narratives.store.appending import (
    IDS_A_STATEMENT,
    ROWS_A_STATEMENT,
    add_paragraphs,
    append_event,
    label_columns,
    now,
    read_time,
    slices,
)
from narratives.store.history import FROM_FILE, labels_in_force, reasons_in_force, standing, withdrawn_texts
from narratives.store.rights import refusal
from narratives.store.schema import event_labels, events, imported_events, imported_texts, imports, paragraphs

WITHDRAW = "withdraw"  # the kind of the event that takes back an event of an import, and of that of the import itself
_Content = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ImportedFile:
    """A file that somebody brings in.

    - ``at``: the time of the import, which is also that of labels for which the file names none.
    - ``sha256``: of the bytes of the file.
    - ``suggestions``: what models said in it.
    - ``by_operator``: whether it comes from a terminal of the server: who has one holds the database and needs no role.
    """

    name: str
    layout: str
    uploader: str
    at: str
    sha256: str
    suggestions: Sequence[Suggestion] = ()
    by_operator: bool = False


def imported_file(path: Path, intake: Intake, uploader: str, at: str, by_operator: bool = False) -> ImportedFile:
    """Describe the file or folder at ``path``, of which ``intake`` was read."""
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return ImportedFile(path.name, intake.layout, uploader, at, digest.hexdigest(), intake.suggestions, by_operator)


@dataclass(frozen=True)
class ImportSummary:
    """What an import did, or would do.

    - ``paragraphs``, ``readings``, ``suggestions``: how many were new.
    - ``replaced``: how many of the readings replaced an older one; ``known``: how many were known before.
    - ``number``: of the import, by which it can be withdrawn; None if it has none or changed nothing.
    - ``refused``: why none of the labels were taken; empty if they were.
    """

    paragraphs: int
    readings: int
    replaced: int
    known: int
    suggestions: int = 0
    number: int | None = None
    refused: str = ""

    def sentence(self) -> str:
        """Return the counts as a sentence."""
        replaced = f" (of which {self.replaced} replace an older one)" if self.replaced else ""
        suggested = f", {self.suggestions:,} new suggestions" if self.suggestions else ""
        readings = f"{self.readings:,} new readings{replaced}{suggested}, {self.known:,} known before"
        refused = f". No label was taken: {self.refused}" if self.refused else ""
        return f"{self.paragraphs:,} new paragraphs; {readings}{refused}"


@dataclass(frozen=True)
class ImportPlan:
    """What an import will change.

    - ``added``: ids of paragraphs that the database lacks, or has only from withdrawn imports.
    - ``readings``: new readings by token; ``replaced``: the keys of those that replace an older one.
    - ``reasons``: why the paragraph of a reading was shown, where the set or the database knows.
    - ``known``: how many readings the database has already.
    - ``refused``: why none of the labels are taken; empty if they are.
    """

    added: frozenset[str]
    readings: Mapping[str, Sequence[Label]]
    reasons: Mapping[ReadingKey, str]
    replaced: Sequence[ReadingKey]
    known: int
    suggestions: Mapping[str, Suggestion]
    refused: str = ""

    def summary(self, number: int | None = None) -> ImportSummary:
        """Return the counts."""
        counts = len(self.added), len(self.readings), len(self.replaced), self.known, len(self.suggestions)
        return ImportSummary(*counts, number, self.refused)


def plan_import(connection: Connection, labels: LabelSet, file: ImportedFile | None) -> ImportPlan:
    """Find out what an import will change, without changing it.

    A reading is known by a hash of all its columns. One that was undone in the app keeps its hash, so it is not
    imported again until the file says something else. One that was withdrawn with its import comes back with a new
    import by hand, not with the label files. A reading of which the database does not know why its paragraph was shown
    is replaced by the same with that reason; a set without reasons takes none away.

    Of a file by somebody who may not import labels, only texts and suggestions are taken. Raises UserError if a label
    of a file is dated in the future.
    """
    refused = _refused(connection, labels, file)
    labels = replace(labels, labels=(), reasons={}) if refused else labels
    if file is not None:
        _check_times(labels, file)
    present = select(paragraphs.c.paragraph_id).where(paragraphs.c.paragraph_id.not_in(withdrawn_texts()))
    added = {row.paragraph_id for row in labels.paragraphs} - set(connection.scalars(present))
    stored, given = _stored(connection, file), _by_reading(labels.labels)
    new = {key: group for key, group in given.items() if stored.lacks(key, group, labels.reasons.get(key, ""))}
    readings = {stored.free(_file_token(group), labels.reasons.get(key, "")): group for key, group in new.items()}
    replaced = [key for key in new if key in stored.in_force]
    suggested = {_suggestion_token(each): each for each in (file.suggestions if file else ())}
    suggestions = {stored.free(token): each for token, each in suggested.items() if token not in stored.tokens}
    reasons = stored.reasons | dict(labels.reasons)
    return ImportPlan(frozenset(added), readings, reasons, replaced, len(given) - len(new), suggestions, refused)


def _refused(connection: Connection, labels: LabelSet, file: ImportedFile | None) -> str:
    """Return why the uploader may not import the labels; empty if they may, or if there are none."""
    if file is None or file.by_operator or not labels.labels:
        return ""
    return refusal(connection, file.uploader, "import")


def _check_times(labels: LabelSet, file: ImportedFile) -> None:
    """Raise UserError if a label is dated in the future: it would outrank whatever is said until then."""
    latest = max(now(), file.at)
    wrong = next((label for label in labels.labels if _is_ahead(label.labelled_at, latest)), None)
    if wrong is not None:
        raise UserError(
            f"{file.name}: the label of {wrong.annotator} on paragraph {wrong.paragraph_id} has the time "
            f"'{wrong.labelled_at}', which is not a time in the past in UTC; correct it, or leave the time out"
        )


def _is_ahead(time: str, latest: str) -> bool:
    try:
        # Also as text, as which times are compared: one of another zone may look later than it is.
        return read_time(time) > read_time(latest) or time[: len("2026-01-01T10:00:00")] > latest
    except ValueError:
        return True


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
    undone = [_replace(connection, key, file.uploader if file else key.annotator) for key in plan.replaced]
    added = list(insert_label_events(connection, plan.readings, plan.reasons).values())
    added += _insert_suggestions(connection, plan.suggestions, file)
    if number is not None:
        _link(connection, imported_texts, "paragraph_id", texts, number)
        _link(connection, imported_events, "event", [*undone, *added], number)
    return plan.summary(number)


def insert_label_events(
    connection: Connection, readings: Mapping[str, Sequence[Label]], reasons: Mapping[ReadingKey, str]
) -> dict[str, int]:
    """Insert readings, given by token, many to a statement; return the number of each event by token."""
    rows = [
        dict.fromkeys(("model", "suggested", "note"), "")
        | {"token": token, "kind": group[0].kind, "annotator": group[0].annotator, "at": group[0].labelled_at}
        | {"paragraph_id": group[0].paragraph_id, "codebook_version": group[0].codebook_version}
        | {"reason": reasons.get(reading_key(group[0]), "")}
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


@dataclass(frozen=True)
class _Stored:
    """What a database holds.

    - ``tokens``: of what came from files, without what ``free`` adds; ``taken``: the same, with what was withdrawn.
    - ``given``: such a token with each reason that it came with.
    - ``in_force``: the readings that stand, and ``reasons`` why their paragraphs were shown.
    - ``at``: the time of the import by hand, empty without one.
    """

    tokens: set[str]
    taken: set[str]
    given: set[tuple[str, str]]
    in_force: dict[ReadingKey, list[Label]]
    reasons: dict[ReadingKey, str]
    at: str

    def lacks(self, key: ReadingKey, group: list[Label], reason: str) -> bool:
        """Return whether a reading, with this reason, says something that the database does not know."""
        token = _file_token(group)
        if (token, reason) in self.given:
            return False
        # The same reading made in the app has another token, so the labels themselves are compared, too.
        same = self._same(key, group)
        return token not in self.tokens if same is None else reason not in ("", self.reasons.get(same, ""))

    def free(self, token: str, reason: str = "") -> str:
        """Return the token, with an addition if it is taken.

        Tokens are unique, and a reading keeps its own when it is withdrawn or replaced by the same with a reason.
        """
        return f"{token}:{_digest(self.at + reason)[:8]}" if token in self.taken else token

    @cached_property
    def _latest(self) -> dict[tuple[str, ...], ReadingKey]:
        """What each person said last of each paragraph."""
        return {_who(key): key for key in sorted(self.in_force, key=lambda key: key.labelled_at)}

    def _same(self, key: ReadingKey, group: list[Label]) -> ReadingKey | None:
        """Return the key of the reading in force that says the same.

        A file without times says it again at each import, so there the time does not count.
        """
        if self.in_force.get(key) == group:
            return key
        latest = self._latest.get(_who(key)) if self.at and key.labelled_at == self.at else None
        return latest if latest and _content(self.in_force[latest]) == _content(group) else None


def _stored(connection: Connection, file: ImportedFile | None) -> _Stored:
    known = _from_files(connection, with_withdrawn=file is None)
    return _Stored(
        {token for token, _ in known},
        {token for token, _ in _from_files(connection, with_withdrawn=True)},
        known,
        _by_reading(labels_in_force(connection)),
        reasons_in_force(connection),
        file.at if file else "",
    )


def _by_reading(labels: Iterable[Label]) -> dict[ReadingKey, list[Label]]:
    ordered = sorted(labels, key=lambda label: (reading_key(label), label.frame))
    return {key: list(group) for key, group in groupby(ordered, key=reading_key)}


def _who(key: ReadingKey) -> tuple[str, ...]:
    """Return a key without its time."""
    return key.paragraph_id, key.kind, key.annotator, key.codebook_version


def _content(group: Sequence[Label]) -> _Content:
    return tuple((label.frame, label.voice, label.value, label.sure, label.note) for label in group)


def _from_files(connection: Connection, with_withdrawn: bool) -> set[tuple[str, str]]:
    """Return token and reason of what came from files; the tokens without what makes a second import's unique."""
    query = select(events.c.token, events.c.reason).where(events.c.token.startswith(FROM_FILE))
    if not with_withdrawn:
        taken_back = select(events.c.undoes).where(events.c.kind == WITHDRAW, events.c.undoes.is_not(None))
        query = query.where(events.c.event.not_in(taken_back))
    return {(base_token(row.token), row.reason) for row in connection.execute(query)}


def base_token(token: str) -> str:
    """Return the token of a reading from a file without what ``_Stored.free`` added to it."""
    return FROM_FILE + token.removeprefix(FROM_FILE).split(":")[0]


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


def _replace(connection: Connection, key: ReadingKey, by: str) -> int:
    undo = append_event(connection, "undo", by, key.paragraph_id, undoes=_event_number(connection, key))
    return undo or 0


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
    row = connection.execute(standing(key.kind).where(*same).order_by(events.c.event.desc())).first()
    if row is None:
        raise UserError("the database changed during the import; nothing was imported: try again")
    return int(row.event)
