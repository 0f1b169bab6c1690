"""The Review page: decisions of the model worth a look, worst first; accept, correct or comment by one key."""

from typing import Any

import streamlit as st

from narratives.annotation.review import REASONS, Finding, Findings, accept_all, find
from narratives.annotation.steps import Step, Suggested, suggest, take_step
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.store.events import Store
from narratives.ui.components.board import arrived, board, put_frames
from narratives.ui.components.html import likelihood
from narratives.ui.session.annotator import annotator, ask_name

_EMPTY = "Nothing to review here. The list is made from the last ranking of the queue by the model in force."


def page(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    """Show the page."""
    if not annotator():
        ask_name()
        return
    try:
        if st.session_state.get("review_of") != classifier.name:
            _look_again(classifier, codebook, store)
        chosen = _choose(st.session_state["findings"])
        put_frames(codebook)
        _desk(classifier, codebook, store, chosen)
        _bulk(classifier, codebook, store, chosen)
    except UserError as error:
        st.error("The label database cannot be used.")
        st.text(str(error))


def _look_again(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    st.session_state["findings"] = find(store, classifier, codebook)
    st.session_state["review_of"], st.session_state["looked_at"] = classifier.name, set()


def _choose(findings: Findings) -> tuple[Finding, ...]:
    """Filter by reason and frame; what was looked at in this session is left out."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.selectbox("Why", ["", *REASONS], format_func=lambda one: REASONS.get(one, "anything"))
        frames = sorted({one.frame for one in findings.select(reason)})
        frame = st.selectbox("Frame", ["", *frames], format_func=lambda one: one or "any")
    return findings.select(reason, frame)


def _waiting(chosen: tuple[Finding, ...]) -> list[Finding]:
    return [one for one in chosen if one.paragraph_id not in st.session_state["looked_at"]]


@st.fragment
def _desk(classifier: Classifier, codebook: Codebook, store: Store, chosen: tuple[Finding, ...]) -> None:
    st.session_state["at_review"] = classifier, codebook, store
    waiting, answer = _waiting(chosen), st.session_state.get("reviewed", {})
    suggested = suggest(classifier, codebook, waiting[0].paragraph_id, waiting[0].text) if waiting else None
    st.session_state["reviewing"] = suggested
    data = {
        "annotator": annotator(),
        "item": _shown(waiting[0], suggested, str(answer.get("handled", ""))) if waiting and suggested else None,
        "empty": _EMPTY,
        "handled": answer.get("handled"),
        "refused": answer.get("refused"),
        "progress": {"saved": answer.get("saved", ""), "done": f"{len(waiting):,} left to review"},
    }
    board(data, "review", _stepped)


def _shown(finding: Finding, suggested: Suggested, handled: str) -> dict[str, Any]:
    readings = st.session_state["findings"].readings(finding.paragraph_id)
    return {
        "shown": f"{finding.paragraph_id} {handled}",
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


def _stepped() -> None:
    """Store what the reviewer said; runs before anything is shown again."""
    given = arrived("review")
    if not given:
        return
    classifier, codebook, store = st.session_state["at_review"]
    token = str(given.get("step", ""))
    try:
        step = Step.read(given, codebook)
        said = take_step(store, step, annotator(), codebook, st.session_state["reviewing"])
        st.session_state["reviewed"] = {"handled": token, "saved": said}
    except UserError as error:
        st.session_state["reviewed"] = {"refused": {"step": token, "sentence": str(error)}}
        return
    if step.act == "undo":
        _look_again(classifier, codebook, store)
    else:
        st.session_state["looked_at"].add(step.paragraph_id)


def _bulk(classifier: Classifier, codebook: Codebook, store: Store, chosen: tuple[Finding, ...]) -> None:
    """Accept the model on all that is chosen, after a word that says the number; take it back as one step."""
    waiting = _waiting(chosen)
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
            st.button(f"Undo these {last[1]:,}", on_click=_undo_bulk, args=(classifier, codebook, store))
        st.text(st.session_state.pop("bulk_said", ""))


def _accept(classifier: Classifier, codebook: Codebook, store: Store, waiting: list[Finding]) -> None:
    try:
        name = accept_all(store, waiting, classifier, codebook, annotator())
    except UserError as error:
        st.session_state["bulk_said"] = str(error)
        return
    st.session_state["last_bulk"] = name, len(waiting)
    st.session_state["bulk_said"] = f"{len(waiting):,} paragraphs were labelled."
    st.session_state["looked_at"] |= {one.paragraph_id for one in waiting}


def _undo_bulk(classifier: Classifier, codebook: Codebook, store: Store) -> None:
    name, _ = st.session_state.pop("last_bulk")
    number = store.undo_all(annotator(), name)
    _look_again(classifier, codebook, store)
    st.session_state["bulk_said"] = f"{number:,} labels were taken back."
