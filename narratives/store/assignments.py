"""Assigns paragraphs to annotators in the order of the queue, and counts how far the labelling is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, exists, func, insert, select, text, update

from narratives.labels.label_set import KINDS
from narratives.store.appending import ROWS_A_STATEMENT, change_slots, slices
from narratives.store.engine import reading, writing
from narratives.store.events import Store, now
from narratives.store.history import standing
from narratives.store.importing import WITHDRAW
from narratives.store.schema import HELD, SKIPPED, assignments, events, paragraphs, ranks


@dataclass(frozen=True)
class QueueEntry:
    """A paragraph in the queue, why it is in it, and how many annotators should label it."""

    paragraph_id: str
    reason: str
    detail: str
    slots: int = 1


_EXPIRES = timedelta(hours=24)  # an assigned paragraph that is not labelled by then goes back into the queue


@dataclass(frozen=True)
class Item:
    """A paragraph that is shown to an annotator, with its source and the reason why the queue chose it for them."""

    paragraph_id: str
    text: str
    language: str
    source: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Progress:
    """The annotator's label events of today and of the last hour, and the paragraphs left in the queue for them."""

    today: int
    last_hour: int
    left: int


class AssignmentQueue:
    """The queue of a store. Each method raises UserError if the database cannot be reached or written."""

    def __init__(self, store: Store) -> None:
        self.store, self.engine = store, store.engine

    def order(self, ranking: Iterable[QueueEntry]) -> None:
        """Replace the order of the queue; assignments stay, and each takes up a slot of the new order."""
        rows = [
            {"place": rank, "paragraph_id": entry.paragraph_id, "reason": entry.reason, "detail": entry.detail}
            | {"slots": entry.slots}
            for rank, entry in enumerate(ranking)
        ]
        with writing(self.engine) as connection:
            connection.execute(delete(ranks))
            for part in slices(rows, ROWS_A_STATEMENT):
                connection.execute(insert(ranks), part)
            assigned = select(func.count()).where(_takes_slot()).scalar_subquery()
            connection.execute(
                update(ranks).values(slots=ranks.c.slots - assigned).where(exists().where(_takes_slot()))
            )

    def take(self, annotator: str) -> Item | None:
        """Return the annotator's assigned paragraph, else assign the next of the queue; None when nothing is left.

        A paragraph is assigned to as many annotators as it has slots, once to each, and never to one who labelled it.
        """
        with reading(self.engine) as connection:  # most calls end here, and a reader waits for no writer
            held = _held(connection, annotator)
        if held is not None:
            return held
        with writing(self.engine) as connection:
            _return_expired(connection)
            while (row := connection.execute(_available(annotator).limit(1)).first()) is not None:
                if _assign(connection, row, annotator):
                    return _item(row)
        return None

    def doubtful(self) -> list[QueueEntry]:
        """Return the paragraphs whose labels the last ranking doubted, the most doubtful first."""
        query = select(ranks).where(ranks.c.reason == "doubtful").order_by(ranks.c.place)
        with reading(self.engine) as connection:
            rows = connection.execute(query).all()
        return [QueueEntry(row.paragraph_id, row.reason, row.detail) for row in rows]

    def upcoming(self, annotator: str, number: int) -> list[Item]:
        """Return the next paragraphs for an annotator without assigning them."""
        with reading(self.engine) as connection:
            held = _held(connection, annotator)
            rows = connection.execute(_available(annotator).limit(number)).all()
        return [*([held] if held else []), *map(_item, rows)][:number]

    def progress(self, annotator: str) -> Progress:
        """Return how far the annotator is, and how much is left for them."""
        today = datetime.now(UTC).date().isoformat()
        with reading(self.engine) as connection:
            done, lately = (_count(connection, annotator, since) for since in (today, _ago(timedelta(hours=1))))
            return Progress(done, lately, _left(connection, annotator))


def _ago(time: timedelta) -> str:
    # Times are compared as text in the database, so this one must have the form of the stored ones.
    return (datetime.now(UTC) - time).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _count(connection: Connection, annotator: str, since: str) -> int:
    own = standing(*KINDS).where(events.c.annotator == annotator, events.c.at >= since).subquery()
    return connection.scalar(select(func.count()).select_from(own)) or 0


_SHOWN = (
    paragraphs.c.paragraph_id,
    paragraphs.c.text,
    paragraphs.c.language,
    paragraphs.c.source,
    ranks.c.detail,
)
_FREE = text("ranks.slots > 0")  # as the partial index has it: a bound parameter would not use that index


