"""Shows the line at the top right: the annotator, the paragraphs waiting for them, the model in use."""

from collections.abc import Callable

import streamlit as st

from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import Store
from narratives.ui.session.annotator import annotator


def put_line(classifier: Classifier, open_labels: Callable[[], Store]) -> None:
    """Show the line. The label database is opened only once the annotator's name is known."""
    st.session_state["headline"] = (
        st.empty(),
        f"model {classifier.name} · codebook {classifier.codebook.version or '–'}",
    )
    show_waiting(_waiting(open_labels) if annotator() else None)


def show_waiting(number: int | None) -> None:
    """Show how many paragraphs are waiting, None if unknown; the Queue calls it again after each step."""
    slot, model = st.session_state["headline"]
    waiting = "" if number is None else f"{number:,} waiting in the queue"
    slot.text(" · ".join(filter(None, [annotator(), waiting, model])), width="content")


def _waiting(open_labels: Callable[[], Store]) -> int | None:
    try:
        store = open_labels()
        return _left(store.state(), annotator(), store)
    except UserError:
        return None  # the page says what is wrong with the database


# Every label changes the store's state and so the cache's key; a new order of the queue does not, so entries expire.
@st.cache_data(show_spinner=False, ttl=10, max_entries=200, hash_funcs={Store: id})
def _left(state: int, name: str, store: Store) -> int:
    del state
    return AssignmentQueue(store).progress(name).left
