"""The Classify page: paste a text, see its paragraphs with frames, voices and evidence."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import streamlit as st

from narratives.annotation.steps import Correction, correct
from narratives.codebook.frames import VOICE_MARKS, VOICES, Codebook
from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.model.document import Classification, ParagraphReading, Summary
from narratives.model.document import classify as read_text
from narratives.model.evidence_sheet import evidence_sheet, plain_summary
from narratives.store.events import Store
from narratives.ui.components.html import colour_of, likelihood, paragraph_html, shown
from narratives.ui.session.annotator import annotator, ask_name

_AT_ONCE = 40  # paragraphs on one page
_EXAMPLE = "\n\n".join(
    [
        "The commander of the northern grouping told reporters on Thursday that no strike force able to cross the "
        "border has been seen in Belarus, and that the talk of a new march on Kyiv is an information operation meant "
        "to keep Ukrainian brigades away from the east.",
        "Let us be honest at last: the line has not moved for months and it will not move. Neither side can win this "
        "war, the territories are lost, and every further month only costs lives. It is time to freeze the front and "
        "accept the realities on the ground.",
        "Trains with armour are being unloaded near Gomel night after night. Nobody builds field hospitals for an "
        "exercise. They are coming from the north again, and this time Minsk will march with them.",
        "The regional library in Chernihiv reopened its reading room on Saturday after repairs that a donors' "
        "fund paid for.",
    ]
)


def page(classifier: Classifier, codebook: Codebook, store: Callable[[], Store]) -> None:
    """Show the page. ``store`` opens the label database, which only corrections need."""
    left, right = st.columns([5, 2], gap="medium")
    with left:
        asked = _ask()
    if asked:
        st.session_state["classified"] = _read(classifier, st.session_state["pasted"])
        st.session_state["paragraph_page"] = 1
    found = st.session_state.get("classified")
    if isinstance(found, str):
        left.error("The text was not read.")
        left.text(found)
    elif found is not None:
        with left:
            _paragraphs(found, classifier, codebook, store)
        with right:
            _glance(found, classifier)


def _ask() -> bool:
    with st.form("paste", border=False):
        st.text_area(
            "Paste an article, a post, a thread",
            key="pasted",
            height=170,
            label_visibility="collapsed",
            placeholder="Paste an article, a post, a thread",
        )
        with st.container(horizontal=True):
            asked = st.form_submit_button("Classify", type="primary", help="Ctrl+Enter")
            st.form_submit_button("Load an example", on_click=_load_example)
    return asked or st.session_state.pop("example_asked", False)


def _load_example() -> None:
    st.session_state["pasted"] = _EXAMPLE
    st.session_state["example_asked"] = True


def _quick_reader(classifier: Classifier) -> Any:
    """Return what reads quickly, None until it is laid out: begun with the first text, and nobody waits for it."""
    laid_out = _layout(classifier.name, classifier)
    return laid_out.result() if laid_out.done() else None


def _kernel(classifier: Classifier) -> Any:
    from narratives.kernel.kernel import Kernel  # loads Numba, which the first page does not wait for

    return Kernel(classifier)


@st.cache_resource(show_spinner=False, max_entries=2)
def _layout(name: str, _classifier: Classifier) -> "Future[Any]":
    del name
    pool = ThreadPoolExecutor(1)
    laid_out = pool.submit(_kernel, _classifier)
    pool.shutdown(wait=False)
    return laid_out


def _read(classifier: Classifier, text: str) -> Classification | str:
    bar = st.progress(0.0, "Reading")

    def progress(share: float) -> None:
        bar.progress(share, "Reading")

    try:
        return read_text(classifier, text, progress, _quick_reader(classifier))
    except UserError as error:
        return str(error)
    finally:
        bar.empty()


def _paragraphs(found: Classification, classifier: Classifier, codebook: Codebook, store: Callable[[], Store]) -> None:
    for remark in found.remarks:
        st.info(remark)
    number = -(-len(found.paragraphs) // _AT_ONCE)
    chosen = st.pagination(number, key="paragraph_page") if number > 1 else 1
    part = found.paragraphs[(chosen - 1) * _AT_ONCE : chosen * _AT_ONCE]
    if not st.toggle("Correct", help="✓ and ✗ beside each finding; what you say is stored as a label"):
        st.html("".join(paragraph_html(paragraph, classifier.codebook) for paragraph in part))
    elif not annotator():
        ask_name()
    else:
        for number, paragraph in enumerate(part):
            st.html(paragraph_html(paragraph, classifier.codebook))
            _corrections(number, paragraph, classifier.name, codebook, store())


@st.fragment
def _corrections(number: int, paragraph: ParagraphReading, model: str, codebook: Codebook, store: Store) -> None:
    """Show what can be said of a paragraph's findings, and of frames that were not found."""
    said: dict[str, str] = st.session_state.setdefault("corrected", {})

    def say(frame: str, value: str, voice: str) -> None:
        key = f"{paragraph.text} {frame}"
        try:
            said[key] = correct(store, Correction(paragraph.text, frame, value, voice), annotator(), codebook, model)
        except UserError as error:
            said[key] = str(error)

    for reading in [reading for reading in paragraph.found if reading.frame in codebook.ids]:
        name = codebook.frame(reading.frame).name
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                "✓", key=f"yes {number} {reading.frame}", on_click=say, args=(reading.frame, "yes", reading.voice)
            )
            st.button("✗", key=f"no {number} {reading.frame}", on_click=say, args=(reading.frame, "no", ""))
            st.text(said.get(f"{paragraph.text} {reading.frame}", name))
    with st.popover("Add a frame"):
        frame = st.selectbox(
            "Frame", codebook.ids, format_func=lambda one: codebook.frame(one).name, key=f"add {number}"
        )
        voice = st.segmented_control("Voice", VOICES, default=VOICES[0], key=f"voice {number}")
        st.button("Add", key=f"add it {number}", on_click=say, args=(frame, "yes", voice or VOICES[0]))
        st.text(said.get(f"{paragraph.text} {frame}", ""))


