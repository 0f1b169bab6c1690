"""The Codebook page: shows the frames as cards and edits, adds, merges and retires them in ``codebook.toml``."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from narratives import paths
from narratives.annotation.roles import require
from narratives.codebook.descriptions import fate
from narratives.codebook.editing import add_frames, edit_frame, restore_frame, retire_frame
from narratives.codebook.frames import VOICES, Codebook, Frame
from narratives.errors import UserError
from narratives.labels.merge_impact import effect
from narratives.store.events import Store, now
from narratives.ui.components.html import colour_of, counted, plain, shown
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.rights import may_now

Counts = Counter[tuple[str, str]]  # labels by frame and voice
_ONE_PER_LINE = "one per line"
_EXAMPLES = ("promotes", "reports", "rebuts", "none", "none")


def page(codebook: Codebook, known: tuple[str, ...], store: Store) -> None:
    """Show the page. ``known`` are the frames of the model in use."""
    message = st.session_state.pop("codebook_message", "")
    if message:
        st.text(message)
    counts = _counts(store.state(), store, codebook)
    st.caption(f"version {codebook.version} · {len(codebook.frames)} frames")
    for aim in codebook.aims:
        st.html(f'<div class="nv-small"><b>{shown(aim)}</b></div>')
        for frame in [frame for frame in codebook.frames if frame.aim == aim]:
            _card(codebook, frame, frame.id in known, counts, store)
    if may_now(store, "codebook"):
        _add(codebook, store)
    _retired(codebook, store)
    _history(store)
    if not annotator():
        ask_name()


@st.cache_data(show_spinner=False, max_entries=2, hash_funcs={Store: id, Codebook: id})
def _counts(state: int, store: Store, codebook: Codebook) -> Counts:
    """Count the yes labels of each frame and voice, those of retired frames as their successors'."""
    del state  # only a key of the cache
    labels = store.label_set().resolve_retired(codebook).labels
    return Counter((label.frame, label.voice) for label in labels if label.value == "yes")


def _card(codebook: Codebook, frame: Frame, learned: bool, counts: Counts, store: Store) -> None:
    number = sum(counts[frame.id, voice] for voice in (*VOICES, ""))
    with st.expander(f"{plain(frame.name)} · {counted(number, 'label')}" + ("" if learned else " · not learned yet")):
        st.html(_card_html(codebook, frame, counts))
        if not may_now(store, "codebook"):
            return
        with st.container(horizontal=True):
            editing = st.toggle("Edit", key=f"edit {frame.id}")
            retiring = len(codebook.frames) > 1 and st.toggle("Merge or retire", key=f"retire {frame.id}")
        if editing:
            _edit(frame, store)
        if retiring:
            _retire(codebook, frame, store)


def _card_html(codebook: Codebook, frame: Frame, counts: Counts) -> str:
    voices = " · ".join(f"{voice} {counts[frame.id, voice]:,}" for voice in VOICES)
    cues = " · ".join(f"{len(cues)} cues in {language}" for language, cues in frame.cues.items())
    examples = [
        f"[{'near miss' if example.voice == 'none' else example.voice}] {example.text}" for example in frame.examples
    ]
    parts = [("Counts", frame.include), ("Does not count", frame.exclude), ("Examples", examples)]
    lists = "".join(
        f"<b>{title}</b><ul>{''.join(f'<li>{shown(line)}</li>' for line in lines)}</ul>" for title, lines in parts
    )
    edge = f"border-left:4px solid {colour_of(codebook, frame.id)};padding-left:.6rem"
    head = f'<div style="{edge}">{shown(frame.claim)}</div>'
    return f'{head}<div class="nv-small">{frame.id} · {voices} · {cues}</div>{lists}'


def _edit(frame: Frame, store: Store) -> None:
    with st.form(f"form {frame.id}", border=False):
        values: dict[str, Any] = {
            "name": st.text_input("Name", frame.name),
            "claim": st.text_area("Claim", frame.claim),
        }
        for key, title in (("include", "Counts"), ("exclude", "Does not count")):
            values[key] = st.text_area(f"{title} ({_ONE_PER_LINE})", "\n".join(getattr(frame, key)))
        cues = {
            language: st.text_area(f"Cues in {language} ({_ONE_PER_LINE})", "\n".join(phrases))
            for language, phrases in frame.cues.items()
        }
        if st.form_submit_button("Save", type="primary"):
            lists = {key: _lines(values[key]) for key in ("include", "exclude")}
            changes = values | lists | {"cues": {language: _lines(text) for language, text in cues.items()}}
            _change(store, lambda path: edit_frame(path, frame.id, changes), f"edited {frame.id}")


