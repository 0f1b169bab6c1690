"""The Team page: shows the labels and roles of each annotator, withdraws imports, and exports all labels."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import streamlit as st

from narratives.annotation.roles import ROLES, daily_counts, give_role, may, role_of, roles
from narratives.errors import UserError
from narratives.labels.interchange.exporting import write_labels_as
from narratives.labels.label_set import LabelSet
from narratives.store.events import Store
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.rights import may_now

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
    if may_now(store, "roles"):
        _assign_role(store, name, sorted({row[0] for row in rows} | {name}))
    _imports(store, name)
    _export(store, name)


def _imports(store: Store, name: str) -> None:
    """List imports; whoever brought one in, and a lead, can withdraw it."""
    imports = store.imports()
    if not imports:
        return
    rows = [
        (
            each.number,
            each.file,
            each.uploader,
            each.at,
            each.texts,
            each.readings,
            "withdrawn" if each.withdrawn else "",
        )
        for each in imports
    ]
    columns = ["import", "file", "by", "at", "texts", "readings", "withdrawn"]
    st.dataframe(pd.DataFrame(rows, columns=columns), hide_index=True)
    manages = may_now(store, "withdraw")
    own = [each for each in imports if not each.withdrawn and (manages or each.uploader == name)]
    with st.form("withdraw", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Import", own, format_func=lambda each: f"{each.number}: {each.file}", index=None)
        if st.form_submit_button("Withdraw import", disabled=not own) and chosen:
            st.session_state["team_message"] = _withdraw(store, chosen.number, name)
            st.rerun()


def _withdraw(store: Store, number: int, name: str) -> str:
    try:
        return f"import {number}: {store.withdraw(number, name).sentence()}"
    except UserError as error:
        return str(error)


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


def _export(store: Store, person: str) -> None:
    chosen = st.segmented_control(f"Export {'all' if may_now(store, 'export') else 'your'} labels", list(_FILES))
    if chosen:
        layout, name = _FILES[chosen]
        # Written at the click, by the role of then; in a thread that knows no session, so the person is named here.
        st.download_button(f"Download {name}", lambda: _exported(_labels_for(store, person), layout, name), name)


def _labels_for(store: Store, person: str) -> LabelSet:
    """Return the labels that a person may take away: all for a lead, their own for others, with their texts."""
    labels = store.label_set()
    if not may(store, person, "export"):
        labels = replace(labels, labels=tuple(label for label in labels.labels if label.annotator == person))
    return labels.of_interest(unlabelled=False)


def _exported(labels: LabelSet, layout: str, name: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="narratives-") as folder:
        path = Path(folder) / name
        write_labels_as(labels, path, layout)
        return path.read_bytes()
