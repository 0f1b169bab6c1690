"""The Adjudicate page: where annotators differ, decided blind to names; how far they agree."""

from dataclasses import dataclass
from typing import Any

import altair
import pandas as pd
import streamlit as st

from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.evaluation.agreement import Agreement, Mean, Pair, measure_agreement, measure_months, measure_pairs
from narratives.labels.disputes import Dispute, disputes, last_readings
from narratives.labels.label_set import LabelSet
from narratives.store.assignments import AssignmentQueue
from narratives.store.events import Store
from narratives.ui.components.board import put_frames
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.board_session import BoardSession, show_database_error

_TITLES = ("first", "second", "third", "fourth", "fifth")
_EMPTY = "Nothing to decide: all readings of a paragraph say the same, or a decision has been made."


def page(codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if not annotator():
        ask_name()
        return
    try:
        _agreement(codebook, store)
    except UserError as error:
        show_database_error(error)
        return
    put_frames(codebook)
    _desk(codebook, store)


@dataclass(frozen=True)
class _Undecided:
    """The disputes to decide, and of doubted labels why they may be wrong, by paragraph id."""

    disputes: list[Dispute]
    doubts: dict[str, str]


def _undecided(codebook: Codebook, store: Store) -> _Undecided:
    labels = store.label_set().resolve_retired(codebook)
    found = disputes(labels)
    known = {one.paragraph_id for one in found}
    doubtful = {
        one.paragraph_id: one.detail for one in AssignmentQueue(store).doubtful() if one.paragraph_id not in known
    }
    return _Undecided([*found, *_doubted(labels, doubtful)], doubtful)


def _doubted(labels: LabelSet, doubtful: dict[str, str]) -> list[Dispute]:
    texts = {row.paragraph_id: row.text for row in labels.paragraphs}
    said = {key: last_readings(labels.by_paragraph.get(key, [])) for key in doubtful}
    return [Dispute(key, texts[key], readings) for key, readings in said.items() if readings]


@st.fragment
def _desk(codebook: Codebook, store: Store) -> None:
    session = BoardSession.of("bench")
    try:
        undecided: _Undecided = session.listed(lambda: _undecided(codebook, store))
    except UserError as error:
        show_database_error(error)
        return
    waiting = [dispute for dispute in undecided.disputes if dispute.paragraph_id not in session.done]
    session.show(
        _shown(waiting[0], undecided.doubts.get(waiting[0].paragraph_id, "")) if waiting else None,
        _EMPTY,
        f"{len(waiting):,} left to decide",
        lambda: BoardSession.of("bench").take(store, codebook, "decision"),
    )


def _shown(dispute: Dispute, doubt: str) -> dict[str, Any]:
    return {
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
