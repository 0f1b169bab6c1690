"""Shows the labelling board, a component in the browser: a paragraph, the frames with their keys, a step sent back."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import streamlit as st

from narratives.annotation.steps import Suggestion
from narratives.codebook.frames import Codebook, Frame
from narratives.labels.label_set import Label
from narratives.ui.components.html import colour_of, likelihood

_KEYS = "123456789ADEHIJKLNQTVWX"  # the other letters are commands; V, W and X also accept a reading (board.js)
_HERE = Path(__file__).parent
_KEEP = """export default function ({ data }) {
  window.narrativesFrames = data.frames;
  document.dispatchEvent(new Event("narratives-frames"));
}"""


def put_frames(codebook: Codebook) -> None:
    """Send the frames with their guidelines to the browser, once for each page; a step then sends only a paragraph."""
    _keeper()(data={"frames": frames_of(codebook)}, key="frames")


def board(data: dict[str, Any], key: str, on_step: Callable[[], None]) -> None:
    """Show a board. ``on_step`` runs when a step arrived, before the page runs again; ``arrived`` returns the step."""
    _component()(data=data, key=key, on_step_change=on_step)


def arrived(key: str) -> dict[str, Any]:
    """Return the step that a board sent, empty if none.

    Under load the callback of a step may run while Streamlit holds no state of the component, for instance when a
    script run was cut short before it came to the board. The step is then not lost: the browser sends it again.
    """
    return dict((st.session_state.get(key) or {}).get("step") or {})


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    style, script = ((_HERE / f"board.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return st.components.v2.component("narratives-board", html='<div class="home"></div>', css=style, js=script)


@st.cache_resource(show_spinner=False)
def _keeper() -> Any:
    return st.components.v2.component("narratives-frames", html='<i class="frames"></i>', js=_KEEP)


def hints(suggestions: Iterable[Suggestion]) -> list[dict[str, str]]:
    """Return what models suggest as the board shows it beside the frames; another model than ours by its name."""
    return [
        {"frame": suggestion.frame, "voice": suggestion.voice, "likely": _likely(suggestion)}
        for suggestion in suggestions
    ]


def _likely(suggestion: Suggestion) -> str:
    probability = "" if suggestion.probability is None else likelihood(suggestion.probability)
    return " · ".join(filter(None, (probability, suggestion.by)))


def conveyed(reading: Iterable[Label]) -> list[list[str]]:
    """Return the frames that a reading has, each with its voice."""
    return [[label.frame, label.voice] for label in reading if label.frame and label.value == "yes"]


def frames_of(codebook: Codebook) -> list[dict[str, Any]]:
    """Return the frames ordered by aim, each with its key and its guideline."""
    ordered = [frame for aim in codebook.aims for frame in codebook.frames if frame.aim == aim]
    keys = [*_KEYS, *[""] * len(ordered)]
    return [_frame(codebook, frame, key) for frame, key in zip(ordered, keys, strict=False)]


def _frame(codebook: Codebook, frame: Frame, key: str) -> dict[str, Any]:
    kinds = [example.voice if example.voice != "none" else "near miss" for example in frame.examples]
    return {
        "id": frame.id,
        "name": frame.name,
        "key": key,
        "aim": frame.aim,
        "colour": colour_of(codebook, frame.id),
        "claim": frame.claim,
        "include": list(frame.include),
        "exclude": list(frame.exclude),
        "examples": [f"[{kind}] {example.text}" for kind, example in zip(kinds, frame.examples, strict=True)],
    }
