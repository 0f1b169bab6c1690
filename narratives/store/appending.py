"""Appends paragraphs and events to a label database, inside a transaction that the caller opened."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, and_, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from narratives.labels.label_set import KINDS, Label, LabelledParagraph, reading_key
from narratives.store.rights import require_for_event
from narratives.store.schema import DONE, HELD, assignments, event_labels, events, paragraphs, ranks

ROWS_A_STATEMENT = 2000
IDS_A_STATEMENT = 500  # ids that one statement names, well below the database's limit on parameters
Item = TypeVar("Item")


@dataclass(frozen=True)
class Circumstances:
    """How a label came about.

    - ``model``, ``suggested``: the model that suggested, and what it suggested (JSON).
    - ``token``: of the step.
    - ``reason``: why the paragraph was shown; empty: for what the annotator was assigned it for, if they were.
    """

    model: str = ""
    suggested: str = ""
    token: str = ""
    reason: str = ""


def now() -> str:
    """Return the time in UTC, to the microsecond, in the form that labels carry."""
    return written(datetime.now(UTC))


def written(time: datetime) -> str:
    """Return a time, which has a time zone, in the form of ``now``."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_time(text: str) -> datetime:
    """Return the time that a label carries, in UTC where it names no zone. Raises ValueError if it is none."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def after(time: str, last: str) -> str:
    """Return ``time``, or the next one after ``last`` where a clock that was set back did not pass that yet."""
    if time > last:
        return time
    try:
        later = read_time(last) + timedelta(microseconds=1)
        # Times are compared as text, where 10:00:00.000001Z is before 10:00:00Z.
        return written(later) if written(later) > last else written(later + timedelta(seconds=1))
    except (ValueError, OverflowError):  # label files may have any text for a time
        return time


def new_token() -> str:
    """Return a new token for one step of one person. A step that arrives twice, as after a reload, is stored once."""
    return uuid.uuid4().hex


def slices(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield ``items`` in slices of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


def add_paragraphs(connection: Connection, rows: Sequence[LabelledParagraph], sources: Mapping[str, str]) -> int:
    """Add paragraphs and return how many were new. A paragraph with a known id stays as it is."""
    at = now()
    values = [asdict(row) | {"source": sources.get(row.paragraph_id, ""), "added_at": at} for row in rows]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(paragraphs).on_conflict_do_nothing(index_elements=["paragraph_id"])
    before = set(connection.scalars(select(paragraphs.c.paragraph_id)))
    for part in slices(values, ROWS_A_STATEMENT):
        connection.execute(statement, part)
    return len({row.paragraph_id for row in rows} - before)


def is_stored(connection: Connection, token: str) -> bool:
    """Whether an event with this token is stored already; false for an empty token."""
    return bool(token) and connection.execute(select(events.c.event).where(events.c.token == token)).first() is not None


def append_event(
    connection: Connection, kind: str, annotator: str, paragraph_id: str | None, *, at: str = "", **more: object
) -> int | None:
    """Append an event and return its number; None, and nothing appended, if its ``token`` is stored already.

    ``more`` are further columns of ``events``. The time is now, unless ``at`` is given. Raises UserError if the
    annotator may not do what the event records.
    """
    token = str(more.pop("token", "")) or new_token()
    if is_stored(connection, token):
        return None
    require_for_event(connection, kind, annotator)
    row = dict.fromkeys(("codebook_version", "model", "suggested", "note", "reason"), "") | more
    row |= {"token": token, "kind": kind, "annotator": annotator, "paragraph_id": paragraph_id, "at": at or now()}
    key = connection.execute(insert(events).values(**row)).inserted_primary_key
    return int(key[0]) if key else None


def append_labels(connection: Connection, labels: Sequence[Label], around: Circumstances) -> int | None:
    """Append one label event and mark the annotator's assignment as done; return as ``append_event`` does.

    Its time is that of the labels, or one after all that it is to replace or settle: what is stored last counts last.

    Raises ValueError if the labels are not all of one annotator, paragraph and time.
    """
    first = _only_reading(labels)
    event = append_event(
        connection,
        first.kind,
        first.annotator,
        first.paragraph_id,
        at=after(first.labelled_at, _last_time(connection, first)),
        codebook_version=first.codebook_version,
        model=around.model,
        suggested=around.suggested,
        token=around.token,
        reason=around.reason or _assigned_for(connection, first),
    )
    if event is not None:
        connection.execute(insert(event_labels), [label_columns(event, label) for label in labels])
        set_assignment(connection, first.paragraph_id, first.annotator, done=DONE)
    return event


def label_columns(event: int, label: Label) -> dict[str, object]:
    """Return the row of ``event_labels`` for a label of this event."""
    return {"event": event} | {name: getattr(label, name) for name in ("frame", "voice", "value", "sure", "note")}


def set_assignment(connection: Connection, paragraph_id: str, annotator: str, **values: object) -> None:
    """Change the annotator's assignment of this paragraph, if there is one."""
    own = and_(assignments.c.paragraph_id == paragraph_id, assignments.c.annotator == annotator)
    connection.execute(assignments.update().where(own).values(**values))


def last_assigned(connection: Connection, annotator: str) -> str:
    """Return the latest time at which a paragraph was assigned to the annotator; empty if none is."""
    times = select(assignments.c.at).where(assignments.c.annotator == annotator, assignments.c.done == HELD)
    return max(connection.scalars(times), default="")


def change_slots(connection: Connection, paragraph_id: str, by: int) -> None:
    """Change the number of annotators that the queue still wants for this paragraph."""
    row = ranks.c.paragraph_id == paragraph_id
    connection.execute(ranks.update().where(row).values(slots=ranks.c.slots + by))


def _last_time(connection: Connection, label: Label) -> str:
    """Return the latest time of what a label follows, and make other writers of its paragraph wait.

    It follows its annotator's labels and all decisions; a decision follows the labels of everybody.
    """
    paragraph = select(paragraphs.c.number).where(paragraphs.c.paragraph_id == label.paragraph_id)
    connection.execute(paragraph.with_for_update(key_share=True))  # SQLite has one writer at a time anyway
    times = select(events.c.at).where(events.c.paragraph_id == label.paragraph_id, events.c.kind.in_(KINDS))
    if label.kind != "decision":
        times = times.where(or_(events.c.annotator == label.annotator, events.c.kind == "decision"))
    return max(connection.scalars(times), default="")  # not in SQL, whose order of texts depends on the locale


def _assigned_for(connection: Connection, label: Label) -> str:
    """Return why the paragraph is assigned to the label's annotator, empty if it is not or they are done with it."""
    own = and_(assignments.c.paragraph_id == label.paragraph_id, assignments.c.annotator == label.annotator)
    return connection.scalar(select(assignments.c.reason).where(own, assignments.c.done == HELD)) or ""


def _only_reading(labels: Sequence[Label]) -> Label:
    if len({reading_key(label) for label in labels}) != 1:
        raise ValueError("one label event holds the labels of one annotator, paragraph and time")
    return labels[0]
