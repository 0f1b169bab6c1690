"""Owns the frames of a codebook, its voices, and the retiring of a frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from narratives.errors import UserError

VOICES = ("promotes", "reports", "rebuts")
VOICE_MARKS = {"promotes": "▲", "reports": "●", "rebuts": "▼"}
LANGUAGES = ("en", "uk", "ru")


@dataclass(frozen=True)
class Example:
    """A paragraph that shows what counts (one of the voices) or what is only near (voice ``none``)."""

    text: str
    voice: str


@dataclass(frozen=True)
class Frame:
    """One code of the codebook. ``cues`` are phrases by language; ``crosswalk`` lists codes of public taxonomies."""

    id: str
    name: str
    aim: str = ""
    claim: str = ""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    cues: dict[str, tuple[str, ...]] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    crosswalk: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Retired:
    """A frame out of force since the day ``on``; its labels count as labels of ``into`` (empty: of no frame)."""

    id: str
    name: str
    claim: str
    on: str
    into: str


@dataclass(frozen=True)
class Codebook:
    """The frames in force, in order, with the version that labels refer to (empty for an own taxonomy).

    ``retired`` frames are kept because labels name them.
    """

    version: str
    frames: tuple[Frame, ...]
    retired: tuple[Retired, ...] = ()

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The frame ids in the codebook's order, which is the order of every matrix column."""
        return tuple(frame.id for frame in self.frames)

    @cached_property
    def aims(self) -> tuple[str, ...]:
        """The aim groups in order of first use."""
        return tuple(dict.fromkeys(frame.aim for frame in self.frames))

    @cached_property
    def successors(self) -> dict[str, str]:
        """The frame in force that each retired frame leads to, over others retired since; empty where to none."""
        into = {one.id: one.into for one in self.retired}
        return {frame_id: _end_of(frame_id, into) for frame_id in into}

    def counts_as(self, frame_id: str) -> str:
        """Return the frame in force that this frame counts as: itself, its successor, or none (empty)."""
        return frame_id if frame_id in self.ids else self.successors.get(frame_id, "")

    def frame(self, frame_id: str) -> Frame:
        """Return the frame with this id. Raises KeyError if there is none."""
        return self.frames[self.ids.index(frame_id)] if frame_id in self.ids else _missing(frame_id)


def _missing(frame_id: str) -> Frame:
    raise KeyError(frame_id)


def _end_of(frame_id: str, into: Mapping[str, str]) -> str:
    """Follow ``into`` from a retired frame to its end; in a circle, stop somewhere in it."""
    for _ in into:
        frame_id = into.get(frame_id, frame_id)
    return frame_id


def bare(ids: Sequence[str]) -> Codebook:
    """Return the codebook of an own taxonomy: ids without claims or cues."""
    return Codebook("", tuple(Frame(name, name) for name in ids))


def retire(codebook: Codebook, frame_id: str, into: str, on: str) -> Codebook:
    """Return the codebook without a frame, merged ``into`` another (empty: into none). The version stays.

    Raises UserError for a frame that is not in force and for the only one.
    """
    for name in filter(None, (frame_id, into)):
        if name not in codebook.ids:
            raise UserError(f"there is no frame '{name}' in force; the frames are {', '.join(codebook.ids)}")
    if frame_id == into:
        raise UserError(f"'{frame_id}' cannot be merged into itself; name another frame")
    frames = tuple(frame for frame in codebook.frames if frame.id != frame_id)
    if not frames:
        raise UserError(f"'{frame_id}' is the only frame, and a codebook has at least one; add another first")
    frame = codebook.frame(frame_id)
    return replace(
        codebook, frames=frames, retired=(*codebook.retired, Retired(frame_id, frame.name, frame.claim, on, into))
    )
