"""Makes HTML from texts and predictions. Text that users bring reaches HTML only through ``shown``."""

import html
import re
from pathlib import Path

import streamlit as st

from narratives.codebook.frames import Codebook, marked_voice
from narratives.model.calibration import words_of_probability
from narratives.model.document import ParagraphReading
from narratives.model.explanation.explain import Evidence, FrameReading

# Colours that colour-blind people can tell apart (after Okabe and Ito), one for each aim in the codebook's order.
AIM_COLOURS = ("#0072B2", "#D55E00", "#AA3377", "#B8860B", "#009E73", "#3399CC")
_STYLE = Path(__file__).with_name("style.css")
_MARKED = 0.2  # words with less than this share of the strongest evidence are listed, but not marked in the text
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


def paragraph_html(paragraph: ParagraphReading, codebook: Codebook) -> str:
    """Return a paragraph with its evidence underlined, beside its frames as chips that open to show the evidence."""
    chips = [chip_html(reading, codebook, paragraph.flips.get(reading.frame, ())) for reading in paragraph.found]
    chips = chips or ['<div class="nv-quiet">No frame</div>']
    text = marked_text(paragraph.text, paragraph.predicted, codebook)
    return f'<div class="nv-row"><div class="nv-text" dir="auto">{text}</div><div>{"".join(chips)}</div></div>'


def marked_text(text: str, readings: tuple[FrameReading, ...], codebook: Codebook) -> str:
    """Return ``text`` escaped, with the evidence underlined in the frames' colours; stronger evidence is bolder."""
    pieces, offset = [], 0
    for start, end, share, frame in _marks(readings):
        pieces.append(shown(text[offset:start]))
        step, colour = round(3 * share), colour_of(codebook, frame)
        style = f"text-decoration:underline {1 + step}px {colour};font-weight:{400 + 100 * step}"
        title = shown(codebook.frame(frame).name)
        pieces.append(f'<mark style="{style}" title="{title}">{shown(text[start:end])}</mark>')
        offset = end
    return "".join([*pieces, shown(text[offset:])])


def _marks(readings: tuple[FrameReading, ...]) -> list[tuple[int, int, float, str]]:
    """Return spans that do not overlap (start, end, share of the frame's strongest evidence, frame).

    Where spans overlap, the strongest stays.
    """
    candidates = []
    for reading in readings:
        supporting = [item for item in reading.evidence if item.weight > 0]
        top = max((item.weight for item in supporting), default=1.0)
        strong = [item for item in supporting if item.weight >= _MARKED * top]
        candidates += [(item.weight, *span, item.weight / top, reading.frame) for item in strong for span in item.spans]
    marks: list[tuple[int, int, float, str]] = []
    for _, start, end, share, frame in sorted(candidates, key=lambda mark: (-mark[0], mark[1])):
        if all(end <= other[0] or start >= other[1] for other in marks):
            marks.append((start, end, share, frame))
    return sorted(marks)


def chip_html(reading: FrameReading, codebook: Codebook, flip: tuple[str, ...]) -> str:
    """Return a frame's chip: name, voice, a probability bar with threshold and band; opened, its evidence.

    A decision that is left to a person has a dashed border, and the chip says so.
    """
    colour, name = colour_of(codebook, reading.frame), shown(codebook.frame(reading.frame).name)
    voice = marked_voice(reading.stated_voice)
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
    """Return a probability with two decimals, never 0.00 or 1.00: no prediction is certain."""
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
    sentence = (
        f"would flip without: <b>{shown(', '.join(flip))}</b>" if flip else "no small set of words decides it alone"
    )
    return f'<div class="nv-small">{sentence}</div>'


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
