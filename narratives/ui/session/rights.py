"""Checks the rights of whoever acts at the moment they act: what a page shows may be older than the roles."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from narratives.annotation.roles import may, require
from narratives.errors import UserError
from narratives.store.events import Store
from narratives.ui.session.annotator import annotator

_REFUSED = "refused_act"


def may_now(store: Store, act: str) -> bool:
    """Return whether the annotator may do an act, by the roles of now."""
    return may(store, annotator(), act)


def guarded(store: Store, act: str, action: Callable[..., object], *arguments: Any) -> None:
    """Run ``action`` if the annotator may do ``act`` now; ``show_refusal`` says why not, or why it failed."""
    try:
        require(store, annotator(), act)
        action(*arguments)
    except UserError as error:
        st.session_state[_REFUSED] = str(error)


def show_refusal() -> None:
    """Show why the last action was refused, once."""
    if why := st.session_state.pop(_REFUSED, ""):
        st.text(why)


def is_open(store: Store, act: str) -> bool:
    """Return whether a page that needs a right may be shown; show the reason in its place if not."""
    try:
        require(store, annotator(), act)
    except UserError as error:
        st.text(str(error))
        return False
    return True
