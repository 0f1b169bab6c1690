"""Owns the record: paragraphs, and what people said of them, as events that are only ever added."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from itertools import groupby
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Row, Select, and_, delete, exists, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from narratives.errors import UserError
from narratives.labels.label_set import KINDS, Label, LabelledParagraph, LabelSet
from narratives.store.engine import open_engine, reading, writing
from narratives.store.schema import assignments, event_labels, events, paragraphs, ranks, scores

_FROM_FILE = "file:"  # begins the token of what was read from a label file: not a step that its annotator may undo
HELD, DONE, SKIPPED = range(3)  # what became of an assignment
_AT_ONCE = 2000  # rows a statement
_IDS = 500  # ids a statement names, well below the limit on parameters
Reading = tuple[str, str, str, str, str]  # paragraph, kind, annotator, time, codebook version: one label event


@dataclass(frozen=True)
class Event:
    """Something somebody did. ``labels`` is what a label event said; ``undone`` whether it was taken back."""

    event: int
    kind: str
    annotator: str
    at: str
    paragraph_id: str | None
    codebook_version: str
    model: str
    suggested: str
    note: str
    undone: bool
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True)
class Circumstances:
    """What was around a label: the model that was asked, what it suggested (JSON), and the step's own token."""

    model: str = ""
    suggested: str = ""
    token: str = ""


@dataclass(frozen=True)
class ImportSummary:
    """What an import did: new paragraphs, new readings, readings that replace an older one, and known ones."""

    paragraphs: int
    readings: int
    replaced: int
    known: int

    def sentence(self) -> str:
        """Say what was done."""
        replaced = f" (of which {self.replaced} replace an older one)" if self.replaced else ""
        readings = f"{self.readings:,} new readings{replaced}, {self.known:,} known before"
        return f"{self.paragraphs:,} new paragraphs; {readings}"


