"""The Team page: shows the labels and roles of each annotator, and exports all labels."""

import tempfile
from pathlib import Path

import pandas as pd
import streamlit as st

from narratives.annotation.roles import ROLES, daily_counts, give_role, may, role_of, roles
from narratives.errors import UserError
from narratives.labels.interchange.exporting import write_labels_as
from narratives.store.events import Store
from narratives.ui.session.annotator import annotator, ask_name

_FILES = {
    "JSONL": ("jsonl", "labels.jsonl"),
    "workbook": ("xlsx", "labels.xlsx"),
    "Label Studio": ("label-studio", "labels.json"),
}


def page(store: Store) -> None:
    """Show the page."""
    name = annotator()
    if not name:
        ask_name()
        return
    st.text(st.session_state.pop("team_message", f"{name}: {role_of(store, name)}"))
    given = roles(store)
    rows = [(count.annotator, given.get(count.annotator, ""), count.day, count.labels) for count in daily_counts(store)]
    st.dataframe(pd.DataFrame(rows, columns=["annotator", "role", "day", "labels"]), hide_index=True)
    if may(store, name, "manage"):
        _assign_role(store, name, sorted({row[0] for row in rows} | {name}))
    _export(store)


def _assign_role(store: Store, by: str, known: list[str]) -> None:
    with st.form("role", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        person = st.selectbox("Person", known, accept_new_options=True, index=None)
        role = st.selectbox("Role", list(ROLES))
        if st.form_submit_button("Assign role") and person:
            try:
                give_role(store, by, person, role)
                st.session_state["team_message"] = f"{person}: {role}"
            except UserError as error:
                st.session_state["team_message"] = str(error)
            st.rerun()


def _export(store: Store) -> None:
    chosen = st.segmented_control("Export all labels", list(_FILES))
    if chosen:
        layout, name = _FILES[chosen]
        st.download_button(f"Download {name}", _exported(store.state(), store, layout, name), name)


@st.cache_data(show_spinner="Writing the labels", max_entries=3, hash_funcs={Store: id})
def _exported(state: int, store: Store, layout: str, name: str) -> bytes:
    del state  # only a key of the cache
    with tempfile.TemporaryDirectory(prefix="narratives-") as folder:
        path = Path(folder) / name
        write_labels_as(store.label_set().of_interest(unlabelled=False), path, layout)
        return path.read_bytes()
