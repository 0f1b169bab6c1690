"""Makes HTML of the findings of a paragraph: its evidence marked in the text, and a chip for each frame."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from narratives.codebook.frames import VOICE_MARKS, Codebook, marked_voice
from narratives.model.calibration import words_of_probability
from narratives.model.document import ParagraphReading
from narratives.model.explanation.explain import Evidence, FrameReading
from narratives.model.scope import outside_in_words
from narratives.ui.components.html import colour_of, likelihood, shown

VOICE_KEYS = {"promotes": "P", "reports": "O", "rebuts": "B"}
_MARKED = 0.2  # words with less than this share of the strongest evidence are listed, but not marked in the text
_NAMED = 3  # words for a voice, and against it, that stand under a finding before it is opened


@dataclass(frozen=True)
class ByPerson:
    """What somebody did to the findings of a paragraph.

    - ``frames``: those whose voice can be corrected
    - ``voices``: the voice that a person gave, by frame
    - ``opened``: the frames whose chips are open
    """

    frames: Collection[str] = ()
    voices: Mapping[str, str] = field(default_factory=dict)
    opened: Collection[str] = ()


_NOBODY = ByPerson()


def paragraph_html(paragraph: ParagraphReading, codebook: Codebook, person: ByPerson = _NOBODY) -> str:
    """Return a paragraph with its evidence underlined, beside its frames as chips that open to show the evidence."""
    chips = [
        chip_html(reading, codebook, paragraph.flips.get(reading.frame, ()), person) for reading in paragraph.found
    ]
    nothing = f"Not read: {outside_in_words(paragraph.outside)}" if paragraph.outside else "No frame"
    chips = chips or [f'<div class="nv-quiet">{shown(nothing)}</div>']
    text = marked_text(paragraph.text, paragraph.predicted, codebook)
    return (
        f'<div class="nv-row" data-paragraph="{paragraph.index}"><div class="nv-text" dir="auto">{text}</div>'
        f"<div>{''.join(chips)}</div></div>"
    )


def marked_text(text: str, readings: tuple[FrameReading, ...], codebook: Codebook) -> str:
    """Return ``text`` escaped, with the evidence underlined in the frames' colours; stronger evidence is bolder.

    What counts for the voice of a frame has a dotted line below, in the colour of the text.
    """
    frames, voices = _marks(readings, by_voice=False), _marks(readings, by_voice=True)
    edges = sorted({0, len(text), *(edge for mark in (*frames, *voices) for edge in mark[:2])})
    pieces = []
    for start, end in pairwise(edges):
        piece = shown(text[start:end])
        if mark := _covering(voices, start):
            piece = f'<span class="nv-voiced" title="for {mark.reading.hedged_voice}">{piece}</span>'
        if mark := _covering(frames, start):
            piece = _underlined(piece, mark, codebook)
        pieces.append(piece)
    return "".join(pieces)


class _Mark(NamedTuple):
    """A span to be marked: the share of the strongest evidence, and the reading that it is evidence of."""

    start: int
    end: int
    share: float
    reading: FrameReading


def _underlined(piece: str, mark: _Mark, codebook: Codebook) -> str:
    step, colour = round(3 * mark.share), colour_of(codebook, mark.reading.frame)
    style = f"text-decoration:underline {1 + step}px {colour};font-weight:{400 + 100 * step}"
    return f'<mark style="{style}" title="{shown(codebook.frame(mark.reading.frame).name)}">{piece}</mark>'


def _covering(marks: Iterable[_Mark], offset: int) -> _Mark | None:
    return next((mark for mark in marks if mark.start <= offset < mark.end), None)


def _marks(readings: tuple[FrameReading, ...], by_voice: bool) -> list[_Mark]:
    """Return spans of evidence for the frames, or for their voices, that do not overlap.

    Where spans overlap, the strongest stays.
    """
    candidates = []
    for reading in readings:
        evidence = reading.voice_reading.evidence if by_voice else reading.evidence
        supporting = [item for item in evidence if item.weight > 0]
        top = max((item.weight for item in supporting), default=1.0)
        strong = [item for item in supporting if item.weight >= _MARKED * top]
        candidates += [
            (item.weight, _Mark(*span, item.weight / top, reading)) for item in strong for span in item.spans
        ]
    marks: list[_Mark] = []
    for _, mark in sorted(candidates, key=lambda pair: (-pair[0], pair[1].start)):
        if all(mark.end <= other.start or mark.start >= other.end for other in marks):
            marks.append(mark)
    return marks


def chip_html(reading: FrameReading, codebook: Codebook, flip: tuple[str, ...], person: ByPerson = _NOBODY) -> str:
    """Return a frame's chip: name, voice, a probability bar with threshold and band; opened, its evidence.

    A decision that is left to a person has a dashed border, and the chip says so. Beside the voice are the other ones,
    to be chosen by a click (``voice_keys``).
    """
    colour, name = colour_of(codebook, reading.frame), shown(codebook.frame(reading.frame).name)
    likely = f"{likelihood(reading.probability)} · {words_of_probability(reading.probability)}{_promise(reading)}"
    ask = " · <b>for a person to decide</b>" if reading.decision == "human" else ""
    kind = "nv-chip nv-ask" if ask else "nv-chip"
    summary = (
        f'{_voice_choice(reading, person)}<span class="nv-name">{name}</span>{_bar(reading, colour)}'
        f'<span class="nv-small">{likely} · threshold {reading.threshold:.2f}{ask}</span>'
        f"{_voice_words(reading, person)}"
    )
    why = f"{_evidence_html(reading, colour)}{_flip_html(reading, flip)}{_voice_html(reading)}"
    opened = " open" if reading.frame in person.opened else ""
    return (
        f'<details class="{kind}" data-frame="{shown(reading.frame)}" style="border-left-color:{colour}"{opened}>'
        f'<summary>{summary}</summary><div class="nv-why">{why}</div></details>'
    )


def _promise(reading: FrameReading) -> str:
    """Return how often a probability in these words was right on held-out text, "" if nobody knows."""
    return "" if math.isnan(reading.right_share) else f", right in {round(10 * reading.right_share)} of 10 like this"


def _voice_choice(reading: FrameReading, person: ByPerson) -> str:
    """Return the voice, that of a person if there is one, and a button for each other voice."""
    given = person.voices.get(reading.frame, "")
    voice = given or reading.stated_voice
    yours = ' · <b>yours</b> <button type="button" data-undo="1" title="undo (Z)">↶</button>' if given else ""
    others = [other for other in reading.voices if other != voice and reading.frame in person.frames]
    buttons = [
        f'<button type="button" data-voice="{other}" title="{other} ({VOICE_KEYS[other]})" aria-label="{other}">'
        f"{VOICE_MARKS[other]}</button>"
        for other in others
    ]
    return f'<span class="nv-voice">{marked_voice(voice)}{yours} {"".join(buttons)}</span>'


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


def _voice_words(reading: FrameReading, person: ByPerson) -> str:
    """Return the strongest words for the voice of the model and against it, in one line."""
    evidence = reading.voice_reading.evidence
    pro = _word_list([item for item in evidence if item.weight > 0], "nv-voiced")
    contra = _word_list([item for item in evidence if item.weight < 0], "nv-unvoiced")
    sides = [f"{side}: {words}" for side, words in (("for", pro), ("against", contra)) if words]
    whose = "the model: " if person.voices.get(reading.frame) else ""
    return f'<div class="nv-small">{whose}{reading.hedged_voice}, {" / ".join(sides)}</div>' if sides else ""


def _word_list(evidence: Sequence[Evidence], kind: str) -> str:
    return ", ".join(f'<span class="{kind}">{shown(item.text)}</span>' for item in evidence[:_NAMED])


def _voice_html(reading: FrameReading) -> str:
    """Return the probabilities of the voices, and what counted for and against the likeliest."""
    if not reading.voices:
        return ""
    voices = " · ".join(f"{voice} {share:.2f}" for voice, share in reading.voices.items())
    why = reading.voice_reading
    rest = f"other {why.other:+.2f} · base {why.bias:+.2f} · score of {reading.voice} {why.score:+.2f}"
    head = f'<div class="nv-head">{marked_voice(reading.voice)}: {voices}</div>'
    return f'{head}{_evidence_table(why.evidence, "currentColor")}<div class="nv-small">{rest}</div>'


def _evidence_html(reading: FrameReading, colour: str) -> str:
    rest = f"other words {reading.other:+.2f} · base {reading.bias:+.2f} · score {reading.score:+.2f}"
    return f'{_evidence_table(reading.evidence, colour)}<div class="nv-small">{rest}</div>'


def _evidence_table(evidence: Sequence[Evidence], colour: str) -> str:
    top = max((abs(item.weight) for item in evidence), default=1.0)
    return f"<table>{''.join(_evidence_row(item, top, colour) for item in evidence)}</table>"


def _evidence_row(item: Evidence, top: float, colour: str) -> str:
    width = 100 * abs(item.weight) / top
    style = f"width:{width:.0f}%;background:{colour}" if item.weight > 0 else f"width:{width:.0f}%"
    kind = "" if item.weight > 0 else ' class="nv-contra"'
    return f'<tr><td>{shown(item.text)}</td><td><i{kind} style="{style}"></i></td><td>{item.weight:+.2f}</td></tr>'
