"""Classifies one text paragraph by paragraph, with evidence, and remarks on what may mislead the reader."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from narratives.codebook.frames import VOICES
from narratives.errors import UserError
from narratives.model.calibration import words_of_probability
from narratives.model.classifier import Classifier, Predictor
from narratives.model.explanation.counterfactual import smallest_flip
from narratives.model.explanation.explain import Evidence, FrameReading
from narratives.model.scope import outside_in_words
from narratives.model.voice_model import in_document
from narratives.text.cleaning import plain
from narratives.text.language import language
from narratives.text.paragraphs import MAX_BYTES, split

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class ParagraphReading:
    """A paragraph of a classified text.

    - ``index``: its number in the text, from 0
    - ``readings``: the reading of every frame, most probable first
    - ``flips``: for each predicted frame, the fewest words without which it would not be predicted (``smallest_flip``)
    - ``outside``: why the model cannot read it (``scope.outside``), "" if it can
    """

    index: int
    text: str
    language: str
    readings: tuple[FrameReading, ...]
    flips: dict[str, tuple[str, ...]]
    outside: str = ""

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
    """A frame in the whole text.

    - ``paragraphs``: indices of the paragraphs in which it is predicted
    - ``strongest``: index of the one with the highest probability, and ``reading``: its reading there
    """

    frame: str
    paragraphs: tuple[int, ...]
    strongest: int
    reading: FrameReading


@dataclass(frozen=True)
class Classification:
    """A classified text.

    - ``model``: ``name@hash`` of the model
    - ``codebook``: version of the codebook it was trained with
    - ``remarks``: sentences on what may mislead the reader
    """

    model: str
    codebook: str
    paragraphs: tuple[ParagraphReading, ...]
    remarks: tuple[str, ...]

    def summaries(self) -> list[Summary]:
        """Return a summary of each frame predicted in the text, highest probability first."""
        by_frame: dict[str, list[tuple[int, FrameReading]]] = {}
        for paragraph in self.paragraphs:
            for reading in paragraph.predicted:
                by_frame.setdefault(reading.frame, []).append((paragraph.index, reading))
        summaries = [
            Summary(frame, tuple(index for index, _ in pairs), *max(pairs, key=lambda pair: pair[1].probability))
            for frame, pairs in by_frame.items()
        ]
        return sorted(summaries, key=lambda summary: -summary.reading.probability)

    def as_json(self, everything: bool = False) -> dict[str, Any]:
        """Return the document of ``classify --json``; frames with decision no only if ``everything``."""
        paragraphs = [
            {
                "index": paragraph.index,
                "text": paragraph.text,
                "language": paragraph.language,
                "scope": "outside" if paragraph.outside else "in",
                "why": outside_in_words(paragraph.outside) if paragraph.outside else "",
                "frames": [
                    frame_json(item) | {"flips_without": list(paragraph.flips.get(item.frame, ()))}
                    for item in (paragraph.readings if everything else paragraph.found)
                ],
            }
            for paragraph in self.paragraphs
        ]
        return {"model": self.model, "codebook": self.codebook, "paragraphs": paragraphs, "remarks": list(self.remarks)}


def frame_json(reading: FrameReading) -> dict[str, Any]:
    """Return a reading as in ``classify --json``; what is said of a voice is of the likeliest one."""
    why = reading.voice_reading
    return {
        "frame": reading.frame,
        "probability": reading.probability,
        "threshold": reading.threshold,
        "band": list(reading.band),
        "decision": reading.decision,
        "words": words_of_probability(reading.probability),
        "right_share": None if math.isnan(reading.right_share) else round(reading.right_share, 3),
        "voice": reading.voice,
        "voice_decision": reading.voice_decision,
        "voices": reading.voices,
        "evidence": [evidence_json(item) for item in reading.evidence],
        "other": reading.other,
        "bias": reading.bias,
        "score": reading.score,
        "voice_evidence": [evidence_json(item) for item in why.evidence],
        "voice_other": why.other,
        "voice_bias": why.bias,
        "voice_score": why.score,
    }


def evidence_json(item: Evidence) -> dict[str, Any]:
    """Return a piece of evidence as in ``classify --json``."""
    return {"text": item.text, "spans": [list(span) for span in item.spans], "weight": item.weight}


def classify(
    classifier: Classifier,
    text: str,
    progress: Callable[[float], None] = lambda share: None,
    predictor: Predictor | None = None,
) -> Classification:
    """Classify ``text`` paragraph by paragraph.

    - ``progress`` is called with the share done, 0 to 1, after each paragraph
    - ``predictor`` may speed up the search for words that would flip a frame; by default the classifier does it

    Raises UserError if the text is empty or larger than MAX_BYTES in UTF-8.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise UserError(
            f"the text has {size / 1e6:.1f} MB, more than the {MAX_BYTES / 1e6:.0f} MB that are classified at once; "
            "put its paragraphs into a table and run `narratives score TABLE -o OUTPUT`"
        )
    pieces = split(text)
    if not pieces:
        raise UserError("the text is empty; paste at least one sentence")
    paragraphs = []
    for index, piece in enumerate(pieces):
        readings = tuple(classifier.explain(piece.text))
        flips = {
            reading.frame: smallest_flip(classifier, piece.text, reading, predictor)
            for reading in readings
            if reading.predicted
        }
        outside = classifier.outside([piece.text]).get(0, "")
        spoken = outside.partition("=")[2] or language(piece.text)
        paragraphs.append(ParagraphReading(index, piece.text, spoken, readings, flips, outside))
        progress((index + 1) / len(pieces))
    paragraphs = _voices_in_document(paragraphs, classifier)
    remarks = tuple(_remarks(text, paragraphs))
    return Classification(classifier.name, classifier.codebook.version, tuple(paragraphs), remarks)


