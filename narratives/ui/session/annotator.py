"""Finds out who the annotator is: signed in on a server, else asked once and remembered in a cookie."""

from urllib.parse import unquote

import streamlit as st

from narratives.errors import UserError
from narratives.ui.session import signin

COOKIE = "narratives-annotator"  # board.js sets it
_LONGEST = 60  # characters


def annotator() -> str:
    """Return the annotator's name, empty until it is known; where people sign in, their e-mail address."""
    if signin.is_wanted():
        return signin.signed_in()
    if "annotator" not in st.session_state:
        st.session_state["annotator"] = _checked_or_empty(unquote(st.context.cookies.get(COOKIE, "")))
    return str(st.session_state["annotator"])


def ask_name() -> None:
    """Ask for the name; the answer takes effect at once."""
    with st.form("who", border=False):
        st.text_input("Your name, as it will appear beside your labels", key="asked_name", max_chars=_LONGEST)
        st.form_submit_button("Start labelling", type="primary", on_click=_answered)
    complaint = st.session_state.get("name_complaint")
    if complaint:
        st.text(complaint)


def checked_name(name: str) -> str:
    """Return ``name`` without superfluous white space. Raises UserError if a label file cannot hold it."""
    clean = " ".join(name.split())
    if not clean:
        raise UserError("the name is empty; every label needs an annotator")
    if len(clean) > _LONGEST or not clean.isprintable():
        raise UserError(f"the name must have at most {_LONGEST} characters, all of them printable; correct it")
    return clean


def _answered() -> None:
    try:
        st.session_state["annotator"] = checked_name(st.session_state.get("asked_name", ""))
        st.session_state["name_complaint"] = ""
    except UserError as error:
        st.session_state["name_complaint"] = str(error)


def _checked_or_empty(name: str) -> str:
    try:
        return checked_name(name)
    except UserError:
        return ""
