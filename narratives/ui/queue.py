"""The Queue page: one paragraph at a time, labelled by keys; every step is stored before the next paragraph shows."""

from typing import Any

import streamlit as st

from narratives.classifier import Classifier
from narratives.errors import UserError
from narratives.labelling import Step, Suggested, suggest, take_step
from narratives.queue import REASONS
from narratives.store import Desk, Item, Store
from narratives.ui.board import arrived, board, frames_of
from narratives.ui.people import annotator, ask_name
from narratives.ui.show import likelihood

_EMPTY = (
    "The queue is empty. Bring texts in: narratives labels import FILE. Put them in order: narratives queue --rank."
)


def page(classifier: Classifier, store: Store) -> None:
    """Show the page."""
    if annotator():
        _desk(classifier, store)
    else:
        ask_name()


@st.fragment
def _desk(classifier: Classifier, store: Store) -> None:
    """Show the paragraph at hand. A key's way is short: only this part of the page runs again."""
    st.session_state["at_desk"] = classifier, store
    try:
        data = _data(classifier, store, annotator())
    except UserError as error:
        st.error("The label database cannot be used.")
        st.text(str(error))
        return
    board(data, "board", _stepped)


def _stepped() -> None:
    """Store what the board sent; runs before anything is shown again."""
    given = arrived("board")
    if not given:
        return
    classifier, store = st.session_state["at_desk"]
    token = str(given.get("step", ""))
    try:
        step = Step.read(given, classifier.codebook)
        suggested = st.session_state["suggested"].get(step.paragraph_id)
        said = take_step(store, step, annotator(), classifier.codebook, suggested)
        st.session_state["answer"] = {"handled": token, "saved": said}
    except UserError as error:
        st.session_state["answer"] = {"refused": {"step": token, "sentence": str(error)}}


def _data(classifier: Classifier, store: Store, name: str) -> dict[str, Any]:
    desk = Desk(store)
    item, progress = desk.take(name), desk.progress(name)
    answer = st.session_state.get("answer", {})
    suggested = suggest(classifier, item.paragraph_id, item.text) if item else None
    st.session_state["suggested"] = {item.paragraph_id: suggested} if item else {}
    return {
        "annotator": name,
        "item": _shown(item, suggested, str(answer.get("handled", ""))) if item and suggested else None,
        "empty": _EMPTY,
        "frames": frames_of(classifier.codebook),
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
