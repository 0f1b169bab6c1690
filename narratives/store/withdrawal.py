"""Lists imports, and withdraws one as a whole: by events that take its events back, so that nothing is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from narratives.errors import UserError
from narratives.labels.label_set import KINDS, Label, ReadingKey, reading_key
from narratives.store.appending import append_event, new_token, now
from narratives.store.history import FROM_FILE, labels_in_force, labels_of, standing, withdrawn_texts
from narratives.store.importing import WITHDRAW, base_token, insert_events, insert_label_events
from narratives.store.rights import require
from narratives.store.schema import (
    HELD,
    assignments,
    events,
    imported_events,
    imported_texts,
    imports,
    ranks,
    withdrawals,
)


@dataclass(frozen=True)
class StoredImport:
    """An import: its file, who brought it in and when, how much came with it, and whether it was withdrawn."""

    number: int
    file: str
    layout: str
    uploader: str
    at: str
    sha256: str
    texts: int
    readings: int
    suggestions: int
    withdrawn: bool


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal did: readings and suggestions taken back, older readings restored, texts taken out."""

    readings: int
    suggestions: int
    restored: int
    texts: int

    def sentence(self) -> str:
        """Return the counts as a sentence."""
        restored = f"; {self.restored:,} older readings that it had replaced count again" if self.restored else ""
        suggested = f", {self.suggestions:,} suggestions" if self.suggestions else ""
        return f"{self.readings:,} readings{suggested} and {self.texts:,} texts are out of use{restored}"


def stored_imports(connection: Connection) -> tuple[StoredImport, ...]:
    """Return all imports, oldest first."""
    texts = dict(_counts(connection, select(imported_texts.c["import"])))
    joined = imported_events.join(events, events.c.event == imported_events.c.event)
    readings, suggestions = (
        _counts(connection, select(imported_events.c["import"]).select_from(joined).where(events.c.kind.in_(kinds)))
        for kinds in (KINDS, ("suggestion",))
    )
    withdrawn = set(connection.scalars(select(withdrawals.c["import"])))
    rows = connection.execute(select(imports).order_by(imports.c.number))
    return tuple(
        StoredImport(
            **row._mapping,
            texts=texts.get(row.number, 0),
            readings=readings.get(row.number, 0),
            suggestions=suggestions.get(row.number, 0),
            withdrawn=row.number in withdrawn,
        )
        for row in rows
    )


def withdraw_import(connection: Connection, number: int, by: str, by_operator: bool = False) -> Withdrawal:
    """Take back the labels and suggestions of an import, and the texts that only it brought in and nobody labelled.

    Readings that it replaced count again. Raises UserError if there is no such import, it was withdrawn before, or it
    is neither theirs nor are they a lead or the operator of the server.
    """
    record = _record(connection, number)
    if not by_operator and record.uploader != by:
        require(connection, by, "withdraw")
    before = set(connection.scalars(withdrawn_texts()))
    event = append_event(connection, WITHDRAW, by, None, note=f"import {number}: {record.file}")
    connection.execute(insert(withdrawals).values({"import": number, "event": event}))
    brought = _standing_of(connection, number, *KINDS, "suggestion")
    insert_events(connection, [_taking_back(row, by) for row in brought])
    restored = _restore(connection, number)
    texts = set(connection.scalars(withdrawn_texts())) - before
    _leave_queue(connection)
    suggestions = sum(row.kind == "suggestion" for row in brought)
    return Withdrawal(len(brought) - suggestions, suggestions, restored, len(texts))


def _counts(connection: Connection, chosen: Any) -> dict[int, int]:
    number = chosen.subquery().c[0]
    return {int(key): int(count) for key, count in connection.execute(select(number, func.count()).group_by(number))}


def _record(connection: Connection, number: int) -> Row[Any]:
    # The lock makes another withdrawal of the same import wait; SQLite has one writer at a time anyway.
    row = connection.execute(select(imports).where(imports.c.number == number).with_for_update()).first()
    if row is None:
        raise UserError(f"there is no import {number}; narratives labels imports lists them")
    if connection.scalar(select(withdrawals.c.event).where(withdrawals.c["import"] == number)):
        raise UserError(f"import {number} ({row.file}) was withdrawn before; import the file again to bring it back")
    return row


def _standing_of(connection: Connection, number: int, *kinds: str) -> Sequence[Row[Any]]:
    own = select(imported_events.c.event).where(imported_events.c["import"] == number)
    return connection.execute(standing(*kinds).where(events.c.event.in_(own)).order_by(events.c.event)).all()


def _taking_back(row: Row[Any], by: str) -> dict[str, Any]:
    empty = dict.fromkeys(("codebook_version", "model", "suggested", "note"), "")
    return empty | {
        "token": new_token(),
        "kind": WITHDRAW,
        "annotator": by,
        "at": now(),
        "paragraph_id": row.paragraph_id,
        "undoes": row.event,
    }


def _restore(connection: Connection, number: int) -> int:
    """Store the readings that an import replaced once more, unless their own import was withdrawn; return how many."""
    in_force = {reading_key(label) for label in labels_in_force(connection)}
    gone = select(imported_events.c.event).where(imported_events.c["import"].in_(select(withdrawals.c["import"])))
    original = events.alias("original")
    mine = select(imported_events.c.event).where(imported_events.c["import"] == number)
    undone = select(original).join(events, events.c.undoes == original.c.event)
    query = undone.where(events.c.event.in_(mine), events.c.kind == "undo", original.c.event.not_in(gone))
    restored: dict[str, Sequence[Label]] = {}
    imports_of: dict[str, int] = {}
    reasons: dict[ReadingKey, str] = {}
    for row in connection.execute(query.order_by(original.c.event)).all():
        labels = labels_of(connection, row)
        if labels and reading_key(labels[0]) not in in_force:
            token = f"{base_token(row.token)}:{row.event}" if row.token.startswith(FROM_FILE) else new_token()
            restored[token] = labels
            imports_of[token] = row.event
            reasons[reading_key(labels[0])] = row.reason
    numbers = insert_label_events(connection, restored, reasons)
    _inherit_imports(connection, {numbers[token]: event for token, event in imports_of.items()})
    return len(restored)


def _inherit_imports(connection: Connection, originals: dict[int, int]) -> None:
    """List each restored event beside the import of its original, if it had one."""
    own = imported_events.c.event.in_(list(originals.values()))
    import_of = dict(tuple(row) for row in connection.execute(select(imported_events).where(own)))
    for event, original in originals.items():
        if original in import_of:
            connection.execute(insert(imported_events).values({"event": event, "import": import_of[original]}))


def _leave_queue(connection: Connection) -> None:
    """Take withdrawn texts from the queue, and from those who have them before them."""
    connection.execute(delete(ranks).where(ranks.c.paragraph_id.in_(withdrawn_texts())))
    held = assignments.c.paragraph_id.in_(withdrawn_texts()), assignments.c.done == HELD
    connection.execute(delete(assignments).where(*held))
