"""Defines frames, voices and the codebook that holds them, and retires a frame."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from narratives.errors import UserError

VOICES = ("promotes", "reports", "rebuts")
UNSETTLED = "unsettled"  # in place of a voice that is left to a person
UNSETTLED_MEANS = "Unsettled: the model is not sure enough of the voice to state it, so a person decides."
VOICE_MARKS = {"promotes": "▲", "reports": "●", "rebuts": "▼", UNSETTLED: "◇"}
LANGUAGES = ("en", "uk", "ru")


@dataclass(frozen=True)
class Example:
    """An example paragraph: of the frame, with its voice, or a near miss, with voice ``none``."""

    text: str
    voice: str


@dataclass(frozen=True)
class Frame:
    """One code of the codebook.

    - ``claim``: the claim that a paragraph of this frame makes, and ``aim``: what the claim is meant to achieve.
    - ``include`` and ``exclude``: what counts as the frame and what does not.
    - ``cues``: typical phrases, by language.
    - ``crosswalk``: the codes of the same idea in public taxonomies, by taxonomy.
    - ``since``: the version of the codebook that added the frame; empty for one of the first version. Readings by an
      earlier version say nothing of it.
    """

    id: str
    name: str
    aim: str = ""
    claim: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    cues: dict[str, tuple[str, ...]] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    crosswalk: dict[str, tuple[str, ...]] = field(default_factory=dict)
    since: str = ""


@dataclass(frozen=True)
class Retired:
    """A frame retired on the day ``on``. Its labels count as labels of ``into``; if that is empty, of no frame."""

    id: str
    name: str
    claim: str
    on: str
    into: str


@dataclass(frozen=True)
class Codebook:
    """The frames in order, with the version that labels refer to (empty for a taxonomy without a codebook).

    ``retired`` frames are kept because older labels name them.
    """

    version: str
    frames: tuple[Frame, ...]
    retired: tuple[Retired, ...] = ()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The frame ids in the codebook's order, which is the order of the columns of every matrix."""
        return tuple(frame.id for frame in self.frames)

    @cached_property
    def ever(self) -> frozenset[str]:
        """The ids of all frames, the retired ones included."""
        return frozenset((*self.ids, *(frame.id for frame in self.retired)))

    @cached_property
    def aims(self) -> tuple[str, ...]:
        """The aims in order of first use."""
        return tuple(dict.fromkeys(frame.aim for frame in self.frames))

    @cached_property
    def successors(self) -> dict[str, str]:
        """The frame that each retired frame counts as, across later mergers; empty where it counts as none."""
        into = {frame.id: frame.into for frame in self.retired}
        return {frame_id: _end_of(frame_id, into) for frame_id in into}

    def read_by(self, version: str) -> tuple[str, ...]:
        """Return the frames that a reading by this version of the codebook speaks of: all but those added later.

        A version without a number (a table that does not name one) is taken for the present one.
        """
        order = _order_of(version)
        return tuple(frame.id for frame in self.frames if not order or _order_of(frame.since) <= order)

    def counts_as(self, frame_id: str) -> str:
        """Return the frame that labels of ``frame_id`` count as: itself, its successor, or empty for none."""
        return frame_id if frame_id in self.ids else self.successors.get(frame_id, "")

    def frame(self, frame_id: str) -> Frame:
        """Return the frame with this id. Raises KeyError if the codebook has no such frame."""
        if frame_id not in self.ids:
            raise KeyError(frame_id)
        return self.frames[self.ids.index(frame_id)]


def _order_of(version: str) -> tuple[int, ...]:
    """Return a version as numbers that sort: "2" before "10", "1.0" before "1.0+". Empty if it has no number."""
    numbers = tuple(map(int, re.findall(r"\d+", version)))
    return (*numbers, version.count("+")) if numbers else ()


def _end_of(frame_id: str, into: Mapping[str, str]) -> str:
    """Follow ``into`` from a retired frame to its end."""
    # Bounded by the number of frames: a codebook with a circle must reach the check that refuses it.
    for _ in into:
        frame_id = into.get(frame_id, frame_id)
    return frame_id


def marked_voice(voice: str) -> str:
    """Return a voice, or ``unsettled``, behind its mark; "" for none."""
    return f"{VOICE_MARKS[voice]} {voice}" if voice else ""


def voice_name(index: int) -> str:
    """Return the voice at an index into VOICES, ``unsettled`` after the last, empty for a negative one (none)."""
    return (*VOICES, UNSETTLED)[index] if index >= 0 else ""


def bare(ids: Sequence[str]) -> Codebook:
    """Return a codebook of bare ids, for labels that come without a codebook."""
    return Codebook("", tuple(Frame(name, name) for name in ids))


def retire(codebook: Codebook, frame_id: str, into: str, on: str) -> Codebook:
    """Return the codebook with a frame retired and merged ``into`` another (empty: into none), on the day ``on``.

    The version stays the same. Raises UserError for a frame that is not in the codebook, and for the only one.
    """
    for name in filter(None, (frame_id, into)):
        if name in codebook.successors:
            raise UserError(f"frame '{name}' is retired already; name another, or restore it first")
        if name not in codebook.ids:
            raise UserError(f"there is no frame '{name}'; the frames are {', '.join(codebook.ids)}")
    if frame_id == into:
        raise UserError(f"'{frame_id}' cannot be merged into itself; name another frame")
    frames = tuple(frame for frame in codebook.frames if frame.id != frame_id)
    if not frames:
        raise UserError(f"'{frame_id}' is the only frame, and a codebook needs at least one; add another first")
    frame = codebook.frame(frame_id)
    return replace(
        codebook, frames=frames, retired=(*codebook.retired, Retired(frame_id, frame.name, frame.claim, on, into))
    )
