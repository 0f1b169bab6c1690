"""Owns how others' text and our readings become HTML. `shown` is the only way a text of others reaches a page."""

import html
import re
from pathlib import Path

import streamlit as st

from narratives.codebook.frames import VOICE_MARKS, Codebook
from narratives.model.calibration import words_of_probability
from narratives.model.document import ParagraphReading
from narratives.model.explain import Evidence, FrameReading

# Okabe and Ito's colour-blind safe set, one for each aim group in the codebook's order.
AIM_COLOURS = ("#0072B2", "#D55E00", "#AA3377", "#B8860B", "#009E73", "#3399CC")
_STYLE = Path(__file__).with_name("style.css")
_MARKED = 0.2  # share of the strongest evidence below which words are listed but not marked in the text
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def shown(text: str) -> str:
    """Escape a text of others for HTML: every character is shown to the letter, control characters as ␀ and kin."""
    visible = _CONTROL.sub(lambda found: chr(0x2400 + min(ord(found.group()), 0x21)), text)
    return html.escape(visible.encode("utf-8", "replace").decode("utf-8"))


def plain(text: str) -> str:
    """Return a text of others for a label or message of Streamlit's, which would read Markdown in it."""
    return "".join(f"\\{character}" if character in "\\`*_{}[]()#+-.!<>~$:|" else character for character in text)


def put_style() -> None:
    """Put the style sheet of our HTML on the page; once a page is enough."""
    st.html(_STYLE)


def aim_colours(codebook: Codebook) -> dict[str, str]:
    """Return the colour of each aim group, in the codebook's order."""
    return {aim: AIM_COLOURS[number % len(AIM_COLOURS)] for number, aim in enumerate(codebook.aims)}


def colour_of(codebook: Codebook, frame: str) -> str:
    """Return the colour of the frame's aim group."""
    return aim_colours(codebook)[codebook.frame(frame).aim]


def paragraph_html(paragraph: ParagraphReading, codebook: Codebook) -> str:
    """Return one paragraph with its evidence underlined, and its frames as chips that open to the evidence."""
    chips = [chip_html(reading, codebook, paragraph.flips.get(reading.frame, ())) for reading in paragraph.found]
    chips = chips or ['<div class="nv-quiet">No frame</div>']
    text = marked_text(paragraph.text, paragraph.predicted, codebook)
    return f'<div class="nv-row"><div class="nv-text" dir="auto">{text}</div><div>{"".join(chips)}</div></div>'


def marked_text(text: str, readings: tuple[FrameReading, ...], codebook: Codebook) -> str:
    """Return ``text`` escaped, the evidence for the frames found underlined in their colours, stronger = bolder."""
    pieces, position = [], 0
    for start, end, share, frame in _marks(readings):
        pieces.append(shown(text[position:start]))
        step, colour = round(3 * share), colour_of(codebook, frame)
        style = f"text-decoration:underline {1 + step}px {colour};font-weight:{400 + 100 * step}"
        title = shown(codebook.frame(frame).name)
        pieces.append(f'<mark style="{style}" title="{title}">{shown(text[start:end])}</mark>')
        position = end
    return "".join([*pieces, shown(text[position:])])


def _marks(readings: tuple[FrameReading, ...]) -> list[tuple[int, int, float, str]]:
    """Return spans (start, end, share of the frame's strongest, frame) that do not overlap, the stronger kept."""
    wanted = []
    for reading in readings:
        pro = [item for item in reading.evidence if item.weight > 0]
        top = max((item.weight for item in pro), default=1.0)
        strong = [item for item in pro if item.weight >= _MARKED * top]
        wanted += [(item.weight, *span, item.weight / top, reading.frame) for item in strong for span in item.spans]
    kept: list[tuple[int, int, float, str]] = []
    for _, start, end, share, frame in sorted(wanted, key=lambda mark: (-mark[0], mark[1])):
        if all(end <= other[0] or start >= other[1] for other in kept):
            kept.append((start, end, share, frame))
    return sorted(kept)


def chip_html(reading: FrameReading, codebook: Codebook, flip: tuple[str, ...]) -> str:
    """Return a frame's chip: name, voice, probability bar with the threshold and the band; opened, its evidence.

    What a person should decide is dashed, and says so.
    """
    colour, name = colour_of(codebook, reading.frame), shown(codebook.frame(reading.frame).name)
    voice = f"{VOICE_MARKS[reading.voice]} {reading.voice}" if reading.voice else ""
    likely = f"{likelihood(reading.probability)} · {words_of_probability(reading.probability)}"
    ask = " · <b>for a person to decide</b>" if reading.decision == "human" else ""
    kind = "nv-chip nv-ask" if ask else "nv-chip"
    return (
        f'<details class="{kind}" style="border-left-color:{colour}"><summary>'
        f'<span class="nv-voice">{voice}</span><span class="nv-name">{name}</span>{_bar(reading, colour)}'
        f'<span class="nv-small">{likely} · threshold {reading.threshold:.2f}{ask}</span></summary>'
        f'<div class="nv-why">{_evidence_table(reading, colour)}{_flip_html(reading, flip)}</div></details>'
    )


def likelihood(probability: float) -> str:
    """Return a probability with two digits that never claims certainty."""
    if probability > 0.99:
        return "> 0.99"
    return "< 0.01" if probability < 0.01 else f"{probability:.2f}"


def _bar(reading: FrameReading, colour: str) -> str:
    filled, tick = 100 * reading.probability, 100 * reading.threshold
    low, high = (100 * edge for edge in reading.band)
    inside = (
        f'<u style="left:{low:.1f}%;width:{high - low:.1f}%"></u>'
        f'<i style="width:{filled:.1f}%;background:{colour}"></i><b style="left:{tick:.1f}%"></b>'
    )
    return f'<div class="nv-bar">{inside}</div>'


def _flip_html(reading: FrameReading, flip: tuple[str, ...]) -> str:
    if not reading.predicted:
        return ""
    gone = f"would flip without: <b>{shown(', '.join(flip))}</b>" if flip else "no few words decide it alone"
    return f'<div class="nv-small">{gone}</div>'


def _evidence_table(reading: FrameReading, colour: str) -> str:
    top = max((abs(item.weight) for item in reading.evidence), default=1.0)
    rows = [_evidence_row(item, top, colour) for item in reading.evidence]
    rest = f"other words {reading.other:+.2f} · base {reading.bias:+.2f} · score {reading.score:+.2f}"
    voices = " · ".join(f"{voice} {share:.2f}" for voice, share in reading.voices.items())
    return f'<table>{"".join(rows)}</table><div class="nv-small">{rest}</div><div class="nv-small">{voices}</div>'


def _evidence_row(item: Evidence, top: float, colour: str) -> str:
    width = 100 * abs(item.weight) / top
    style = f"width:{width:.0f}%;background:{colour}" if item.weight > 0 else f"width:{width:.0f}%"
    kind = "" if item.weight > 0 else ' class="nv-contra"'
    return f'<tr><td>{shown(item.text)}</td><td><i{kind} style="{style}"></i></td><td>{item.weight:+.2f}</td></tr>'
