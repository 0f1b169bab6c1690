"""The Adjudicate page: where annotators differ, decided blind to names; how far they agree."""

from typing import Any

import altair
import pandas as pd
import streamlit as st

from narratives.annotation.roles import require
from narratives.annotation.steps import Step, take_step
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.evaluation.agreement import Agreement, Mean, Pair, measure_agreement, measure_months, measure_pairs
from narratives.labels.disputes import Dispute, disputes, last_readings
from narratives.labels.label_set import LabelSet
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import Store
from narratives.ui.components.board import arrived, board, put_frames
from narratives.ui.session.annotator import annotator, ask_name

_TITLES = ("first", "second", "third", "fourth", "fifth")
_EMPTY = "Nothing to decide: all readings of a paragraph say the same, or a decision has been made."


def page(codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if not annotator():
        ask_name()
        return
    try:
        if "open_disputes" not in st.session_state:
            _look_again(codebook, store)
        _agreement(codebook, store)
        put_frames(codebook)
        _desk(codebook, store)
    except UserError as error:
        st.error("The label database cannot be used.")
        st.text(str(error))


def _look_again(codebook: Codebook, store: Store) -> None:
    labels = store.label_set().resolve_retired(codebook)
    found = disputes(labels)
    known = {one.paragraph_id for one in found}
    doubtful = {
        one.paragraph_id: one.detail for one in AssignmentQueue(store).doubtful() if one.paragraph_id not in known
    }
    st.session_state["open_disputes"] = [*found, *_doubted(labels, doubtful)]
    st.session_state["doubts"] = doubtful


def _doubted(labels: LabelSet, doubtful: dict[str, str]) -> list[Dispute]:
    texts = {row.paragraph_id: row.text for row in labels.paragraphs}
    said = {key: last_readings(labels.by_paragraph.get(key, [])) for key in doubtful}
    return [Dispute(key, texts[key], readings) for key, readings in said.items() if readings]


@st.fragment
def _desk(codebook: Codebook, store: Store) -> None:
    st.session_state["at_bench"] = codebook, store
    waiting: list[Dispute] = st.session_state["open_disputes"]
    answer = st.session_state.get("decided", {})
    data = {
        "annotator": annotator(),
        "item": _shown(waiting[0], str(answer.get("handled", ""))) if waiting else None,
        "empty": _EMPTY,
        "handled": answer.get("handled"),
        "refused": answer.get("refused"),
        "progress": {"saved": answer.get("saved", ""), "done": f"{len(waiting):,} left to decide"},
    }
    board(data, "bench", _stepped)


def _shown(dispute: Dispute, handled: str) -> dict[str, Any]:
    doubt = st.session_state["doubts"].get(dispute.paragraph_id)
    return {
        "shown": f"{dispute.paragraph_id} {handled}",
        "paragraph_id": dispute.paragraph_id,
        "text": dispute.text,
        "source": "",
        "reason": f"the label may be wrong: {doubt}" if doubt else f"annotators differ: {', '.join(dispute.frames)}",
        "suggested": [],
        "readings": [
            {
                "title": f"{title} annotator" + ("" if said[0].sure == "yes" else ", unsure"),
                "frames": [[label.frame, label.voice] for label in said if label.frame and label.value == "yes"],
                "note": "; ".join(dict.fromkeys(label.note for label in said if label.note)),
            }
            for title, said in zip(_TITLES, dispute.readings, strict=False)
        ],
    }


def _stepped() -> None:
    """Store a decision; runs before anything is shown again."""
    given = arrived("bench")
    if not given:
        return
    codebook, store = st.session_state["at_bench"]
    token = str(given.get("step", ""))
    try:
        require(store, annotator(), "decide")
        step = Step.read(given, codebook)
        said = take_step(store, step, annotator(), codebook, None, "decision")
        st.session_state["decided"] = {"handled": token, "saved": said}
    except UserError as error:
        st.session_state["decided"] = {"refused": {"step": token, "sentence": str(error)}}
        return
    if step.act == "undo":
        _look_again(codebook, store)
    else:
        waiting = st.session_state["open_disputes"]
        st.session_state["open_disputes"] = [one for one in waiting if one.paragraph_id != step.paragraph_id]


def _agreement(codebook: Codebook, store: Store) -> None:
    with st.expander("Agreement: each frame, each pair of annotators, over time"):
        if not st.toggle("Measure", key="measure_agreement"):
            st.caption("Takes some seconds on many labels.")
            return
        found, pairs, months = _measured(store.state(), store, codebook)
        if not found.paragraphs:
            st.text(found.table())
            return
        _by_frame(found)
        _by_pair(pairs)
        _by_month(months)


@st.cache_data(show_spinner="Measuring agreement", max_entries=2, hash_funcs={Store: id, Codebook: id})
def _measured(state: int, store: Store, codebook: Codebook) -> tuple[Agreement, list[Pair], dict[str, Mean]]:
    del state  # a new event is a new measurement
    labels = store.label_set().of_interest(unlabelled=False)
    return measure_agreement(labels, codebook), measure_pairs(labels, codebook), measure_months(labels, codebook)


def _by_frame(found: Agreement) -> None:
    """Show the frames to discuss first at the top: the lowest alpha."""
    rows = [
        (name, one.units, one.differing, one.alpha, *one.alpha_interval, one.ac1, *one.ac1_interval)
        for name, one in [*found.frames.items(), ("voice, where both said yes", found.voice)]
    ]
    heads = ["frame", "read twice", "differing", "alpha", "from", "to", "AC1", "from ", "to "]
    table = pd.DataFrame(rows, columns=heads).sort_values("alpha", ignore_index=True)
    st.dataframe(table.round(3), hide_index=True)


def _by_pair(pairs: list[Pair]) -> None:
    rows = [(one.first, one.second, one.paragraphs, one.cohen_kappa, one.percent) for one in pairs]
    table = pd.DataFrame(rows, columns=["annotator", "and", "paragraphs", "Cohen's kappa", "agreement"]).round(3)
    cells = (
        altair.Chart(table)
        .mark_rect()
        .encode(x="annotator:N", y="and:N", color=altair.Color("Cohen's kappa:Q", scale=altair.Scale(domain=[0, 1])))
    )
    left, right = st.columns(2)
    left.dataframe(table, hide_index=True)
    right.altair_chart(cells)


def _by_month(months: dict[str, Mean]) -> None:
    rows = [(name, one.paragraphs, one.alpha, one.ac1) for name, one in months.items() if one.paragraphs]
    st.dataframe(
        pd.DataFrame(rows, columns=["month", "paragraphs", "mean alpha", "mean AC1"]).round(3), hide_index=True
    )
