"""Lets the browser correct the voice of a finding by one click or key: a component that shows nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_SCRIPT = Path(__file__).with_name("voice_keys.js")


def put_voice_keys(key: str, on_voice: Callable[[], None]) -> None:
    """Listen for voices chosen on the findings of this page.

    ``on_voice`` runs when one arrived, before the page runs again; ``chosen_voice`` returns it.
    """
    _component()(key=key, on_voice_change=on_voice)


def chosen_voice(key: str) -> dict[str, Any]:
    """Return what arrived, empty if nothing: voice or undo, paragraph, frame, the chips that are open, step."""
    return dict((st.session_state.get(key) or {}).get("voice") or {})


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    script = _SCRIPT.read_text(encoding="utf-8")
    return st.components.v2.component("narratives-voice-keys", html='<i class="keys"></i>', js=script)
