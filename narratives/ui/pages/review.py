"""The Review page: decisions of the model worth a look, worst first; accept, correct or comment by one key."""

from typing import Any

import streamlit as st

from narratives.annotation.review import REASONS, Finding, Findings, accept_all, find
from narratives.annotation.steps import Suggested, suggest
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.store.events import Store
from narratives.ui.components.board import put_frames
from narratives.ui.components.html import likelihood
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.board_session import BoardSession, show_database_error

_EMPTY = "Nothing to review here. The list is made from the last ranking of the queue by the model in force."


def page(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if not annotator():
        ask_name()
        return
    try:
        chosen = _choose(_findings(classifier, codebook, store))
        put_frames(codebook)
        _desk(classifier, codebook, store, chosen)
        _bulk(classifier, codebook, store, chosen)
    except UserError as error:
        show_database_error(error)


def _findings(classifier: Classifier, codebook: Codebook, store: Store) -> Findings:
    """Return the findings of this session: looked up once for each model, and again after each undo."""
    found: Findings = BoardSession.of("review").listed(lambda: find(store, classifier, codebook), classifier.name)
    return found


def _choose(findings: Findings) -> tuple[str, str]:
    """Ask for a reason and a frame to filter by; empty: any."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.selectbox("Why", ["", *REASONS], format_func=lambda one: REASONS.get(one, "anything"))
        frames = sorted({one.frame for one in findings.select(reason)})
        frame = st.selectbox("Frame", ["", *frames], format_func=lambda one: one or "any")
    return reason, frame


def _waiting(findings: Findings, chosen: tuple[str, str]) -> list[Finding]:
    done = BoardSession.of("review").done
    return [finding for finding in findings.select(*chosen) if finding.paragraph_id not in done]


@st.fragment
def _desk(classifier: Classifier, codebook: Codebook, store: Store, chosen: tuple[str, str]) -> None:
    # The list is asked for here, not passed in: after an undo this fragment runs alone and must see the new one.
    session = BoardSession.of("review")
    try:
        findings = _findings(classifier, codebook, store)
    except UserError as error:
        show_database_error(error)
        return
    waiting = _waiting(findings, chosen)
    suggested = suggest(classifier, codebook, waiting[0].paragraph_id, waiting[0].text) if waiting else None
    session.suggested = {waiting[0].paragraph_id: suggested} if suggested else {}
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
        "suggested": [
            {"frame": one.frame, "voice": one.voice, "likely": likelihood(one.probability)} for one in suggested.frames
        ],
        "accept": True,
        "readings": [
            {
                "title": "label in force" if len(readings) == 1 else "one annotator",
                "frames": [[label.frame, label.voice] for label in said if label.frame and label.value == "yes"],
                "note": "",
            }
            for said in readings[:3]
        ],
    }


def _bulk(classifier: Classifier, codebook: Codebook, store: Store, chosen: tuple[str, str]) -> None:
    """Accept the model on all that is chosen, after a word that says the number; take it back as one step."""
    waiting = _waiting(_findings(classifier, codebook, store), chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        with st.popover("Accept the model on all of them", disabled=not waiting):
            st.text(f"{len(waiting):,} paragraphs will be labelled as the model reads them, by {annotator()}.")
            st.button(
                f"Label {len(waiting):,} paragraphs",
                type="primary",
                on_click=_accept,
                args=(classifier, codebook, store, waiting),
            )
        last = st.session_state.get("last_bulk")
        if last:
            st.button(f"Undo these {last[1]:,}", on_click=_undo_bulk, args=(store,))
        st.text(st.session_state.pop("bulk_said", ""))


def _accept(classifier: Classifier, codebook: Codebook, store: Store, waiting: list[Finding]) -> None:
    done = BoardSession.of("review").done
    # The board runs as a fragment, so steps may have been taken since this list was drawn; a person's word stands.
    waiting = [finding for finding in waiting if finding.paragraph_id not in done]
    if not waiting:
        st.session_state["bulk_said"] = "All of these were reviewed meanwhile; nothing was labelled."
        return
    try:
        name = accept_all(store, waiting, classifier, codebook, annotator())
    except UserError as error:
        st.session_state["bulk_said"] = str(error)
        return
    st.session_state["last_bulk"] = name, len(waiting)
    st.session_state["bulk_said"] = f"{len(waiting):,} paragraphs were labelled."
    done |= {finding.paragraph_id for finding in waiting}


def _undo_bulk(store: Store) -> None:
    name, _ = st.session_state.pop("last_bulk")
    number = store.undo_all(annotator(), name)
    BoardSession.of("review").look_again()
    st.session_state["bulk_said"] = f"{number:,} labels were taken back."
