"""The Adjudicate page: shows disputed paragraphs without the annotators' names, and measures agreement."""

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
from narratives.store.events import Circumstances, Store
from narratives.ui.components.board import conveyed, put_frames
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.board_session import BoardSession, show_database_error
from narratives.ui.session.rights import is_open

_TITLES = ("first", "second", "third", "fourth", "fifth")
_EMPTY = "Nothing to decide: the annotators agree on every paragraph, or it has been decided."


def page(codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if not annotator():
        ask_name()
        return
    try:
        if not is_open(store, "decide"):
            return
        _agreement(codebook, store)
    except UserError as error:
        show_database_error(error)
        return
    put_frames(codebook)
    _decide(codebook, store)


@dataclass(frozen=True)
class _Undecided:
    """Paragraphs to decide; for those whose label is in doubt, ``doubts`` says why, by paragraph id."""

    disputes: list[Dispute]
    doubts: dict[str, str]


def _undecided(codebook: Codebook, store: Store) -> _Undecided:
    labels = store.label_set().resolve_retired(codebook)
    disputed = disputes(labels)
    known = {dispute.paragraph_id for dispute in disputed}
    doubts = {
        entry.paragraph_id: entry.detail
        for entry in AssignmentQueue(store).doubtful()
        if entry.paragraph_id not in known
    }
    return _Undecided([*disputed, *_doubted(labels, doubts)], doubts)


def _doubted(labels: LabelSet, doubts: dict[str, str]) -> list[Dispute]:
    texts = {row.paragraph_id: row.text for row in labels.paragraphs}
    readings = {key: last_readings(labels.by_paragraph.get(key, [])) for key in doubts}
    return [Dispute(key, texts[key], last) for key, last in readings.items() if last]


@st.fragment
def _decide(codebook: Codebook, store: Store) -> None:
    session = BoardSession.of("bench")
    try:
        undecided: _Undecided = session.listed(lambda: _undecided(codebook, store))
    except UserError as error:
        show_database_error(error)
        return
    waiting = [dispute for dispute in undecided.disputes if dispute.paragraph_id not in session.done]
    session.around = {
        dispute.paragraph_id: Circumstances(
            reason="doubtful" if dispute.paragraph_id in undecided.doubts else "differs"
        )
        for dispute in waiting[:1]
    }
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
        "reason": f"the label may be wrong: {doubt}"
        if doubt
        else f"annotators disagree on {', '.join(dispute.frames)}",
        "suggested": [],
        "readings": [
            {
                "title": f"{title} annotator" + ("" if reading[0].sure == "yes" else ", unsure"),
                "frames": conveyed(reading),
                "note": "; ".join(dict.fromkeys(label.note for label in reading if label.note)),
            }
            for title, reading in zip(_TITLES, dispute.readings, strict=False)
        ],
    }


def _agreement(codebook: Codebook, store: Store) -> None:
    with st.expander("Agreement by frame, by pair of annotators and by month"):
        if not st.toggle("Measure", key="measure_agreement"):
            st.caption("Takes a few seconds if there are many labels.")
            return
        agreement, pairs, months = _measured(store.state(), store, codebook)
        if not agreement.paragraphs:
            st.text(agreement.table())
            return
        _by_frame(agreement)
        _by_pair(pairs)
        _by_month(months)


@st.cache_data(show_spinner="Measuring agreement", max_entries=2, hash_funcs={Store: id, Codebook: id})
def _measured(state: int, store: Store, codebook: Codebook) -> tuple[Agreement, list[Pair], dict[str, Mean]]:
    del state  # a key of the cache: every new event is measured
    labels = store.label_set().of_interest(unlabelled=False)
    return measure_agreement(labels, codebook), measure_pairs(labels, codebook), measure_months(labels, codebook)


def _by_frame(agreement: Agreement) -> None:
    """Show a row for each frame, the lowest alpha first: those are the frames to discuss."""
    rows = [
        (name, scores.units, scores.differing, scores.alpha, *scores.alpha_interval, scores.ac1, *scores.ac1_interval)
        for name, scores in [*agreement.frames.items(), ("voice, where both see the frame", agreement.voice)]
    ]
    heads = ["frame", "read twice", "disputed", "alpha", "alpha from", "alpha to", "AC1", "AC1 from", "AC1 to"]
    table = pd.DataFrame(rows, columns=heads).sort_values("alpha", ignore_index=True)
    st.dataframe(table.round(3), hide_index=True)


def _by_pair(pairs: list[Pair]) -> None:
    rows = [(pair.first, pair.second, pair.paragraphs, pair.cohen_kappa, pair.percent) for pair in pairs]
    table = pd.DataFrame(rows, columns=["first", "second", "paragraphs", "Cohen's kappa", "agreement"]).round(3)
    cells = (
        altair.Chart(table)
        .mark_rect()
        .encode(x="first:N", y="second:N", color=altair.Color("Cohen's kappa:Q", scale=altair.Scale(domain=[0, 1])))
    )
    left, right = st.columns(2)
    left.dataframe(table, hide_index=True)
    right.altair_chart(cells)


def _by_month(months: dict[str, Mean]) -> None:
    rows = [(name, mean.paragraphs, mean.alpha, mean.ac1) for name, mean in months.items() if mean.paragraphs]
    st.dataframe(
        pd.DataFrame(rows, columns=["month", "paragraphs", "mean alpha", "mean AC1"]).round(3), hide_index=True
    )