def now() -> str:
    """Return the time in UTC, to the microsecond, as labels carry it."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_token() -> str:
    """Return a name for one step of one person: a step that arrives twice is stored once."""
    return uuid.uuid4().hex


class Store:
    """A label database. Each method is one transaction; what it returns from is stored on disk.

    All raise UserError if the database cannot be reached or written.
    """

    def __init__(self, address: str) -> None:
        self.engine: Engine = open_engine(address)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def add(self, rows: Iterable[LabelledParagraph]) -> int:
        """Add paragraphs; return how many were new. A known text stays as it is."""
        with writing(self.engine) as connection:
            return _add(connection, list(rows), {})

    def save(self, labels: Sequence[Label], around: Circumstances = Circumstances()) -> bool:
        """Store one label event: all ``labels`` are one person's, of one paragraph and moment.

        Returns False if a step with this token was stored before; then nothing changes.
        """
        with writing(self.engine) as connection:
            return _save(connection, labels, around) is not None

    def note(self, kind: str, annotator: str, paragraph_id: str | None, note: str = "", token: str = "") -> bool:
        """Store an event without labels (skip, comment, release, role); False if its token was stored before.

        A paragraph that was skipped leaves the annotator's hand, and another may have it.
        """
        with writing(self.engine) as connection:
            stored = _append(connection, kind, annotator, paragraph_id, note=note, token=token) is not None
            if stored and kind == "skip" and paragraph_id is not None:
                _set_hand(connection, paragraph_id, annotator, done=SKIPPED)
                _change_slots(connection, paragraph_id, 1)
            return stored

    def last_note(self, kind: str) -> str:
        """Return the note of the last event of a kind, empty if there was none."""
        wanted = select(events.c.note).where(events.c.kind == kind).order_by(events.c.event.desc()).limit(1)
        with reading(self.engine) as connection:
            return connection.scalar(wanted) or ""

    def undo(self, annotator: str, token: str = "") -> Event | None:
        """Take back the last label, comment or skip of ``annotator``; return it, or None if there is nothing to undo.

        What came from label files is not undone here. The paragraph is in the annotator's hand again.
        """
        with writing(self.engine) as connection:
            if _known(connection, token):
                return None
            last = connection.execute(_undoable(annotator)).first()
            if last is None:
                return None
            _append(connection, "undo", annotator, last.paragraph_id, undoes=last.event, token=token)
            _set_hand(connection, last.paragraph_id, annotator, done=HELD, at=now())
            if last.kind == "skip":
                _change_slots(connection, last.paragraph_id, -1)
            return _event(last, True, _labels_of(connection, last))

    def undo_all(self, annotator: str, tokens: str) -> int:
        """Take back every label of ``annotator`` whose token begins with ``tokens``, in one step; return how many."""
        with writing(self.engine) as connection:
            mine = _standing(*KINDS).where(events.c.annotator == annotator, events.c.token.startswith(tokens))
            rows = connection.execute(mine).all()
            for row in rows:
                _append(connection, "undo", annotator, row.paragraph_id, undoes=row.event)
            return len(rows)

    def import_labels(self, labels: LabelSet, sources: Mapping[str, str] = MappingProxyType({})) -> ImportSummary:
        """Bring a label set in. What is known changes nothing; a reading that a file changed replaces the older one.

        A reading that was undone here stays undone until the file says something else. ``sources`` says where a
        paragraph came from, by id.
        """
        with writing(self.engine) as connection:
            return _bring(connection, labels, sources)

    def label_set(self) -> LabelSet:
        """Return the labels in force, undone ones left out, with all paragraphs."""
        with reading(self.engine) as connection:
            return LabelSet(_paragraphs(connection), _labels(connection))

    def state(self) -> int:
        """Return the number of the last event: what was computed at the same number is still true."""
        with reading(self.engine) as connection:
            return connection.scalar(select(func.max(events.c.event))) or 0

    def labelled_here(self) -> set[str]:
        """Return the ids of the paragraphs that somebody labelled in the app: not those that came from files alone."""
        here = _standing(*KINDS).where(~events.c.token.startswith(_FROM_FILE)).subquery()
        with reading(self.engine) as connection:
            return set(connection.scalars(select(here.c.paragraph_id)))

    def scores(self, model: str) -> dict[str, NDArray[np.float32]]:
        """Return what this model said of each paragraph it was asked about, k probabilities by paragraph id."""
        wanted = select(scores.c.paragraph_id, scores.c.probabilities).where(scores.c.model == model)
        with reading(self.engine) as connection:
            return {row.paragraph_id: np.frombuffer(row.probabilities, "<f4") for row in connection.execute(wanted)}

    def keep_scores(self, model: str, found: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep what a model says of paragraphs, in place of what another one said."""
        rows = [
            {"paragraph_id": key, "model": model, "probabilities": values.astype("<f4").tobytes()}
            for key, values in found.items()
        ]
        with writing(self.engine) as connection:
            for start in range(0, len(rows), _IDS):
                part = rows[start : start + _IDS]
                connection.execute(
                    delete(scores).where(scores.c.paragraph_id.in_([row["paragraph_id"] for row in part]))
                )
                connection.execute(insert(scores), part)

    def history(self, paragraph_id: str = "", kind: str = "") -> tuple[Event, ...]:
        """Return everything that happened, oldest first, perhaps to one paragraph or of one kind only."""
        with reading(self.engine) as connection:
            return _history(connection, paragraph_id, kind)


def _add(connection: Connection, rows: list[LabelledParagraph], sources: Mapping[str, str]) -> int:
    at = now()
    values = [asdict(row) | {"source": sources.get(row.paragraph_id, ""), "added_at": at} for row in rows]
    return _insert_new(connection, values)


def _insert_new(connection: Connection, values: list[dict[str, str]]) -> int:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(paragraphs).on_conflict_do_nothing(index_elements=["paragraph_id"])
    before = set(connection.scalars(select(paragraphs.c.paragraph_id)))
    for start in range(0, len(values), _AT_ONCE):
        connection.execute(statement, values[start : start + _AT_ONCE])
    return len({value["paragraph_id"] for value in values} - before)


def _known(connection: Connection, token: str) -> bool:
    return bool(token) and connection.execute(select(events.c.event).where(events.c.token == token)).first() is not None


