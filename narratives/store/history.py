"""Reads the events of a label database: the labels in force, and everything that happened to a paragraph."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, select

from narratives.labels.interchange.intake import Suggestion
from narratives.labels.label_set import KINDS, Label, LabelledParagraph, ReadingKey
from narratives.store.schema import (
    event_labels,
    events,
    imported_events,
    imported_texts,
    imports,
    paragraphs,
    withdrawals,
)

FROM_FILE = "file:"  # begins the token of an event that came from a label file


@dataclass(frozen=True)
class Event:
    """Something somebody did.

    A label event has ``labels``, and ``reason`` says why the paragraph was shown (empty where nobody knows). ``undone``
    is true if an undo took the event back. ``uploader`` and ``file`` say who brought in an event that came with a file,
    and with which; both are empty for what was done here.
    """

    event: int
    kind: str
    annotator: str
    at: str
    paragraph_id: str | None
    codebook_version: str
    model: str
    suggested: str
    note: str
    reason: str
    undone: bool
    labels: tuple[Label, ...] = ()
    uploader: str = ""
    file: str = ""


def standing(*kinds: str) -> Select[Any]:
    """Select the events of these kinds that no undo has taken back."""
    later = events.alias("later")
    undone = exists().where(later.c.undoes == events.c.event)
    return select(events).where(events.c.kind.in_(kinds), ~undone)


def undoable(annotator: str) -> Select[Any]:
    """Select the last event that ``annotator`` may undo: a label, skip or comment made here, not in a label file."""
    # The file would bring the label back at the next import, so its annotator must correct the file.
    own = standing(*KINDS, "skip", "comment").where(events.c.annotator == annotator)
    return own.where(~events.c.token.startswith(FROM_FILE)).order_by(events.c.event.desc()).limit(1)


def all_paragraphs(connection: Connection) -> tuple[LabelledParagraph, ...]:
    """Return all paragraphs but those that were withdrawn, in the order in which they were added."""
    names = ("paragraph_id", "text", "language", "register", "document")
    stands = paragraphs.c.paragraph_id.not_in(withdrawn_texts())
    rows = connection.execute(
        select(*(paragraphs.c[name] for name in names)).where(stands).order_by(paragraphs.c.number)
    )
    return tuple(LabelledParagraph(*row) for row in rows)


def withdrawn_texts() -> Select[Any]:
    """Select the ids of paragraphs that only withdrawn imports brought in and that nobody has labelled since."""
    withdrawn, other = select(withdrawals.c["import"]), imported_texts.alias("other")
    brought = exists().where(other.c.paragraph_id == imported_texts.c.paragraph_id, other.c["import"].not_in(withdrawn))
    labels = standing(*KINDS).subquery()
    labelled = exists().where(labels.c.paragraph_id == imported_texts.c.paragraph_id)
    by_withdrawn = imported_texts.c["import"].in_(withdrawn)
    return select(imported_texts.c.paragraph_id).where(by_withdrawn, ~brought, ~labelled)


def labels_in_force(connection: Connection) -> tuple[Label, ...]:
    """Return the labels of all events that stand, oldest first."""
    stands = standing(*KINDS).subquery()
    columns = (event_labels.c.frame, event_labels.c.voice, event_labels.c.value, event_labels.c.sure)
    joined = stands.join(event_labels, event_labels.c.event == stands.c.event)
    # Both tables have a column "note". That of the label comes last and is read by position.
    query = select(stands, *columns, event_labels.c.note).select_from(joined)
    ordered = query.order_by(stands.c.event, event_labels.c.frame)
    return tuple(_label(row, row, note=row[-1]) for row in connection.execute(ordered))


def reasons_in_force(connection: Connection) -> dict[ReadingKey, str]:
    """Return why the paragraph was shown, for each label event that stands and of which that is known."""
    stands = standing(*KINDS).where(events.c.reason != "").order_by(events.c.event)
    return {
        ReadingKey(row.paragraph_id, row.kind, row.annotator, row.at, row.codebook_version): row.reason
        for row in connection.execute(stands)
    }


def suggestions_of(connection: Connection, paragraph_id: str) -> tuple[Suggestion, ...]:
    """Return what models said of a paragraph in imported files that stand: the last word of each, newest first."""
    of_paragraph = standing("suggestion").where(events.c.paragraph_id == paragraph_id)
    by_model: dict[str, Suggestion] = {}
    for row in connection.execute(of_paragraph.order_by(events.c.event.desc())):
        by_model.setdefault(row.model, Suggestion(row.paragraph_id, row.model, row.suggested))
    return tuple(by_model.values())


def labels_of(connection: Connection, event: Row[Any]) -> tuple[Label, ...]:
    """Return the labels of one event, by frame."""
    rows = connection.execute(
        select(event_labels).where(event_labels.c.event == event.event).order_by(event_labels.c.frame)
    )
    return tuple(_label(event, row, row.note) for row in rows)


def history(connection: Connection, paragraph_id: str, kind: str) -> tuple[Event, ...]:
    """Return all events, oldest first; where they are not empty, only those of this paragraph and of this kind."""
    query = select(events)
    if paragraph_id:
        query = query.where(events.c.paragraph_id == paragraph_id)
    if kind:
        query = query.where(events.c.kind == kind)
    chosen = query.subquery()
    rows = connection.execute(query.order_by(events.c.event)).all()
    undone = set(connection.scalars(select(events.c.undoes).where(events.c.undoes.in_(select(chosen.c.event)))))
    by_event: dict[int, list[Row[Any]]] = {}
    # One query for the labels of all events: a query for each would wait for the server as often as there are events.
    label_rows = select(event_labels).join(chosen, chosen.c.event == event_labels.c.event)
    for row in connection.execute(label_rows.order_by(event_labels.c.event, event_labels.c.frame)):
        by_event.setdefault(row.event, []).append(row)
    brought = _brought(connection, select(chosen.c.event))
    return tuple(
        as_event(
            row,
            row.event in undone,
            tuple(_label(row, label, label.note) for label in by_event.get(row.event, ())),
            *brought.get(row.event, ("", "")),
        )
        for row in rows
    )


def _brought(connection: Connection, chosen: Select[Any]) -> dict[int, tuple[str, str]]:
    """Return uploader and file of those of the chosen events that came with an import."""
    joined = imported_events.join(imports, imports.c.number == imported_events.c["import"])
    query = select(imported_events.c.event, imports.c.uploader, imports.c.file).select_from(joined)
    rows = connection.execute(query.where(imported_events.c.event.in_(chosen)))
    return {int(event): (str(uploader), str(file)) for event, uploader, file in rows}


def as_event(row: Row[Any], undone: bool, labels: tuple[Label, ...], uploader: str = "", file: str = "") -> Event:
    """Return a row of ``events`` as an Event."""
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
        reason=row.reason,
        undone=undone,
        labels=labels,
        uploader=uploader,
        file=file,
    )


def _label(event: Row[Any], row: Row[Any], note: str) -> Label:
    return Label(
        paragraph_id=event.paragraph_id,
        frame=row.frame,
        voice=row.voice,
        value=row.value,
        kind=event.kind,
        sure=row.sure,
        annotator=event.annotator,
        labelled_at=event.at,
        codebook_version=event.codebook_version,
        note=note,
    )
