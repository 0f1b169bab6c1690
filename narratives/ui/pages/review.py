"""The Review page: shows questionable decisions of the model, worst first; each is accepted or corrected by a key."""

from typing import Any

import streamlit as st

from narratives.annotation.review import REASONS, Finding, Findings, accept_all, find
from narratives.annotation.roles import require
from narratives.annotation.steps import Suggested, suggest
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.store.events import Store
from narratives.ui.components.board import conveyed, hints, put_frames
from narratives.ui.components.html import counted
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.board_session import BoardSession, show_database_error

_EMPTY = "Nothing to review. To list decisions of the model in use, order the queue."
_READINGS = 3  # as many as the board has keys for


def page(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if not annotator():
        ask_name()
        return
    try:
        chosen = _choose(_findings(classifier, codebook, store))
        put_frames(codebook)
        _review(classifier, codebook, store, chosen)
        _accept_all(classifier, codebook, store, chosen)
    except UserError as error:
        show_database_error(error)


def _findings(classifier: Classifier, codebook: Codebook, store: Store) -> Findings:
    """Return the findings of this session: looked up once for each model, and again after each undo."""
    findings: Findings = BoardSession.of("review").listed(lambda: find(store, classifier, codebook), classifier.name)
    return findings


def _choose(findings: Findings) -> tuple[str, str]:
    """Ask for a reason and a frame to filter by; empty: any."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.selectbox("Reason", ["", *REASONS], format_func=lambda reason: REASONS.get(reason, "any reason"))
        frames = sorted({finding.frame for finding in findings.select(reason)})
        frame = st.selectbox("Frame", ["", *frames], format_func=lambda frame: frame or "any frame")
    return reason, frame


def _waiting(findings: Findings, chosen: tuple[str, str]) -> list[Finding]:
    done = BoardSession.of("review").done
    return [finding for finding in findings.select(*chosen) if finding.paragraph_id not in done]


@st.fragment
def _review(classifier: Classifier, codebook: Codebook, store: Store, chosen: tuple[str, str]) -> None:
    # The list is asked for here, not passed in: after an undo this fragment runs alone and must see the new one.
    session = BoardSession.of("review")
    try:
        findings = _findings(classifier, codebook, store)
    except UserError as error:
        show_database_error(error)
        return
    waiting = _waiting(findings, chosen)
    suggested = suggest(classifier, codebook, waiting[0].paragraph_id, waiting[0].text) if waiting else None
    session.around = {waiting[0].paragraph_id: suggested.around(waiting[0].reason)} if suggested else {}
    session.show(
        _shown(waiting[0], suggested, findings) if suggested else None,
        _EMPTY,
        f"{len(waiting):,} left to review",
        lambda: BoardSession.of("review").take(store, codebook),
    )


def _shown(finding: Finding, suggested: Suggested, findings: Findings) -> dict[str, Any]:
    readings = findings.readings(finding.paragraph_id)
    return {
        "paragraph_id": finding.paragraph_id,
        "text": finding.text,
        "source": "",
        "reason": f"{REASONS[finding.reason]}: {finding.detail}",
        "suggested": hints(suggested.frames),
        "accept": True,
        "focus": finding.frame,
        "readings": [
            {
                "title": "current label" if len(readings) == 1 else "an annotator",
                "frames": conveyed(reading),
                "note": "",
            }
            for reading in readings[:_READINGS]
        ],
    }


def _accept_all(classifier: Classifier, codebook: Codebook, store: Store, chosen: tuple[str, str]) -> None:
    """Offer to accept the model on the whole filtered list, and to undo that as one step."""
    waiting = _waiting(_findings(classifier, codebook, store), chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Accept all predictions", disabled=not waiting):
            st.text(f"Labels {counted(len(waiting), 'paragraph')} as the model predicts, by {annotator()}.")
            st.button(
                f"Label {counted(len(waiting), 'paragraph')}",
                type="primary",
                on_click=_accept,
                args=(classifier, codebook, store, waiting),
            )
        last = st.session_state.get("last_bulk")
        if last:
            st.button(f"Undo these {last[1]:,}", on_click=_undo_accept_all, args=(store,))
        st.text(st.session_state.pop("bulk_message", ""))


def _accept(classifier: Classifier, codebook: Codebook, store: Store, waiting: list[Finding]) -> None:
    done = BoardSession.of("review").done
    # The board runs as a fragment: paragraphs may have been decided since this list was shown, and those must stand.
    waiting = [finding for finding in waiting if finding.paragraph_id not in done]
    if not waiting:
        st.session_state["bulk_message"] = "All of these paragraphs have been reviewed; nothing was labelled."
        return
    try:
        require(store, annotator(), "label")
        name = accept_all(store, waiting, classifier, codebook, annotator())
    except UserError as error:
        st.session_state["bulk_message"] = str(error)
        return
    st.session_state["last_bulk"] = name, len(waiting)
    st.session_state["bulk_message"] = f"Labelled {counted(len(waiting), 'paragraph')}."
    done |= {finding.paragraph_id for finding in waiting}


def _undo_accept_all(store: Store) -> None:
    name, _ = st.session_state.pop("last_bulk")
    try:
        number = store.undo_all(annotator(), name)
    except UserError as error:
        st.session_state["bulk_message"] = str(error)
        return
    BoardSession.of("review").look_again()
    st.session_state["bulk_message"] = f"Undid {counted(number, 'label')}."
