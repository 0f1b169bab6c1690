"""Owns the reading of one text: split into paragraphs, each with its frames, voices and evidence, and plain remarks."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from narratives.codebook.frames import VOICES
from narratives.errors import UserError
from narratives.model.calibration import words_of_probability
from narratives.model.classifier import Classifier
from narratives.model.counterfactual import Reader, smallest_flip
from narratives.model.explain import Evidence, FrameReading
from narratives.model.voice_model import VoiceModel, in_document
from narratives.text.language import language
from narratives.text.paragraphs import MAX_BYTES, split

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_KNOWN = ("en", "uk", "ru")


@dataclass(frozen=True)
class ParagraphReading:
    """One paragraph: its place in the text, language, and every frame's reading, most probable first.

    ``flips`` has for each predicted frame the fewest words without which it would not be; empty if they are many.
    """

    index: int
    text: str
    language: str
    readings: tuple[FrameReading, ...]
    flips: dict[str, tuple[str, ...]]

    @property
    def found(self) -> tuple[FrameReading, ...]:
        """The frames with decision yes or human."""
        return tuple(reading for reading in self.readings if reading.decision != "no")

    @property
    def predicted(self) -> tuple[FrameReading, ...]:
        """The frames whose probability reaches their threshold."""
        return tuple(reading for reading in self.readings if reading.predicted)


@dataclass(frozen=True)
class Summary:
    """A frame in the whole document: in which paragraphs it is predicted, and its strongest reading."""

    frame: str
    paragraphs: tuple[int, ...]
    strongest: int
    reading: FrameReading


@dataclass(frozen=True)
class Classification:
    """What the model says of one text. ``remarks`` are plain sentences on what may mislead."""

    model: str
    codebook: str
    paragraphs: tuple[ParagraphReading, ...]
    remarks: tuple[str, ...]

    def summaries(self) -> list[Summary]:
        """Return the frames predicted anywhere, the one with the highest probability first."""
        found: dict[str, list[tuple[int, FrameReading]]] = {}
        for paragraph in self.paragraphs:
            for reading in paragraph.predicted:
                found.setdefault(reading.frame, []).append((paragraph.index, reading))
        tops = {frame: max(places, key=lambda place: place[1].probability) for frame, places in found.items()}
        summaries = [Summary(f, tuple(index for index, _ in found[f]), *top) for f, top in tops.items()]
        return sorted(summaries, key=lambda summary: -summary.reading.probability)

    def as_json(self, everything: bool = False) -> dict[str, Any]:
        """Return the contract of ``classify --json``; frames with decision no only if ``everything``."""
        paragraphs = [
            {
                "index": paragraph.index,
                "text": paragraph.text,
                "language": paragraph.language,
                "frames": [
                    frame_json(item) | {"flips_without": list(paragraph.flips.get(item.frame, ()))}
                    for item in (paragraph.readings if everything else paragraph.found)
                ],
            }
            for paragraph in self.paragraphs
        ]
        return {"model": self.model, "codebook": self.codebook, "paragraphs": paragraphs, "remarks": list(self.remarks)}


def frame_json(reading: FrameReading) -> dict[str, Any]:
    """Return one frame's reading as plain values, as the contract names them."""
    return {
        "frame": reading.frame,
        "probability": reading.probability,
        "threshold": reading.threshold,
        "band": list(reading.band),
        "decision": reading.decision,
        "words": words_of_probability(reading.probability),
        "voice": reading.voice,
        "voices": reading.voices,
        "evidence": [evidence_json(item) for item in reading.evidence],
        "other": reading.other,
        "bias": reading.bias,
        "score": reading.score,
    }


def evidence_json(item: Evidence) -> dict[str, Any]:
    """Return a piece of evidence as plain values."""
    return {"text": item.text, "spans": [list(span) for span in item.spans], "weight": item.weight}


def classify(
    classifier: Classifier,
    text: str,
    progress: Callable[[float], None] = lambda share: None,
    reader: Reader | None = None,
) -> Classification:
    """Read ``text``; ``progress`` is told the share done, 0 to 1; a quick ``reader`` finds what would flip a frame.

    Raises UserError if the text is empty or above 5 MB in UTF-8.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise UserError(
            f"the text has {size / 1e6:.1f} MB, more than the 5 MB that are read at once; "
            "put its paragraphs into a table and run `narratives score TABLE -o OUTPUT`"
        )
    pieces = split(text)
    if not pieces:
        raise UserError("the text is empty; paste at least one sentence")
    paragraphs = []
    for index, piece in enumerate(pieces):
        readings = tuple(classifier.explain(piece.text))
        flips = {item.frame: smallest_flip(classifier, piece.text, item, reader) for item in readings if item.predicted}
        paragraphs.append(ParagraphReading(index, piece.text, language(piece.text), readings, flips))
        progress((index + 1) / len(pieces))
    paragraphs = _voices_in_document(paragraphs, classifier)
    remarks = tuple(_remarks(text, paragraphs))
    return Classification(classifier.name, classifier.codebook.version, tuple(paragraphs), remarks)


def _voices_in_document(paragraphs: list[ParagraphReading], classifier: Classifier) -> list[ParagraphReading]:
    """Give each frame found the voice that it has with the predicted ones of the other paragraphs in view."""
    if classifier.voice_model is None:
        return paragraphs
    pairs = [(one.index, reading) for one in paragraphs for reading in one.predicted]
    doubtful = [(one.index, reading) for one in paragraphs for reading in one.found if not reading.predicted]
    voiced = _voiced(pairs, classifier.voice_model)
    for pair in doubtful:
        voiced |= dict([_voiced([*pairs, pair], classifier.voice_model).popitem()])
    return [
        replace(one, readings=tuple(voiced.get((one.index, reading.frame), reading) for reading in one.readings))
        for one in paragraphs
    ]


def _voiced(pairs: list[tuple[int, FrameReading]], model: VoiceModel) -> dict[tuple[int, str], FrameReading]:
    """Return the readings of (paragraph, reading) pairs, in order, with the voices that they have side by side."""
    if not pairs:
        return {}
    alone = np.array([[reading.voices[voice] for voice in VOICES] for _, reading in pairs])
    said = in_document(alone, np.array([index for index, _ in pairs]), model).tolist()
    return {
        (index, reading.frame): reading.with_voices(dict(zip(VOICES, shares, strict=True)))
        for (index, reading), shares in zip(pairs, said, strict=True)
    }


def _remarks(text: str, paragraphs: Sequence[ParagraphReading]) -> list[str]:
    remarks = []
    foreign = sum(paragraph.language not in _KNOWN for paragraph in paragraphs)
    if foreign:
        which = "The text" if foreign == len(paragraphs) else f"{foreign} of {len(paragraphs)} paragraphs"
        remarks.append(f"{which} does not look like English, Ukrainian or Russian; the model knows no other language.")
    if len(_TAG.findall(text)) >= 3:
        remarks.append("The text holds HTML tags; they are read as words. Paste the text as a reader sees it.")
    if _CONTROL.search(text):
        remarks.append("The text holds control characters; they are shown as ␀ and carry no meaning for the model.")
    return remarks