def _retire(codebook: Codebook, frame: Frame, store: Store) -> None:
    """Show what merging or retiring a frame does to its labels, above the button that does it."""
    into = st.selectbox(
        "Merge into",
        ["", *(other for other in codebook.ids if other != frame.id)],
        format_func=lambda other: codebook.frame(other).name if other else "no frame: retire it",
        key=f"into {frame.id}",
    )
    st.text("\n".join(effect(store.label_set(), codebook, frame.id, into).sentences()))
    done = f"merged {frame.id} into {into}" if into else f"retired {frame.id}"
    if st.button(f"Merge {frame.id} into {into}" if into else f"Retire {frame.id}", type="primary"):
        _change(store, lambda path: retire_frame(path, frame.id, into, now()[:10]), done)


def _retired(codebook: Codebook, store: Store) -> None:
    if not codebook.retired:
        return
    with st.expander("Retired frames"):
        for frame in codebook.retired:
            st.text(f"{frame.name} · {fate(frame)}\n{frame.claim}")
            if may_now(store, "codebook") and st.button(f"Restore {frame.id}"):
                _change(store, partial(restore_frame, frame_id=frame.id), f"restored {frame.id}")


def _add(codebook: Codebook, store: Store) -> None:
    with st.expander("Add a frame"), st.form("new frame", border=False):
        st.caption(
            "Give a name, a claim in one sentence and five examples: three that carry the claim and two near misses."
        )
        name, claim = st.text_input("Name", key="new name"), st.text_area("Claim, in one sentence", key="new claim")
        aim = st.selectbox("Aim", codebook.aims, key="new aim", accept_new_options=True)
        examples = [
            {
                "voice": voice,
                "text": st.text_area(f"Example {number}: {'near miss' if voice == 'none' else voice}", height=68),
            }
            for number, voice in enumerate(_EXAMPLES, 1)
        ]
        cues = st.text_area(f"Cues: phrases that often carry the claim ({_ONE_PER_LINE})", key="new cues")
        if st.form_submit_button("Add", type="primary"):
            table = _new_table(name, claim, aim or "", examples, _lines(cues))
            _change(store, lambda path: add_frames(path, [table]), f"added {table['id']}")


def _new_table(name: str, claim: str, aim: str, examples: list[dict[str, str]], cues: list[str]) -> dict[str, Any]:
    return {
        "id": "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split()),
        "name": " ".join(name.split()),
        "aim": aim,
        "claim": " ".join(claim.split()),
        "include": [" ".join(claim.split())],
        "exclude": ["the topic alone, without the claim"],
        "examples": [{"text": " ".join(example["text"].split()), "voice": example["voice"]} for example in examples],
        "crosswalk": {"semeval": [], "disarm": [], "euvsdisinfo": []},
        "cues": {"en": cues or [" ".join(name.lower().split())], "uk": [], "ru": []},
    }


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _change(store: Store, change: Callable[[Path], Codebook], what: str) -> None:
    """Change the file, record the new version in the label database, and show what to do next."""
    path = paths.writable_labels_folder() / "codebook.toml"
    try:
        require(store, annotator(), "codebook")
        version = change(path).version
        store.note("codebook", annotator(), None, f"version {version}: {what}\n{path.read_text(encoding='utf-8')}")
        message = f"Saved version {version}: {what}. Order the queue and retrain the model to use it there."
    except UserError as error:
        message = str(error).replace(f"{path}: ", "")
    st.session_state["codebook_message"] = message
    st.rerun()


def _history(store: Store) -> None:
    changes = store.history(kind="codebook")
    if changes:
        with st.expander("History"):
            for event in reversed(changes):
                st.text(f"{event.at[:16].replace('T', ' ')} · {event.annotator} · {event.note.splitlines()[0]}")
