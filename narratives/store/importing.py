"""Imports a label set into a label database, so that importing it again changes nothing."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import groupby

from sqlalchemy import Connection, insert, select

from narratives.errors import UserError
from narratives.labels.label_set import Label, LabelSet, ReadingKey, reading_key
from narratives.store.appending import IDS_A_STATEMENT, add_paragraphs, append_event, label_columns, slices
from narratives.store.history import FROM_FILE, labels_in_force, reasons_in_force, standing
from narratives.store.schema import event_labels, events


@dataclass(frozen=True)
class ImportSummary:
    """What an import did: new paragraphs, new readings, how many of these replaced an older one, and known ones."""

    paragraphs: int
    readings: int
    replaced: int
    known: int

    def sentence(self) -> str:
        """Return the counts as a sentence."""
        replaced = f" (of which {self.replaced} replace an older one)" if self.replaced else ""
        readings = f"{self.readings:,} new readings{replaced}, {self.known:,} known before"
        return f"{self.paragraphs:,} new paragraphs; {readings}"


def import_label_set(connection: Connection, labels: LabelSet, sources: Mapping[str, str]) -> ImportSummary:
    """Add the paragraphs and the readings that the database does not hold; undo those that the set has changed.

    A reading is known by a hash of all its columns. One that was undone in the app keeps its hash, so it is not
    imported again until the file says something else. A reading of which the database does not know why its paragraph
    was shown is replaced by the same with that reason; a set without reasons takes none away.
    """
    added = add_paragraphs(connection, labels.paragraphs, sources)
    stored, given = _stored(connection), _by_reading(labels.labels)
    new = {key: group for key, group in given.items() if stored.lacks(key, group, labels.reasons.get(key, ""))}
    replaced = [key for key in new if key in stored.in_force]
    for key in replaced:
        append_event(connection, "undo", key.annotator, key.paragraph_id, undoes=_event_number(connection, key))
    tokens = {_file_token(group, labels.reasons.get(key, "")): group for key, group in new.items()}
    _insert_readings(connection, tokens, stored.reasons | dict(labels.reasons))
    return ImportSummary(added, len(new), len(replaced), len(given) - len(new))


@dataclass(frozen=True)
class _Stored:
    """What a database holds: the tokens of all events, the readings in force, and why their paragraphs were shown."""

    tokens: set[str]
    in_force: dict[ReadingKey, list[Label]]
    reasons: dict[ReadingKey, str]

    def lacks(self, key: ReadingKey, group: list[Label], reason: str) -> bool:
        """Return whether a reading, with this reason, says something that the database does not know."""
        if _file_token(group, reason) in self.tokens:
            return False
        # The same reading made in the app has another token, so the labels themselves are compared, too.
        if self.in_force.get(key) == group:
            return reason not in ("", self.reasons.get(key, ""))
        return _file_token(group) not in self.tokens


def _stored(connection: Connection) -> _Stored:
    tokens = set(connection.scalars(select(events.c.token)))
    return _Stored(tokens, _by_reading(labels_in_force(connection)), reasons_in_force(connection))


def _by_reading(labels: Iterable[Label]) -> dict[ReadingKey, list[Label]]:
    ordered = sorted(labels, key=lambda label: (reading_key(label), label.frame))
    return {key: list(group) for key, group in groupby(ordered, key=reading_key)}


def _insert_readings(
    connection: Connection, readings: dict[str, list[Label]], reasons: Mapping[ReadingKey, str]
) -> None:
    """Insert readings, given by token, many to a statement."""
    rows = [
        dict.fromkeys(("model", "suggested", "note"), "")
        | {"token": token, "kind": group[0].kind, "annotator": group[0].annotator, "at": group[0].labelled_at}
        | {"paragraph_id": group[0].paragraph_id, "codebook_version": group[0].codebook_version}
        | {"reason": reasons.get(reading_key(group[0]), "")}
        for token, group in readings.items()
    ]
    for part in slices(rows, IDS_A_STATEMENT):
        connection.execute(insert(events), part)
        # An insert of many rows does not return their numbers in order, so they are looked up by token.
        query = select(events.c.event, events.c.token).where(events.c.token.in_([row["token"] for row in part]))
        numbers = connection.execute(query).all()
        labels = [label_columns(event, label) for event, token in numbers for label in readings[token]]
        connection.execute(insert(event_labels), labels)


def _file_token(group: Sequence[Label], reason: str = "") -> str:
    columns = "\x1e".join("\x1f".join(astuple(label)) for label in group)
    given = f"{columns}\x1d{reason}" if reason else columns  # without a reason, as databases in use have it
    return FROM_FILE + hashlib.sha256(given.encode()).hexdigest()[:48]


def _event_number(connection: Connection, key: ReadingKey) -> int:
    names = ("paragraph_id", "kind", "annotator", "at", "codebook_version")
    same = [events.c[name] == value for name, value in zip(names, key, strict=True)]
    row = connection.execute(standing(key.kind).where(*same).order_by(events.c.event.desc())).first()
    if row is None:
        raise UserError("the database changed during the import; nothing was imported: try again")
    return int(row.event)
