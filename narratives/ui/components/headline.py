"""Owns the line top right: who is labelling, how many paragraphs wait for them, which model is in force."""

from collections.abc import Callable

import streamlit as st

from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import Store
from narratives.ui.session.annotator import annotator


def put_line(classifier: Classifier, open_labels: Callable[[], Store]) -> None:
    """Show the line. The label database is opened only for somebody who has a name."""
    st.session_state["headline"] = (
        st.empty(),
        f"model {classifier.name} · codebook {classifier.codebook.version or '–'}",
    )
    say_waiting(_waiting(open_labels) if annotator() else None)


def say_waiting(number: int | None) -> None:
    """Show how many paragraphs wait, None if that is not known; the Queue says it again after each step."""
    slot, model = st.session_state["headline"]
    waiting = "" if number is None else f"{number:,} wait in the queue"
    slot.text(" · ".join(filter(None, [annotator(), waiting, model])), width="content")


def _waiting(open_labels: Callable[[], Store]) -> int | None:
    try:
        store = open_labels()
        return _left(store.state(), annotator(), store)
    except UserError:
        return None  # the page itself says what is wrong with the database


# A label is an event and so a new state; that a queue was put in another order is none, hence the ten seconds.
@st.cache_data(show_spinner=False, ttl=10, max_entries=200, hash_funcs={Store: id})
def _left(state: int, name: str, store: Store) -> int:
    del state
    return AssignmentQueue(store).progress(name).left
