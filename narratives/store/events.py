"""Stores what people did to paragraphs as events that are only ever added: labels, undos, skips, comments."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select

from narratives.labels.interchange.intake import Suggestion
from narratives.labels.label_set import KINDS, Label, LabelledParagraph, LabelSet
from narratives.store.appending import (
    Circumstances,
    add_paragraphs,
    after,
    append_event,
    append_labels,
    change_slots,
    is_stored,
    last_assigned,
    new_token,
    now,
    set_assignment,
)
from narratives.store.engine import open_engine, reading, writing
from narratives.store.history import (
    FROM_FILE,
    Event,
    all_paragraphs,
    as_event,
    history,
    labels_in_force,
    labels_of,
    reasons_in_force,
    standing,
    suggestions_of,
    undoable,
)
from narratives.store.importing import ImportedFile, ImportSummary, import_label_set, imported_file, plan_import
from narratives.store.rights import refusal, require_for_event, roles_in_force
from narratives.store.schema import HELD, SKIPPED, events
from narratives.store.scores import replace_scores, scores_of
from narratives.store.withdrawal import StoredImport, Withdrawal, stored_imports, withdraw_import

__all__ = [
    "Circumstances",
    "Event",
    "ImportSummary",
    "ImportedFile",
    "Store",
    "StoredImport",
    "Withdrawal",
    "imported_file",
    "new_token",
    "now",
]
_UNKNOWN = Circumstances()


class Store:
    """A label database. Each method is one transaction; when it returns, what it stored is on the disk.

    Every method raises UserError if the database cannot be reached or written.
    """

    def __init__(self, address: str) -> None:
        self.engine: Engine = open_engine(address)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def add(self, rows: Iterable[LabelledParagraph]) -> int:
        """Add paragraphs and return how many were new. A paragraph that is known stays as it is."""
        with writing(self.engine) as connection:
            return add_paragraphs(connection, list(rows), {})

    def save(self, labels: Sequence[Label], around: Circumstances = _UNKNOWN) -> bool:
        """Store one label event: ``labels`` of one annotator, paragraph and time.

        Returns False, and changes nothing, if a step with this token was stored before.
        """
        with writing(self.engine) as connection:
            return append_labels(connection, labels, around) is not None

    def note(self, kind: str, annotator: str, paragraph_id: str | None, note: str = "", token: str = "") -> bool:
        """Store an event without labels (skip, release, role, codebook); False if its token was stored before.

        A paragraph that the annotator skips goes back into the queue for others.
        """
        with writing(self.engine) as connection:
            stored = append_event(connection, kind, annotator, paragraph_id, note=note, token=token) is not None
            if stored and kind == "skip" and paragraph_id is not None:
                set_assignment(connection, paragraph_id, annotator, done=SKIPPED)
                change_slots(connection, paragraph_id, 1)
            return stored

    def last_note(self, kind: str) -> str:
        """Return the note of the last event of a kind; empty if there is no such event."""
        query = select(events.c.note).where(events.c.kind == kind).order_by(events.c.event.desc()).limit(1)
        with reading(self.engine) as connection:
            return connection.scalar(query) or ""

    def undo(self, annotator: str, token: str = "") -> Event | None:
        """Undo the annotator's last label, comment or skip and return it; None if there is nothing to undo.

        Labels that came from files are not undone. The paragraph is assigned to the annotator again. Raises UserError
        for a decision of somebody who may no longer decide.
        """
        with writing(self.engine) as connection:
            if is_stored(connection, token):
                return None
            last = connection.execute(undoable(annotator)).first()
            if last is None:
                return None
            require_for_event(connection, last.kind, annotator)
            append_event(connection, "undo", annotator, last.paragraph_id, undoes=last.event, token=token)
            assigned = after(now(), last_assigned(connection, annotator))  # the undone paragraph is shown next
            set_assignment(connection, last.paragraph_id, annotator, done=HELD, at=assigned)
            if last.kind == "skip":
                change_slots(connection, last.paragraph_id, -1)
            return as_event(last, True, labels_of(connection, last))

    def undo_all(self, annotator: str, tokens: str) -> int:
        """Undo all labels of ``annotator`` whose token begins with ``tokens``; return how many there were."""
        with writing(self.engine) as connection:
            query = standing(*KINDS).where(events.c.annotator == annotator, events.c.token.startswith(tokens))
            rows = connection.execute(query).all()
            for row in rows:
                require_for_event(connection, row.kind, annotator)
                append_event(connection, "undo", annotator, row.paragraph_id, undoes=row.event)
            return len(rows)

    def roles(self) -> dict[str, str]:
        """Return the last role given to each person, by name."""
        with reading(self.engine) as connection:
            return roles_in_force(connection)

    def refusal(self, name: str, act: str) -> str:
        """Return why a person may not do an act (a key of ``rights.ACTS``), by the roles of now; empty if they may."""
        with reading(self.engine) as connection:
            return refusal(connection, name, act)

    def import_labels(
        self,
        labels: LabelSet,
        sources: Mapping[str, str] = MappingProxyType({}),
        file: ImportedFile | None = None,
    ) -> ImportSummary:
        """Import a label set. Known readings change nothing; a reading that a file changed replaces the older one.

        A reading that was undone in the app stays undone until the file changes it.

        - ``sources``: where a paragraph came from, by paragraph id.
        - ``file``: the file that somebody brings in; without one, the import has no number and cannot be withdrawn.

        Who may not import labels brings in texts alone. Raises UserError if a label of ``file`` is dated in the future.
        """
        with writing(self.engine) as connection:
            return import_label_set(connection, labels, sources, file)

    def preview_import(self, labels: LabelSet, file: ImportedFile) -> ImportSummary:
        """Return what ``import_labels`` would do, without doing it."""
        with reading(self.engine) as connection:
            return plan_import(connection, labels, file).summary()

    def imports(self) -> tuple[StoredImport, ...]:
        """Return the imports of files, oldest first."""
        with reading(self.engine) as connection:
            return stored_imports(connection)

    def withdraw(self, number: int, by: str, by_operator: bool = False) -> Withdrawal:
        """Take back an import as a whole, with what only it brought in; what it replaced counts again.

        Nothing is deleted. ``by_operator`` says that it is done in a terminal of the server, which needs no role.
        Raises UserError if there is no such import, it was withdrawn before, or it is somebody else's and ``by`` is no
        lead.
        """
        with writing(self.engine) as connection:
            return withdraw_import(connection, number, by, by_operator)

    def label_set(self) -> LabelSet:
        """Return all paragraphs, the labels that nobody has undone, and why their paragraphs were shown."""
        with reading(self.engine) as connection:
            return LabelSet(all_paragraphs(connection), labels_in_force(connection), reasons_in_force(connection))

    def state(self) -> int:
        """Return the number of the last event: what was computed at the same number is still valid."""
        with reading(self.engine) as connection:
            return connection.scalar(select(func.max(events.c.event))) or 0

    def labelled_here(self) -> set[str]:
        """Return the ids of paragraphs that somebody labelled in the app, not those labelled in files alone."""
        here = standing(*KINDS).where(~events.c.token.startswith(FROM_FILE)).subquery()
        with reading(self.engine) as connection:
            return set(connection.scalars(select(here.c.paragraph_id)))

    def suggestions(self, paragraph_id: str) -> tuple[Suggestion, ...]:
        """Return what models said of a paragraph in imported files: the last word of each, newest first."""
        with reading(self.engine) as connection:
            return suggestions_of(connection, paragraph_id)

    def scores(self, model: str) -> dict[str, NDArray[np.float32]]:
        """Return the k probabilities that ``model`` gave each paragraph it scored, by paragraph id."""
        with reading(self.engine) as connection:
            return scores_of(connection, model)

    def keep_scores(self, model: str, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
        """Store the probabilities that a model gave, in place of those of another model."""
        with writing(self.engine) as connection:
            replace_scores(connection, model, probabilities)

    def history(self, paragraph_id: str = "", kind: str = "") -> tuple[Event, ...]:
        """Return all events, oldest first; with ``paragraph_id`` or ``kind``, only those of this paragraph or kind."""
        with reading(self.engine) as connection:
            return history(connection, paragraph_id, kind)
