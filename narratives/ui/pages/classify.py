"""The Classify page: shows the frames, voices and evidence of each paragraph of a pasted text."""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import streamlit as st

from narratives.annotation.steps import Correction, correct
from narratives.codebook.frames import VOICES, Codebook, marked_voice
from narratives.documents.document import SUFFIXES, read_document
from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.model.document import Classification, ParagraphReading, Summary
from narratives.model.document import classify as read_text
from narratives.model.explanation.evidence_sheet import evidence_sheet, plain_summary
from narratives.store.events import Store
from narratives.ui.components.findings import paragraph_html
from narratives.ui.components.html import colour_of, counted, likelihood, shown
from narratives.ui.components.voice_keys import chosen_voice, put_voice_keys
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.voice_corrections import VoiceCorrections

_PAGE_PARAGRAPHS = 40
_VOICE_KEYS = "voice_keys"
_HOW_TO_CORRECT = (
    "Correct a voice: click another beside the finding, or point at it and press P promotes, O reports, B rebuts; "
    "Z undoes. It is stored as a label."
)
_TYPES = ["txt", *(suffix.removeprefix(".") for suffix in SUFFIXES)]
_LARGEST = 50  # megabytes
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
    """Show the page. ``store`` opens the label database, which is needed only for corrections."""
    left, right = st.columns([5, 2], gap="medium")
    with left:
        asked = _ask()
    if asked:
        st.session_state["classified"] = _read(classifier, st.session_state["pasted"])
        st.session_state["paragraph_page"] = 1
        VoiceCorrections.of_session().opened.clear()
    classification = st.session_state.get("classified")
    if isinstance(classification, str):
        left.error("The text could not be read.")
        left.text(classification)
    elif classification is not None:
        with left:
            _paragraphs(classification, classifier, codebook, store)
        with right:
            _glance(classification, classifier)


def _ask() -> bool:
    form = st.container()
    _take_dropped()  # before the form is drawn, which shows the text
    with form, st.form("paste", border=False):
        st.text_area(
            "Paste an article, a post or a thread",
            key="pasted",
            height=170,
            label_visibility="collapsed",
            placeholder="Paste an article, a post or a thread",
        )
        with st.container(horizontal=True):
            asked = st.form_submit_button("Classify", type="primary", help="Ctrl+Enter")
            st.form_submit_button("Load an example", on_click=_load_example)
    return asked or st.session_state.pop("filled", False)


def _load_example() -> None:
    st.session_state["pasted"] = _EXAMPLE
    st.session_state["filled"] = True


def _take_dropped() -> None:
    """Offer to drop a document; put the text of a new one into the form."""
    dropped = st.file_uploader("Or drop a document: " + ", ".join(_TYPES), type=_TYPES, max_upload_size=_LARGEST)
    if dropped is None or dropped.file_id == st.session_state.get("dropped"):
        return
    st.session_state["dropped"] = dropped.file_id
    try:
        st.session_state["pasted"] = read_document(dropped.name, dropped.getvalue()).text
        st.session_state["filled"] = True
    except UserError as error:
        st.error("The document could not be read.")
        st.text(str(error))


def _quick_reader(classifier: Classifier) -> Any:
    """Return the compiled scorer, None while it is being prepared: the first texts do not wait for it."""
    scorer = _compiled(classifier.name, classifier)
    return scorer.result() if scorer.done() else None


def _kernel(classifier: Classifier) -> Any:
    from narratives.kernel.kernel import Kernel  # loads Numba, which the first page does not wait for

    return Kernel(classifier)


@st.cache_resource(show_spinner=False, max_entries=2)
def _compiled(name: str, _classifier: Classifier) -> "Future[Any]":
    del name  # only a key of the cache, which cannot hash a classifier
    pool = ThreadPoolExecutor(1)
    scorer = pool.submit(_kernel, _classifier)
    pool.shutdown(wait=False)
    return scorer


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