def _glance(found: Classification, classifier: Classifier) -> None:
    st.markdown("**At a glance**")
    with_frame = sum(bool(paragraph.predicted) for paragraph in found.paragraphs)
    asked = sum(reading.decision == "human" for paragraph in found.paragraphs for reading in paragraph.found)
    languages = ", ".join(sorted({paragraph.language for paragraph in found.paragraphs}))
    st.caption(f"{with_frame} of {len(found.paragraphs)} paragraphs carry a frame · language: {languages}")
    if asked:
        st.caption(f"{asked} finding{'s' if asked > 1 else ''} near the threshold: dashed, for a person to decide")
    summaries = found.summaries()
    if summaries:
        st.html("".join(_summary_html(summary, classifier) for summary in summaries))
    else:
        st.caption("No frame found.")
    with st.popover("Copy"):
        text, as_json, sheet = st.tabs(["Text", "JSON", "Evidence sheet"])
        text.code(plain_summary(found, classifier.codebook), language=None, height=260)
        as_json.code(json.dumps(found.as_json(), ensure_ascii=False, indent=1), language=None, height=260)
        sheet.code(evidence_sheet(found, classifier.codebook), language=None, height=260)
    st.download_button(
        "Download JSON", json.dumps(found.as_json(), ensure_ascii=False), "classification.json", type="tertiary"
    )


def _summary_html(summary: Summary, classifier: Classifier) -> str:
    reading, colour = summary.reading, colour_of(classifier.codebook, summary.frame)
    name = shown(classifier.codebook.frame(summary.frame).name)
    voice = f"{VOICE_MARKS[reading.voice]} {reading.voice}" if reading.voice else ""
    count = len(summary.paragraphs)
    places = f"{count} paragraph{'s' if count > 1 else ''}, strongest: {summary.strongest + 1}"
    return (
        f'<div class="nv-chip" style="border-left-color:{colour};padding:.3rem .55rem">'
        f'<span class="nv-voice">{voice}</span><span class="nv-name">{name}</span>'
        f'<div class="nv-small">{likelihood(reading.probability)} · {places}</div></div>'
    )
