"""Owns what each annotator has in hand: the queue's order, who takes which paragraph, and how far the work is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, select
from sqlalchemy.exc import IntegrityError

from narratives.labels import KINDS
from narratives.store.engine import reading, writing
from narratives.store.record import HELD, SKIPPED, Store, now
from narratives.store.schema import assignments, events, paragraphs, ranks

_HELD = timedelta(hours=24)  # a paragraph that somebody took and left goes back into the queue after this
_AT_ONCE = 2000


@dataclass(frozen=True)
class Ranked:
    """A place in the queue: the paragraph, why it is there, and how many annotators are wanted."""

    paragraph_id: str
    reason: str
    detail: str
    slots: int = 1


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


class Desk:
    """The queue of a store. Each method is one transaction; raises UserError as the store does."""

    def __init__(self, store: Store) -> None:
        self.store, self.engine = store, store.engine

    def order(self, ranking: Iterable[Ranked]) -> None:
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

    def take(self, annotator: str) -> Item | None:
        """Return the paragraph the annotator has in hand, else the next of the queue; None when nothing is left.

        A paragraph is given to as many annotators as it has slots, to each once, and never to one who labelled it.
        """
        with reading(self.engine) as connection:
            held = _held(connection, annotator)
        if held is not None:
            return held
        with writing(self.engine) as connection:
            _take_back(connection)
            while (row := _next(connection, annotator)) is not None:
                if _assign(connection, row, annotator):
                    return _item(row)
        return None

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
            left = connection.scalar(select(func.count()).select_from(_open(annotator).subquery())) or 0
        return Progress(done, lately, left)


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


def _open(annotator: str) -> Select[Any]:
    """Select what is open to an annotator, in the queue's order: a slot is free, and no word of theirs stands."""
    same = and_(assignments.c.paragraph_id == ranks.c.paragraph_id, assignments.c.done != SKIPPED)
    taken = select(func.count()).where(same).scalar_subquery()
    mine = exists().where(assignments.c.paragraph_id == ranks.c.paragraph_id, assignments.c.annotator == annotator)
    said = exists().where(events.c.paragraph_id == ranks.c.paragraph_id, events.c.annotator == annotator)
    joined = ranks.join(paragraphs, paragraphs.c.paragraph_id == ranks.c.paragraph_id)
    return select(*_SHOWN).select_from(joined).where(taken < ranks.c.slots, ~mine, ~said).order_by(ranks.c.place)


def _next(connection: Connection, annotator: str) -> Any | None:
    return connection.execute(_open(annotator).limit(1)).first()


def _assign(connection: Connection, wanted: Any, annotator: str) -> bool:
    """Give the wanted row's lowest free slot to the annotator; False if another was quicker."""
    same = assignments.c.paragraph_id == wanted.paragraph_id
    rows = connection.execute(select(assignments.c.slot, assignments.c.done).where(same))
    used = {row.slot: row.done for row in rows}
    if sum(done != SKIPPED for done in used.values()) >= wanted.slots:
        return False
    slot = next(number for number in range(len(used) + 1) if number not in used)
    values = {"paragraph_id": wanted.paragraph_id, "slot": slot, "annotator": annotator, "at": now(), "done": HELD}
    try:
        with connection.begin_nested():
            connection.execute(insert(assignments).values(**values))
    except IntegrityError:
        return False
    return True


def _take_back(connection: Connection) -> None:
    """Put paragraphs that somebody took long ago and left back into the queue."""
    long_ago = (datetime.now(UTC) - _HELD).isoformat(timespec="microseconds").replace("+00:00", "Z")
    connection.execute(delete(assignments).where(assignments.c.done == HELD, assignments.c.at < long_ago))