def _voices_in_document(paragraphs: list[ParagraphReading], classifier: Classifier) -> list[ParagraphReading]:
    """Predict the voice of each reading again, given the predicted frames of the other paragraphs.

    A reading near its threshold may be wrong. It is read beside the predicted ones, but they are not read beside it.
    """
    if classifier.voice_model is None:
        return paragraphs
    findings = [(paragraph.index, reading) for paragraph in paragraphs for reading in paragraph.found]
    predicted = [pair for pair in findings if pair[1].predicted]
    voiced = _voiced(predicted, classifier)
    for doubtful in (pair for pair in findings if not pair[1].predicted):
        key = doubtful[0], doubtful[1].frame
        voiced[key] = _voiced([*predicted, doubtful], classifier)[key]
    return [
        replace(
            paragraph,
            readings=tuple(voiced.get((paragraph.index, reading.frame), reading) for reading in paragraph.readings),
        )
        for paragraph in paragraphs
    ]


def _voiced(pairs: list[tuple[int, FrameReading]], classifier: Classifier) -> dict[tuple[int, str], FrameReading]:
    """Return the readings of (paragraph, reading) pairs, in order, with voices predicted together."""
    if not pairs or classifier.voice_model is None:
        return {}
    alone = np.array([[reading.voices[voice] for voice in VOICES] for _, reading in pairs])
    together = in_document(alone, np.array([index for index, _ in pairs]), classifier.voice_model).tolist()
    shares = [dict(zip(VOICES, voices, strict=True)) for voices in together]
    return {
        (index, reading.frame): reading.with_voices(voices, classifier.voice_decision(voices))
        for (index, reading), voices in zip(pairs, shares, strict=True)
    }


def _remarks(text: str, paragraphs: Sequence[ParagraphReading]) -> list[str]:
    remarks = []
    for reason, count in Counter(paragraph.outside for paragraph in paragraphs if paragraph.outside).items():
        some = f"{count} of {len(paragraphs)} paragraphs {'was' if count == 1 else 'were'}"
        which = "The text was" if count == len(paragraphs) else some
        remarks.append(f"{which} not read: {outside_in_words(reason)}.")
    if any(plain(paragraph.text) != paragraph.text for paragraph in paragraphs):
        remarks.append("Addresses, handles, tags and invisible characters were not read; they carry no claim.")
    if _CONTROL.search(text):
        remarks.append("The text holds control characters; they are shown as ␀ and carry no meaning for the model.")
    return remarks
