"""The Queue page: shows one paragraph at a time; each step is stored before the next paragraph is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from narratives.annotation.queue import REASONS
from narratives.annotation.roles import require
from narratives.annotation.steps import Suggested, suggest, with_imported
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.labels.interchange.importing import read_intake
from narratives.labels.interchange.intake import Columns, Intake, Moment
from narratives.model.classifier import Classifier
from narratives.store.assignments import AssignmentQueue, Item
from narratives.store.events import Store, imported_file, now
from narratives.ui.components.board import hints, put_frames
from narratives.ui.components.headline import show_waiting
from narratives.ui.components.html import counted
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.board_session import BoardSession, show_database_error
from narratives.ui.session.jobs import RANKING, BackgroundProcess
from narratives.ui.session.rights import guarded, show_refusal
from narratives.ui.session.uploads import keep_upload, without_folder

_EMPTY = (
    "The queue is empty. Import texts, then order the queue: below, or with narratives labels import and "
    "narratives queue --rank."
)
_REFUSED_SHOWN = 20  # refused rows of an import that are listed


def page(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if annotator():
        put_frames(codebook)
        _label(classifier, codebook, store)
        _import_and_order(codebook, store)
    else:
        ask_name()


@st.fragment
def _label(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    """Show the next paragraph. It is a fragment, so that a step does not run the rest of the page again."""
    session, queue = BoardSession.of("board"), AssignmentQueue(store)
    try:
        item, progress = queue.take(annotator()), queue.progress(annotator())
    except UserError as error:
        show_database_error(error)
        return
    show_waiting(progress.left)
    suggested = _suggested(item, classifier, codebook, store) if item else None
    session.around = {item.paragraph_id: suggested.around(item.reason)} if item and suggested else {}
    session.show(
        _shown(item, suggested) if item and suggested else None,
        _EMPTY,
        f"{progress.today} today · {progress.last_hour} in the last hour · {progress.left:,} left",
        lambda: BoardSession.of("board").take(store, codebook),
    )


@st.cache_resource(show_spinner=False)
def _ranking() -> BackgroundProcess:
    """Return the ranking process of this server, which all sessions share."""
    return BackgroundProcess(RANKING)


def _import_and_order(codebook: Codebook, store: Store) -> None:
    """Offer to import texts and to order the queue."""
    ranking = _ranking()
    with st.expander("Import texts, order the queue", expanded=ranking.running or bool(ranking.complaint)):
        if ranking.running:
            _watch(ranking, store)
            return
        if ranking.complaint or ranking.number:
            st.text(ranking.complaint or f"Ordered {counted(ranking.number or 0, 'paragraph')}.")
        show_refusal()
        dropped = st.file_uploader("Table of texts to label, one paragraph in each row: CSV, TSV, JSONL, Parquet, XLSX")
        column = st.text_input("Text column (leave empty to detect it)")
        with st.container(horizontal=True):
            for label, act in (("Preview", _preview), ("Import", _import)):
                if st.button(label, disabled=dropped is None) and dropped is not None:
                    st.text(_explained(act, keep_upload(dropped.name, dropped.getvalue()), column, codebook, store))
            order = (store, "texts", ranking.start)
            help_text = "Uses the present model; takes a while."
            st.button("Order the queue", on_click=guarded, args=order, help=help_text)


@st.fragment(run_every=0.5)
def _watch(ranking: BackgroundProcess, store: Store) -> None:
    if not ranking.running:
        st.rerun()
    st.progress(ranking.share, f"Ordering the queue: {ranking.step}")
    st.button("Stop", on_click=guarded, args=(store, "texts", ranking.stop))


def _explained(
    act: Callable[[Path, Intake, str, Store], str], path: Path, column: str, codebook: Codebook, store: Store
) -> str:
    """Return what ``act`` says of an upload, with line and reason of the refused rows, or why it cannot be read."""
    try:
        require(store, annotator(), "texts")
        at = now()
        intake = read_intake(path, Moment(annotator(), at, codebook), columns=Columns(text=column or None))
        said = act(path, intake, at, store)
    except UserError as error:
        return without_folder(str(error), path)
    refused = [f"Refused {counted(len(intake.refused), 'row')}:"] if intake.refused else []
    return "\n".join([said, *refused, *intake.refusals(_REFUSED_SHOWN)])


def _preview(path: Path, intake: Intake, at: str, store: Store) -> str:
    would = store.preview_import(intake.labels, imported_file(path, intake, annotator(), at))
    return f"{intake.findings()}\nAn import would store: {would.sentence()}"


def _import(path: Path, intake: Intake, at: str, store: Store) -> str:
    summary = store.import_labels(intake.labels, intake.sources, imported_file(path, intake, annotator(), at))
    withdraw = f"\nImport {summary.number}; it can be withdrawn on the Team page." if summary.number else ""
    return "\n".join([summary.sentence(), *intake.notes]) + withdraw


def _suggested(item: Item, classifier: Classifier, codebook: Codebook, store: Store) -> Suggested:
    """Return what the model suggests, and what models said in imported files."""
    own = suggest(classifier, codebook, item.paragraph_id, item.text, item.reason)
    return with_imported(own, store.suggestions(item.paragraph_id), codebook)


def _shown(item: Item, suggested: Suggested) -> dict[str, Any]:
    reason = REASONS.get(item.reason, item.reason)
    return {
        "paragraph_id": item.paragraph_id,
        "text": item.text,
        "source": item.source,
        "reason": f"{reason}: {item.detail}" if item.detail else reason,
        "suggested": hints(suggested.frames) if suggested.shown else [],
    }