def _append(
    connection: Connection, kind: str, annotator: str, paragraph_id: str | None, *, at: str = "", **more: object
) -> int | None:
    token = str(more.pop("token", "")) or new_token()
    if _known(connection, token):
        return None
    row = dict.fromkeys(("codebook_version", "model", "suggested", "note"), "") | more
    row |= {"token": token, "kind": kind, "annotator": annotator, "paragraph_id": paragraph_id, "at": at or now()}
    key = connection.execute(insert(events).values(**row)).inserted_primary_key
    return int(key[0]) if key else None


def _save(connection: Connection, labels: Sequence[Label], around: Circumstances) -> int | None:
    first = _one_reading(labels)
    event = _append(
        connection,
        first.kind,
        first.annotator,
        first.paragraph_id,
        at=first.labelled_at,
        codebook_version=first.codebook_version,
        model=around.model,
        suggested=around.suggested,
        token=around.token,
    )
    if event is not None:
        connection.execute(insert(event_labels), [_event_label(event, label) for label in labels])
        _set_hand(connection, first.paragraph_id, first.annotator, done=DONE)
    return event


def _set_hand(connection: Connection, paragraph_id: str, annotator: str, **values: object) -> None:
    mine = and_(assignments.c.paragraph_id == paragraph_id, assignments.c.annotator == annotator)
    connection.execute(assignments.update().where(mine).values(**values))


def _one_reading(labels: Sequence[Label]) -> Label:
    if len({_reading_of(label) for label in labels}) != 1:
        raise ValueError("one label event holds the labels of one person, paragraph and moment")
    return labels[0]


def _reading_of(label: Label) -> Reading:
    return label.paragraph_id, label.kind, label.annotator, label.labelled_at, label.codebook_version


def _change_slots(connection: Connection, paragraph_id: str, by: int) -> None:
    mine = ranks.c.paragraph_id == paragraph_id
    connection.execute(ranks.update().where(mine).values(slots=ranks.c.slots + by))


def _event_label(event: int, label: Label) -> dict[str, object]:
    said = {name: getattr(label, name) for name in ("frame", "voice", "value", "sure", "note")}
    return {"event": event, **said}


def _standing(*kinds: str) -> Select[Any]:
    """Select the events of these kinds that nobody took back."""
    later = events.alias("later")
    undone = exists().where(later.c.undoes == events.c.event)
    return select(events).where(events.c.kind.in_(kinds), ~undone)


def _undoable(annotator: str) -> Select[Any]:
    mine = _standing(*KINDS, "skip", "comment").where(events.c.annotator == annotator)
    return mine.where(~events.c.token.startswith(_FROM_FILE)).order_by(events.c.event.desc()).limit(1)


def _bring(connection: Connection, labels: LabelSet, sources: Mapping[str, str]) -> ImportSummary:
    new = _add(connection, list(labels.paragraphs), sources)
    given = _grouped(labels.labels)
    tokens = {key: _file_token(group) for key, group in given.items()}
    stored = set(connection.scalars(select(events.c.token)))
    standing = _grouped(_labels(connection))
    wanted = [key for key, group in given.items() if tokens[key] not in stored and standing.get(key) != group]
    replaced = [key for key in wanted if key in standing]
    for key in replaced:
        _append(connection, "undo", key[2], key[0], undoes=_event_of(connection, key))
    _insert_readings(connection, {tokens[key]: given[key] for key in wanted})
    return ImportSummary(new, len(wanted), len(replaced), len(given) - len(wanted))


def _grouped(labels: Iterable[Label]) -> dict[Reading, list[Label]]:
    ordered = sorted(labels, key=lambda label: (_reading_of(label), label.frame))
    return {key: list(group) for key, group in groupby(ordered, key=_reading_of)}