def _item(row: Any) -> Item:
    return Item(row.paragraph_id, row.text, row.language, row.source, row.reason, row.detail or "")


def _held(connection: Connection, annotator: str) -> Item | None:
    """Return the paragraph that was assigned last and is not done; after an undo, that is the undone one."""
    joined = assignments.join(paragraphs, paragraphs.c.paragraph_id == assignments.c.paragraph_id)
    # A later ranking may have another reason, whose detail would not explain why this paragraph was assigned.
    same = and_(ranks.c.paragraph_id == assignments.c.paragraph_id, ranks.c.reason == assignments.c.reason)
    joined = joined.outerjoin(ranks, same)
    own = and_(assignments.c.annotator == annotator, assignments.c.done == HELD)
    query = select(*_SHOWN, assignments.c.reason).select_from(joined).where(own)
    row = connection.execute(query.order_by(assignments.c.at.desc()).limit(1)).first()
    return None if row is None else _item(row)


def _takes_slot() -> Any:
    """Return the condition that an assignment takes up a slot of a row of ``ranks``; a skipped one does not."""
    return and_(assignments.c.paragraph_id == ranks.c.paragraph_id, assignments.c.done != SKIPPED)


def _available(annotator: str) -> Select[Any]:
    """Select, in the queue's order, the paragraphs with a free slot that the annotator never had and never labelled."""
    assigned = exists().where(assignments.c.paragraph_id == ranks.c.paragraph_id, assignments.c.annotator == annotator)
    own = _steps_of(annotator)
    labelled = own.where(events.c.paragraph_id == ranks.c.paragraph_id).exists()
    joined = ranks.join(paragraphs, paragraphs.c.paragraph_id == ranks.c.paragraph_id)
    free = select(*_SHOWN, ranks.c.reason).select_from(joined).where(_FREE, ~assigned, ~labelled)
    return free.order_by(ranks.c.place)


def _steps_of(annotator: str) -> Select[Any]:
    """Select the paragraphs of the annotator's own steps, but for withdrawn labels, which leave a paragraph unlabelled.

    An undo is no step of its own: what it takes back is, and that may be the label of somebody else.
    """
    later = events.alias("later")
    withdrawn = exists().where(later.c.undoes == events.c.event, later.c.kind == WITHDRAW)
    own = and_(events.c.annotator == annotator, events.c.kind.not_in((WITHDRAW, "undo")))
    return select(events.c.paragraph_id).where(own, ~withdrawn)


def _left(connection: Connection, annotator: str) -> int:
    """Count what ``_available`` selects."""
    # All free rows less the annotator's own: that reads two indexes, where counting _available would test every row.
    assigned = select(assignments.c.paragraph_id).where(assignments.c.annotator == annotator)
    own = assigned.union(_steps_of(annotator)).subquery()
    own_free = select(func.count()).select_from(ranks.join(own, own.c.paragraph_id == ranks.c.paragraph_id))
    free = connection.scalar(select(func.count()).select_from(ranks).where(_FREE)) or 0
    return free - (connection.scalar(own_free.where(_FREE)) or 0)


def _assign(connection: Connection, entry: Any, annotator: str) -> bool:
    """Assign a slot of the entry to the annotator; False if another annotator took the last one meanwhile."""
    # One statement tests the slots and takes one, so two annotators never get the same slot.
    is_free = and_(ranks.c.paragraph_id == entry.paragraph_id, ranks.c.slots > 0)
    if not connection.execute(update(ranks).where(is_free).values(slots=ranks.c.slots - 1)).rowcount:
        return False
    same = assignments.c.paragraph_id == entry.paragraph_id
    slot = connection.scalar(select(func.coalesce(func.max(assignments.c.slot) + 1, 0)).where(same))
    values = {"paragraph_id": entry.paragraph_id, "slot": slot, "annotator": annotator, "at": now(), "done": HELD}
    connection.execute(insert(assignments).values(**values, reason=entry.reason))
    return True


def _return_expired(connection: Connection) -> None:
    """Return paragraphs that were assigned long ago and never labelled to the queue."""
    expired = and_(assignments.c.done == HELD, assignments.c.at < _ago(_EXPIRES))
    for paragraph_id in list(connection.scalars(select(assignments.c.paragraph_id).where(expired))):
        change_slots(connection, paragraph_id, 1)
    connection.execute(delete(assignments).where(expired))
