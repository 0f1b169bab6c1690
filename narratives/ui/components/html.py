"""Makes HTML from texts. Text that users bring reaches HTML only through ``shown``."""

import html
import re
from pathlib import Path

import streamlit as st

from narratives.codebook.frames import Codebook

# Colours that colour-blind people can tell apart (after Okabe and Ito), one for each aim in the codebook's order.
AIM_COLOURS = ("#0072B2", "#D55E00", "#AA3377", "#B8860B", "#009E73", "#3399CC")
GREY = "#888888"  # what has no aim; legible in light and dark
_STYLE = Path(__file__).with_name("style.css")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def shown(text: str) -> str:
    """Escape a text for HTML: every character is shown as it is, a control character as its picture (␀ for NUL)."""
    visible = _CONTROL.sub(lambda match: chr(0x2400 + min(ord(match.group()), 0x21)), text)
    # Half of a surrogate pair cannot be encoded, and the page would not arrive at all.
    return html.escape(visible.encode("utf-8", "replace").decode("utf-8"))


def plain(text: str) -> str:
    """Escape a text for a Streamlit label or message, which would read Markdown in it."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]()#+-.!<>~$:|" else character for character in text)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 paragraph``, ``1,200 paragraphs``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def put_style() -> None:
    """Put the style sheet for this HTML on the page; once a page is enough."""
    st.html(_STYLE)


def aim_colours(codebook: Codebook) -> dict[str, str]:
    """Return the colour of each aim, in the codebook's order."""
    return {aim: AIM_COLOURS[number % len(AIM_COLOURS)] for number, aim in enumerate(codebook.aims)}


def colour_of(codebook: Codebook, frame: str) -> str:
    """Return the colour of the frame's aim."""
    return aim_colours(codebook)[codebook.frame(frame).aim]


def likelihood(probability: float) -> str:
    """Return a probability with two decimals, never 0.00 or 1.00: no prediction is certain."""
    if probability > 0.99:
        return "> 0.99"
    return "< 0.01" if probability < 0.01 else f"{probability:.2f}"
