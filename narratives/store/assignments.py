"""Owns what each annotator has in hand: the queue's order, who takes which paragraph, and how far the work is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, select, text, update

from narratives.labels.label_set import KINDS
from narratives.store.engine import reading, writing
from narratives.store.events import Store, now
from narratives.store.schema import HELD, SKIPPED, assignments, events, paragraphs, ranks


@dataclass(frozen=True)
class QueueEntry:
    """A place in the queue: the paragraph, why it is there, and how many annotators are wanted."""

    paragraph_id: str
    reason: str
    detail: str
    slots: int = 1


_HELD = timedelta(hours=24)  # a paragraph that somebody took and left goes back into the queue after this
_AT_ONCE = 2000


@dataclass(frozen=True)
class Item:
    """A paragraph in an annotator's hand, with where it came from and the reason why it is here."""

    paragraph_id: str
    text: str
    language: str
    source: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Progress:
    """How far an annotator and the queue are: labels done today and in the last hour, paragraphs left."""

    today: int
    last_hour: int
    left: int


class AssignmentQueue:
    """The queue of a store. Each method is one transaction; raises UserError as the store does."""

    def __init__(self, store: Store) -> None:
        self.store, self.engine = store, store.engine

    def order(self, ranking: Iterable[QueueEntry]) -> None:
        """Put this order in force in place of the one before; who has what in hand keeps it."""
        rows = [
            {"place": place, "paragraph_id": one.paragraph_id, "reason": one.reason, "detail": one.detail}
            | {"slots": one.slots}
            for place, one in enumerate(ranking)
        ]
        with writing(self.engine) as connection:
            connection.execute(delete(ranks))
            for start in range(0, len(rows), _AT_ONCE):
                connection.execute(insert(ranks), rows[start : start + _AT_ONCE])
            given = select(func.count()).where(_given()).scalar_subquery()
            connection.execute(update(ranks).values(slots=ranks.c.slots - given).where(exists().where(_given())))

    def take(self, annotator: str) -> Item | None:
        """Return the paragraph the annotator has in hand, else the next of the queue; None when nothing is left.

        A paragraph is given to as many annotators as it has slots, to each once, and never to one who labelled it.
        A row's slots are taken in one statement, so two annotators never get the same slot.
        """
        with reading(self.engine) as connection:
            held = _held(connection, annotator)
        if held is not None:
            return held
        with writing(self.engine) as connection:
            _take_back(connection)
            while (row := connection.execute(_open(annotator).limit(1)).first()) is not None:
                if _assign(connection, row, annotator):
                    return _item(row)
        return None

    def doubtful(self) -> list[QueueEntry]:
        """Return the labels that the last ranking doubted, worst first."""
        wanted = select(ranks).where(ranks.c.reason == "doubtful").order_by(ranks.c.place)
        with reading(self.engine) as connection:
            rows = connection.execute(wanted).all()
        return [QueueEntry(row.paragraph_id, row.reason, row.detail) for row in rows]

    def upcoming(self, annotator: str, number: int) -> list[Item]:
        """Return the next paragraphs for an annotator, nothing taken."""
        with reading(self.engine) as connection:
            held = _held(connection, annotator)
            rows = connection.execute(_open(annotator).limit(number)).all()
        return [*([held] if held else []), *map(_item, rows)][:number]

    def progress(self, annotator: str) -> Progress:
        """Return how far the work is."""
        today = datetime.now(UTC).date().isoformat()
        hour = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        with reading(self.engine) as connection:
            done, lately = (_count(connection, annotator, since) for since in (today, hour))
            return Progress(done, lately, _left(connection, annotator))


def _count(connection: Connection, annotator: str, since: str) -> int:
    later = events.alias("later")
    undone = exists().where(later.c.undoes == events.c.event)
    mine = and_(events.c.annotator == annotator, events.c.kind.in_(KINDS), events.c.at >= since, ~undone)
    return connection.scalar(select(func.count()).where(mine)) or 0


