"""Keeps the voices that a person gave to findings of the text on show, each stored as a label, and takes them back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from narratives.annotation.steps import Correction, correct
from narratives.codebook.frames import VOICES, Codebook
from narratives.errors import UserError
from narratives.model.document import Classification, ParagraphReading
from narratives.store.events import Store
from narratives.ui.components.findings import ByPerson

_LONGEST_STEP = 60  # characters of a name of a step


@dataclass(frozen=True)
class GivenVoice:
    """A voice given to a frame in a paragraph, stored under ``step``."""

    step: str
    text: str
    frame: str
    voice: str


@dataclass
class VoiceCorrections:
    """The corrected voices of a session.

    - ``given``: those that are stored, oldest first
    - ``waiting``: one that waits for the name of the person
    - ``handled``: the step of the last one that arrived
    - ``complaint``: why the last one was not stored
    - ``opened``: the frames whose chips were open, by paragraph
    """

    given: list[GivenVoice] = field(default_factory=list)
    waiting: GivenVoice | None = None
    handled: str = ""
    complaint: str = ""
    opened: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of_session(cls) -> "VoiceCorrections":
        """Return the session's corrections."""
        corrections: VoiceCorrections = st.session_state.setdefault("voice_corrections", cls())
        return corrections

    def voice(self, text: str, frame: str) -> str:
        """Return the voice given to a frame in a paragraph, empty if none."""
        last = self._last(text, frame)
        return last.voice if last else ""

    def by_person(self, paragraph: ParagraphReading, frames: Collection[str]) -> ByPerson:
        """Return what a person did to the findings of a paragraph; the voices of ``frames`` can be corrected."""
        given = {reading.frame: self.voice(paragraph.text, reading.frame) for reading in paragraph.found}
        return ByPerson(frames, given, self.opened.get(paragraph.index, ()))

    def take(self, sent: Mapping[str, Any], classification: Classification, store: Store, annotator: str) -> None:
        """Take what the browser sent: undo a correction, or keep one for ``store_waiting``.

        What names no finding of ``classification`` is ignored, as is a step that was taken before.
        """
        step, frame = str(sent.get("step", "")), str(sent.get("frame", ""))
        text = _text_of(classification, sent.get("paragraph"), frame)
        if not step.isalnum() or len(step) > _LONGEST_STEP or step == self.handled or text is None:
            return
        self.handled, self.complaint = step, ""
        self.opened[int(sent["paragraph"])] = tuple(str(name) for name in sent.get("opened") or ())
        if sent.get("undo"):
            self._undo(text, frame, store, annotator)
        elif sent.get("voice") in VOICES:
            self.waiting = GivenVoice(step, text, frame, str(sent["voice"]))

    def store_waiting(self, store: Store, annotator: str, codebook: Codebook, model: str) -> None:
        """Store the correction that waits, if any, as a label of ``annotator``."""
        if self.waiting is None:
            return
        waiting, self.waiting = self.waiting, None
        correction = Correction(waiting.text, waiting.frame, "yes", waiting.voice)
        try:
            correct(store, correction, annotator, codebook, model, waiting.step)
            self.given.append(waiting)
        except UserError as error:
            self.complaint = str(error)

    def _last(self, text: str, frame: str) -> GivenVoice | None:
        return next((each for each in reversed(self.given) if (each.text, each.frame) == (text, frame)), None)

    def _undo(self, text: str, frame: str, store: Store, annotator: str) -> None:
        last = self._last(text, frame)
        if last is None:
            return
        try:
            store.undo_all(annotator, last.step)
            self.given.remove(last)
        except UserError as error:
            self.complaint = str(error)


def _text_of(classification: Classification, index: Any, frame: str) -> str | None:
    """Return the text of the paragraph with this index if it has a finding of this frame."""
    if not isinstance(index, int) or not 0 <= index < len(classification.paragraphs):
        return None
    paragraph = classification.paragraphs[index]
    return paragraph.text if frame in {reading.frame for reading in paragraph.found} else None
