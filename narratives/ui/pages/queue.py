"""The Queue page: one paragraph at a time, labelled by keys; every step is stored before the next paragraph shows."""

from typing import Any

import streamlit as st

from narratives.annotation.queue import REASONS
from narratives.annotation.steps import Suggested, suggest
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.labels.importing import Moment, read_intake
from narratives.model.classifier import Classifier
from narratives.store.assignments import AssignmentQueue, Item
from narratives.store.events import Store, now
from narratives.ui.components.board import put_frames
from narratives.ui.components.headline import say_waiting
from narratives.ui.components.html import likelihood
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.board_session import BoardSession, show_database_error
from narratives.ui.session.jobs import RANKING, BackgroundProcess
from narratives.ui.session.uploads import keep_upload

_EMPTY = (
    "The queue is empty. Bring texts in and put them in order: below, or by narratives labels import and queue --rank."
)


def page(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if annotator():
        put_frames(codebook)
        _desk(classifier, codebook, store)
        _fill(codebook, store)
    else:
        ask_name()


@st.fragment
def _desk(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    """Show the next paragraph. A key's way is short: only this part of the page runs again."""
    session, queue = BoardSession.of("board"), AssignmentQueue(store)
    try:
        item, progress = queue.take(annotator()), queue.progress(annotator())
    except UserError as error:
        show_database_error(error)
        return
    say_waiting(progress.left)
    suggested = suggest(classifier, codebook, item.paragraph_id, item.text) if item else None
    session.suggested = {item.paragraph_id: suggested} if item and suggested else {}
    session.show(
        _shown(item, suggested) if item and suggested else None,
        _EMPTY,
        f"{progress.today} today · {progress.last_hour} in the last hour · {progress.left:,} left",
        lambda: BoardSession.of("board").take(store, codebook),
    )


@st.cache_resource(show_spinner=False)
def _ranking() -> BackgroundProcess:
    """Return the one ranking of this server, which all sessions see."""
    return BackgroundProcess(RANKING)


def _fill(codebook: Codebook, store: Store) -> None:
    """Bring new texts in, and put the queue in a new order."""
    ranking = _ranking()
    with st.expander("New texts, new order", expanded=ranking.running):
        if ranking.running:
            _watch(ranking)
            return
        st.text(ranking.complaint or (f"{ranking.number:,} paragraphs are in order" if ranking.number else ""))
        dropped = st.file_uploader("A table of texts to be labelled, a row a paragraph: CSV, TSV, JSONL, Parquet, XLSX")
        column = st.text_input("The column that holds the text, if it is not found by itself")
        with st.container(horizontal=True):
            if st.button("Bring in", disabled=dropped is None) and dropped is not None:
                st.text(_brought(dropped.name, dropped.getvalue(), column, codebook, store))
            st.button("Put the queue in order", on_click=ranking.start, help="By the model in force; takes a while.")


@st.fragment(run_every=0.5)
def _watch(ranking: BackgroundProcess) -> None:
    if not ranking.running:
        st.rerun()
    st.progress(ranking.share, f"Putting the queue in order: {ranking.step}")
    st.button("Stop", on_click=ranking.stop)


def _brought(name: str, data: bytes, column: str, codebook: Codebook, store: Store) -> str:
    """Bring an upload into the store and say what came of it, refused rows with line and reason."""
    path = keep_upload(name, data)
    try:
        intake = read_intake(path, Moment(annotator(), now(), codebook), text_column=column or None)
        said = store.import_labels(intake.labels, intake.sources).sentence()
    except UserError as error:
        return str(error).replace(f"{path.parent}/", "")
    refused = [f"line {row.line}: {row.reason}" for row in intake.refused[:20]]
    return "\n".join([said, *([f"{len(intake.refused)} rows were refused:", *refused] if refused else [])])


def _shown(item: Item, suggested: Suggested) -> dict[str, Any]:
    hints = [
        {"frame": one.frame, "voice": one.voice, "likely": likelihood(one.probability)} for one in suggested.frames
    ]
    why = REASONS.get(item.reason, item.reason)
    return {
        "paragraph_id": item.paragraph_id,
        "text": item.text,
        "source": item.source,
        "reason": f"{why}: {item.detail}" if item.detail else why,
        "suggested": hints if suggested.shown else [],
    }
