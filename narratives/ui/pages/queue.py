"""The Queue page: one paragraph at a time, labelled by keys; every step is stored before the next paragraph shows."""

from typing import Any

import streamlit as st

from narratives.annotation.queue import REASONS
from narratives.annotation.steps import Step, Suggested, suggest, take_step
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.labels.importing import Moment, read_intake
from narratives.model.classifier import Classifier
from narratives.store.assignments import AssignmentQueue, Item
from narratives.store.events import Store, now
from narratives.ui.components.board import arrived, board, put_frames
from narratives.ui.components.headline import say_waiting
from narratives.ui.components.html import likelihood
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.jobs import RANKING, BackgroundProcess
from narratives.ui.session.scoring_job import keep_upload

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
    """Show the paragraph at hand. A key's way is short: only this part of the page runs again."""
    st.session_state["at_desk"] = codebook, store
    try:
        data = _data(classifier, codebook, store, annotator())
    except UserError as error:
        st.error("The label database cannot be used.")
        st.text(str(error))
        return
    board(data, "board", _stepped)


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


def _stepped() -> None:
    """Store what the board sent; runs before anything is shown again."""
    given = arrived("board")
    if not given:
        return
    codebook, store = st.session_state["at_desk"]
    token = str(given.get("step", ""))
    try:
        step = Step.read(given, codebook)
        suggested = st.session_state["suggested"].get(step.paragraph_id)
        said = take_step(store, step, annotator(), codebook, suggested)
        st.session_state["answer"] = {"handled": token, "saved": said}
    except UserError as error:
        st.session_state["answer"] = {"refused": {"step": token, "sentence": str(error)}}


def _data(classifier: Classifier, codebook: Codebook, store: Store, name: str) -> dict[str, Any]:
    desk = AssignmentQueue(store)
    item, progress = desk.take(name), desk.progress(name)
    say_waiting(progress.left)
    answer = st.session_state.get("answer", {})
    suggested = suggest(classifier, codebook, item.paragraph_id, item.text) if item else None
    st.session_state["suggested"] = {item.paragraph_id: suggested} if item else {}
    return {
        "annotator": name,
        "item": _shown(item, suggested, str(answer.get("handled", ""))) if item and suggested else None,
        "empty": _EMPTY,
        "handled": answer.get("handled"),
        "refused": answer.get("refused"),
        "progress": {
            "saved": answer.get("saved", ""),
            "done": f"{progress.today} today · {progress.last_hour} in the last hour · {progress.left:,} left",
        },
    }


def _shown(item: Item, suggested: Suggested, handled: str) -> dict[str, Any]:
    hints = [
        {"frame": one.frame, "voice": one.voice, "likely": likelihood(one.probability)} for one in suggested.frames
    ]
    why = REASONS.get(item.reason, item.reason)
    return {
        "shown": f"{item.paragraph_id} {handled}",  # a new showing after each step, also of the same paragraph
        "paragraph_id": item.paragraph_id,
        "text": item.text,
        "source": item.source,
        "reason": f"{why}: {item.detail}" if item.detail else why,
        "suggested": hints if suggested.shown else [],
    }