def _paragraphs(
    classification: Classification, classifier: Classifier, codebook: Codebook, store: Callable[[], Store]
) -> None:
    for remark in classification.remarks:
        st.info(remark)
    number = -(-len(classification.paragraphs) // _PAGE_PARAGRAPHS)
    chosen = st.pagination(number, key="paragraph_page") if number > 1 else 1
    part = classification.paragraphs[(chosen - 1) * _PAGE_PARAGRAPHS : chosen * _PAGE_PARAGRAPHS]
    correcting = st.toggle("Correct", help="Shows ✓ and ✗ beside each finding. Your answer is stored as a label.")
    if correcting and not annotator():
        ask_name()
        return
    _correct_voices(classification, classifier, codebook, store)
    corrections = VoiceCorrections.of_session()
    shown_paragraphs = [
        paragraph_html(paragraph, classifier.codebook, corrections.by_person(paragraph, codebook.ids))
        for paragraph in part
    ]
    if not correcting:
        # One element each: a corrected finding changes its own paragraph, and no other chip closes.
        for paragraph_shown in shown_paragraphs:
            st.html(paragraph_shown)
        return
    for number, (paragraph, paragraph_shown) in enumerate(zip(part, shown_paragraphs, strict=True)):
        st.html(paragraph_shown)
        _corrections(number, paragraph, classifier.name, codebook, store())


def _correct_voices(
    classification: Classification, classifier: Classifier, codebook: Codebook, store: Callable[[], Store]
) -> None:
    """Store the voices chosen on findings; where nobody is known, ask for the name first."""
    corrections = VoiceCorrections.of_session()
    put_voice_keys(
        _VOICE_KEYS,
        lambda: corrections.take(chosen_voice(_VOICE_KEYS), classification, store(), annotator()),
    )
    if any(reading.voice for paragraph in classification.paragraphs for reading in paragraph.found):
        st.caption(_HOW_TO_CORRECT)
    with st.container():  # always there, so that the findings below keep their place and stay as they are
        if corrections.waiting and not annotator():
            ask_name()
        elif corrections.waiting:
            corrections.store_waiting(store(), annotator(), codebook, classifier.name)
        if corrections.complaint:
            st.error("The voice was not stored.")
            st.text(corrections.complaint)


@st.fragment
def _corrections(number: int, paragraph: ParagraphReading, model: str, codebook: Codebook, store: Store) -> None:
    """Offer to confirm or reject each predicted frame of a paragraph, and to add a frame."""
    answers: dict[str, str] = st.session_state.setdefault("corrected", {})

    def answer(frame: str, value: str, voice: str) -> None:
        key = f"{paragraph.text} {frame}"
        try:
            answers[key] = correct(store, Correction(paragraph.text, frame, value, voice), annotator(), codebook, model)
        except UserError as error:
            answers[key] = str(error)

    for reading in [reading for reading in paragraph.found if reading.frame in codebook.ids]:
        name = codebook.frame(reading.frame).name
        settled = reading.voice if reading.voice_decision == "yes" else ""
        confirmed = VoiceCorrections.of_session().voice(paragraph.text, reading.frame) or settled
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button("✓", key=f"yes {number} {reading.frame}", on_click=answer, args=(reading.frame, "yes", confirmed))
            st.button("✗", key=f"no {number} {reading.frame}", on_click=answer, args=(reading.frame, "no", ""))
            st.text(answers.get(f"{paragraph.text} {reading.frame}", name))
    with st.popover("Add a frame"):
        frame = st.selectbox(
            "Frame", codebook.ids, format_func=lambda frame: codebook.frame(frame).name, key=f"add {number}"
        )
        voice = st.segmented_control("Voice", VOICES, default=VOICES[0], key=f"voice {number}")
        st.button("Add", key=f"add it {number}", on_click=answer, args=(frame, "yes", voice or VOICES[0]))
        st.text(answers.get(f"{paragraph.text} {frame}", ""))


def _glance(classification: Classification, classifier: Classifier) -> None:
    st.markdown("**At a glance**")
    with_frame = sum(bool(paragraph.predicted) for paragraph in classification.paragraphs)
    near = sum(reading.decision == "human" for paragraph in classification.paragraphs for reading in paragraph.found)
    languages = ", ".join(sorted({paragraph.language for paragraph in classification.paragraphs}))
    st.caption(f"{with_frame} of {len(classification.paragraphs)} paragraphs carry a frame · language: {languages}")
    if near:
        st.caption(f"{counted(near, 'finding')} (dashed) for a person to decide")
    summaries = classification.summaries()
    if summaries:
        texts = [paragraph.text for paragraph in classification.paragraphs]
        st.html("".join(_summary_html(summary, classifier, texts[summary.strongest]) for summary in summaries))
    else:
        st.caption("No frame found.")
    with st.popover("Copy"):
        text, as_json, sheet = st.tabs(["Text", "JSON", "Evidence sheet"])
        text.code(plain_summary(classification, classifier.codebook), language=None, height=260)
        as_json.code(json.dumps(classification.as_json(), ensure_ascii=False, indent=1), language=None, height=260)
        sheet.code(evidence_sheet(classification, classifier.codebook), language=None, height=260)
    st.download_button(
        "Download JSON",
        json.dumps(classification.as_json(), ensure_ascii=False),
        "classification.json",
        type="tertiary",
    )


def _summary_html(summary: Summary, classifier: Classifier, text: str) -> str:
    reading, colour = summary.reading, colour_of(classifier.codebook, summary.frame)
    name = shown(classifier.codebook.frame(summary.frame).name)
    voice = marked_voice(VoiceCorrections.of_session().voice(text, summary.frame) or reading.stated_voice)
    count, strongest = len(summary.paragraphs), f"paragraph {summary.strongest + 1}"
    extent = strongest if count == 1 else f"{count} paragraphs, strongest in {strongest}"
    return (
        f'<div class="nv-chip" style="border-left-color:{colour};padding:.3rem .55rem">'
        f'<span class="nv-voice">{voice}</span><span class="nv-name">{name}</span>'
        f'<div class="nv-small">{likelihood(reading.probability)} · {extent}</div></div>'
    )