def _insert_readings(connection: Connection, readings: dict[str, list[Label]]) -> None:
    """Insert many label events at once, by token."""
    rows = [
        dict.fromkeys(("model", "suggested", "note"), "")
        | {"token": token, "kind": group[0].kind, "annotator": group[0].annotator, "at": group[0].labelled_at}
        | {"paragraph_id": group[0].paragraph_id, "codebook_version": group[0].codebook_version}
        for token, group in readings.items()
    ]
    for start in range(0, len(rows), _IDS):
        part = rows[start : start + _IDS]
        connection.execute(insert(events), part)
        wanted = select(events.c.token, events.c.event).where(events.c.token.in_([row["token"] for row in part]))
        numbers = [(event, readings[token]) for token, event in connection.execute(wanted)]
        connection.execute(
            insert(event_labels), [_event_label(event, label) for event, group in numbers for label in group]
        )


def _file_token(group: Sequence[Label]) -> str:
    said = "\x1e".join("\x1f".join(astuple(label)) for label in group)
    return _FROM_FILE + hashlib.sha256(said.encode()).hexdigest()[:48]


def _event_of(connection: Connection, key: Reading) -> int:
    names = ("paragraph_id", "kind", "annotator", "at", "codebook_version")
    same = [events.c[name] == value for name, value in zip(names, key, strict=True)]
    found = connection.execute(_standing(key[1]).where(*same).order_by(events.c.event.desc())).first()
    if found is None:
        raise UserError("the database changed while it was read; try again")
    return int(found.event)


def _paragraphs(connection: Connection) -> tuple[LabelledParagraph, ...]:
    names = ("paragraph_id", "text", "language", "register", "document")
    rows = connection.execute(select(*(paragraphs.c[name] for name in names)).order_by(paragraphs.c.number))
    return tuple(LabelledParagraph(*row) for row in rows)


def _labels(connection: Connection) -> tuple[Label, ...]:
    standing = _standing(*KINDS).subquery()
    said = (event_labels.c.frame, event_labels.c.voice, event_labels.c.value, event_labels.c.sure, event_labels.c.note)
    joined = standing.join(event_labels, event_labels.c.event == standing.c.event)
    wanted = select(standing, *said).select_from(joined).order_by(standing.c.event, event_labels.c.frame)
    return tuple(_label(row, row, note=row[-1]) for row in connection.execute(wanted))


def _labels_of(connection: Connection, event: Row[Any]) -> tuple[Label, ...]:
    rows = connection.execute(
        select(event_labels).where(event_labels.c.event == event.event).order_by(event_labels.c.frame)
    )
    return tuple(_label(event, row, row.note) for row in rows)


def _label(event: Row[Any], claim: Row[Any], note: str) -> Label:
    return Label(
        paragraph_id=event.paragraph_id,
        frame=claim.frame,
        voice=claim.voice,
        value=claim.value,
        kind=event.kind,
        sure=claim.sure,
        annotator=event.annotator,
        labelled_at=event.at,
        codebook_version=event.codebook_version,
        note=note,
    )


def _history(connection: Connection, paragraph_id: str, kind: str) -> tuple[Event, ...]:
    wanted = select(events)
    if paragraph_id:
        wanted = wanted.where(events.c.paragraph_id == paragraph_id)
    if kind:
        wanted = wanted.where(events.c.kind == kind)
    chosen = wanted.subquery()
    rows = connection.execute(wanted.order_by(events.c.event)).all()
    undone = set(connection.scalars(select(events.c.undoes).where(events.c.undoes.in_(select(chosen.c.event)))))
    said: dict[int, list[Row[Any]]] = {}
    theirs = select(event_labels).join(chosen, chosen.c.event == event_labels.c.event)
    for row in connection.execute(theirs.order_by(event_labels.c.event, event_labels.c.frame)):
        said.setdefault(row.event, []).append(row)
    return tuple(
        _event(row, row.event in undone, tuple(_label(row, claim, claim.note) for claim in said.get(row.event, ())))
        for row in rows
    )


def _event(row: Row[Any], undone: bool, labels: tuple[Label, ...]) -> Event:
    return Event(
        event=row.event,
        kind=row.kind,
        annotator=row.annotator,
        at=row.at,
        paragraph_id=row.paragraph_id,
        codebook_version=row.codebook_version,
        model=row.model,
        suggested=row.suggested,
        note=row.note,
        undone=undone,
        labels=labels,
    )