_SHOWN = (
    paragraphs.c.paragraph_id,
    paragraphs.c.text,
    paragraphs.c.language,
    paragraphs.c.source,
    ranks.c.reason,
    ranks.c.detail,
    ranks.c.slots,
)


def _item(row: Any) -> Item:
    return Item(row.paragraph_id, row.text, row.language, row.source, row.reason or "", row.detail or "")


def _held(connection: Connection, annotator: str) -> Item | None:
    """Return the paragraph taken last and not done: after an undo that is the one that was undone."""
    joined = assignments.join(paragraphs, paragraphs.c.paragraph_id == assignments.c.paragraph_id)
    joined = joined.outerjoin(ranks, ranks.c.paragraph_id == assignments.c.paragraph_id)
    mine = and_(assignments.c.annotator == annotator, assignments.c.done == HELD)
    wanted = select(*_SHOWN).select_from(joined).where(mine).order_by(assignments.c.at.desc()).limit(1)
    row = connection.execute(wanted).first()
    return None if row is None else _item(row)


def _given() -> Any:
    """Return the condition that an assignment is of a row of ``ranks`` and counts: it was not skipped."""
    return and_(assignments.c.paragraph_id == ranks.c.paragraph_id, assignments.c.done != SKIPPED)


def _mine(annotator: str) -> tuple[Any, Any]:
    """Return the conditions that a row of ``ranks`` was given to an annotator, and that they said something of it."""
    had = exists().where(assignments.c.paragraph_id == ranks.c.paragraph_id, assignments.c.annotator == annotator)
    said = exists().where(events.c.paragraph_id == ranks.c.paragraph_id, events.c.annotator == annotator)
    return had, said


def _open(annotator: str) -> Select[Any]:
    """Select what is open to an annotator, in the queue's order: a slot is free, and no word of theirs stands."""
    had, said = _mine(annotator)
    joined = ranks.join(paragraphs, paragraphs.c.paragraph_id == ranks.c.paragraph_id)
    wanted = select(*_SHOWN).select_from(joined).where(text("ranks.slots > 0"), ~had, ~said)
    return wanted.order_by(ranks.c.place)


def _left(connection: Connection, annotator: str) -> int:
    """Count what is open to an annotator, without a look at every open row."""
    is_open = text("ranks.slots > 0")
    had = select(assignments.c.paragraph_id).where(assignments.c.annotator == annotator)
    mine = had.union(select(events.c.paragraph_id).where(events.c.annotator == annotator)).subquery()
    touched = select(func.count()).select_from(ranks.join(mine, mine.c.paragraph_id == ranks.c.paragraph_id))
    everything = connection.scalar(select(func.count()).select_from(ranks).where(is_open)) or 0
    return everything - (connection.scalar(touched.where(is_open)) or 0)


def _assign(connection: Connection, wanted: Any, annotator: str) -> bool:
    """Give a slot of the wanted row to the annotator; False if another was quicker."""
    still = and_(ranks.c.paragraph_id == wanted.paragraph_id, ranks.c.slots > 0)
    if not connection.execute(update(ranks).where(still).values(slots=ranks.c.slots - 1)).rowcount:
        return False
    same = assignments.c.paragraph_id == wanted.paragraph_id
    slot = connection.scalar(select(func.coalesce(func.max(assignments.c.slot) + 1, 0)).where(same))
    values = {"paragraph_id": wanted.paragraph_id, "slot": slot, "annotator": annotator, "at": now(), "done": HELD}
    connection.execute(insert(assignments).values(**values))
    return True


def _take_back(connection: Connection) -> None:
    """Put paragraphs that somebody took long ago and left back into the queue."""
    long_ago = (datetime.now(UTC) - _HELD).isoformat(timespec="microseconds").replace("+00:00", "Z")
    stale = and_(assignments.c.done == HELD, assignments.c.at < long_ago)
    left = list(connection.scalars(select(assignments.c.paragraph_id).where(stale)))
    for paragraph in left:
        connection.execute(update(ranks).where(ranks.c.paragraph_id == paragraph).values(slots=ranks.c.slots + 1))
    connection.execute(delete(assignments).where(stale))
