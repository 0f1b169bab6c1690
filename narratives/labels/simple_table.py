"""Reads a simple labelled table, any table with a text and a column ``frames``, as gold."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from narratives.codebook.frames import VOICES, Codebook, bare
from narratives.errors import UserError
from narratives.labels.columns import find_column, scored_prefix
from narratives.labels.files import not_one_of
from narratives.labels.frame_names import (
    FrameNames,
    is_odd_none,
    listed_names,
    look_alikes,
    names_in,
    none_notes,
    says_no_frame,
)
from narratives.labels.gold import UNKNOWN, Gold
from narratives.labels.table_rows import Rows, rows_of_table
from narratives.tables.reading import AS_RECOGNISED, Reading
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

Say = Callable[[str], None]
_OPTIONAL = ("voices", "unsettled", "language", "group", "register", "how")
_ODD = set('[]{}"|,')  # characters that a frame's id hardly has, but a list of ids does
_SHOWN = 5  # examples that a note names


@dataclass(frozen=True)
class LabelledTable:
    """The gold of a table, and what a user should know about it, a sentence each.

    - ``notes``: what was left out, joined or doubtful.
    - ``findings``: what was recognised.
    """

    gold: Gold
    notes: tuple[str, ...]
    findings: tuple[str, ...] = ()

    def said(self, path: Path, say: Say) -> Gold:
        """Return the gold, after a call of ``say`` with each finding and each note."""
        for note in (*self.findings, *self.notes):
            say(f"{path}: {note}")
        return self.gold


@dataclass(frozen=True)
class _Row:
    """A row: its number, its text, its cells, and its frames with their voices."""

    number: int
    text: str
    cells: Mapping[str, str]
    frames: Mapping[str, str] = field(default_factory=dict)


def read_simple_table(path: Path, codebook: Codebook | None = None) -> Gold:
    """Return the gold of ``read_labelled_table``."""
    return read_labelled_table(path, codebook).gold


def read_labelled_table(
    path: Path, codebook: Codebook | None = None, reading: Reading = AS_RECOGNISED
) -> LabelledTable:
    """Read a table with one text a row, or several rows for a text of several frames.

    - the text: where ``narratives score`` finds it, or where ``reading`` says.
    - ``frames``: the ids of its frames, a list or joined by ``;``. Empty, "other", "none" or "nan" means no frame.
    - ``voices`` (optional): a voice for each frame, in the same way.
    - ``unsettled`` (optional): the ids of the frames of which the row says nothing.
    - ``language``, ``group``, ``register``, ``how`` (optional): texts of one group stay in the same fold; ``how`` is
      "random" where a text was drawn at random.

    The case of column names does not count. Rows without text are left out. Without a codebook the frames are those
    that occur, sorted. Raises UserError that names the row, also for a table that ``narratives score`` wrote, and if
    most rows have no text in a column that the user did not name.
    """
    rows = rows_of_table(path, None, reading)
    columns = _columns(path, rows.columns)
    read = list(_read(path, rows, columns))
    filled = [row for row in read if row.text.strip()]
    if len(filled) * 2 < len(read) and not rows.roles.told:
        raise UserError(
            f"{path}: {len(read) - len(filled):,} of {len(read):,} rows have no text in '{rows.text_column}'; "
            "name the column with --text COLUMN, also if it is this one"
        )
    own = _OwnTaxonomy(filled, rows.kind) if codebook is None else None
    if own is not None:
        own.check(path)
    codebook = codebook or bare(own.ids if own else ())
    names = FrameNames(codebook)
    known = own.is_separate if own else names.is_known
    given = [names_in(row.cells["frames"], known) for row in filled]
    none = Counter(name for cell in given for name in cell if is_odd_none(name))
    seen = [_with_frames(path, row, cell, names) for row, cell in zip(filled, given, strict=True)]
    joined = _joined(seen)
    notes = [*rows.notes, *none_notes(none), *(own.notes() if own else ()), *_notes(read, filled, seen, joined)]
    gold = _gold(joined, codebook, set(columns))
    notes += _leave_out_later_frames(gold)
    return LabelledTable(gold, tuple(notes), tuple(_findings(rows, columns, gold)))


def _findings(rows: Rows, columns: Mapping[str, str], gold: Gold) -> list[str]:
    found = [rows.findings, *(f"{what} in '{column}'" for what, column in columns.items() if what != "language")]
    languages = ", ".join(f"{name} {number:,}" for name, number in Counter(gold.languages).most_common())
    return [", ".join(found), *([f"{len(gold):,} rows by language: {languages}"] if languages else [])]


def _columns(path: Path, present: Sequence[str]) -> dict[str, str]:
    """Return the columns of the table by what they hold."""
    if scored_prefix(present) == "":
        raise UserError(
            f"{path}: narratives score wrote this table, so its frames are predictions and no labels; "
            "name a table in which people labelled the texts"
        )
    frames = find_column(present, ("frames",))
    if not frames:
        raise UserError(
            f"{path}: no column 'frames'; "
            "a labelled table has text and frames; voices, language, group and register are optional"
        )
    found = {name: find_column(present, (name,)) for name in _OPTIONAL}
    return {"frames": frames} | {name: column for name, column in found.items() if column}


def _read(path: Path, rows: Rows, columns: Mapping[str, str]) -> Iterator[_Row]:
    for number, (_, cells, text) in enumerate(rows.read(), 1):
        yield _Row(number, text, {name: cells[column] for name, column in columns.items()})
    for refusal in rows.refused:
        raise UserError(f"{path}:{refusal.line}: {refusal.reason}; correct this row")


class _OwnTaxonomy:
    """The frames of a table that comes without a codebook: the names that occur."""

    def __init__(self, rows: Sequence[_Row], kind: str) -> None:
        self._separate: dict[str, int] = {}
        for row in rows:
            for name in names_in(row.cells["frames"], lambda name: False):
                if not says_no_frame(name) and not _ODD & set(name):
                    self._separate.setdefault(name, row.number)
        self._first: dict[str, int] = {}
        self._lists: list[int] = []
        for row in rows:
            self._count(row, kind)
        self.ids = sorted(self._first)

    def is_separate(self, name: str) -> bool:
        """Return whether a name occurs by itself, so that a cell that joins such names is taken apart."""
        return name in self._separate or says_no_frame(name)

    def check(self, path: Path) -> None:
        """Raise UserError if two ids differ in case or spaces only: they would be two frames."""
        for first, second in look_alikes(self.ids):
            raise UserError(
                f"{path}: frame '{first}' (row {self._first[first]}) and frame '{second}' (row {self._first[second]}) "
                "differ in case or spaces only; write them alike"
            )

    def notes(self) -> list[str]:
        """Return what is suspicious, a sentence each."""
        odd = [f"'{name}' (row {self._first[name]})" for name in self.ids if _ODD & set(name)]
        lists = [
            f"read as lists, because they are in brackets: {len(self._lists):,} cells, the first in row {row}"
            for row in self._lists[:1]
        ]
        return [
            *lists,
            *([f"frames with unusual names, check them: {', '.join(odd[:_SHOWN])}"] if odd else []),
        ]

    def _count(self, row: _Row, kind: str) -> None:
        cell = row.cells["frames"].strip()
        for name in names_in(cell, self.is_separate):
            if not says_no_frame(name):
                self._first.setdefault(name, row.number)
        if kind in ("CSV", "TSV", "XLSX") and listed_names(cell) is not None:
            self._lists.append(row.number)


def _with_frames(path: Path, row: _Row, given: Sequence[str], names: FrameNames) -> _Row:
    ids = [name for name in given if not says_no_frame(name)]
    frames = [names.choice(name) for name in ids]
    for name, frame in zip(ids, frames, strict=True):
        if frame is None:
            raise UserError(
                f"{path}: row {row.number}: frame '{name}' is not in the codebook; "
                "correct it or name another --codebook"
            )
    voices = _voices(path, row, len(ids), names)
    pairs = [(choice[0], voice or choice[1]) for choice, voice in zip(filter(None, frames), voices, strict=True)]
    # A frame comes after those merged into it, so that in the dictionary its own voice replaces theirs.
    codebook = names.codebook
    ordered = sorted((pair for pair in pairs if pair[0]), key=lambda pair: pair[0] in codebook.ids)
    counted = {codebook.counts_as(frame): voice for frame, voice in ordered}
    return replace(row, frames={frame: voice for frame, voice in counted.items() if frame})


def _voices(path: Path, row: _Row, number: int, names: FrameNames) -> list[str]:
    cell = row.cells.get("voices", "").strip()
    given = names_in(cell, lambda name: names.voice(name) is not None) if cell else [""] * number
    if number and len(given) != number:
        raise UserError(
            f"{path}: row {row.number}: {number} frames but {len(given)} voices; name one voice for each frame"
        )
    voices = [names.voice(name) for name in given]
    for name, voice in zip(given, voices, strict=True):
        if voice is None:
            raise UserError(f"{path}: row {row.number}: {not_one_of('voice', name, (*VOICES, ''))}")
    return [voice or "" for voice in voices][:number]


def _joined(rows: Sequence[_Row]) -> list[_Row]:
    """Join the rows of a text whose frames differ into one row with all of them; rows that are alike stay.

    A frame with two voices keeps none.
    """
    by_text: dict[str, list[_Row]] = {}
    for row in rows:
        by_text.setdefault(paragraph_id(row.text), []).append(row)
    joined: list[_Row] = []
    for same in by_text.values():
        alike = all(row.frames == same[0].frames for row in same)
        joined += same if alike else [_one_row(same)]
    return sorted(joined, key=lambda row: row.number)


def _one_row(rows: Sequence[_Row]) -> _Row:
    voices: dict[str, set[str]] = {}
    for row in rows:
        for frame, voice in row.frames.items():
            voices.setdefault(frame, set()).update({voice} - {""})
    frames = {frame: min(given) if len(given) == 1 else "" for frame, given in voices.items()}
    unsettled = ";".join(row.cells.get("unsettled", "") for row in rows)
    return replace(rows[0], frames=frames, cells={**rows[0].cells, "unsettled": unsettled})


def _notes(read: Sequence[_Row], filled: Sequence[_Row], seen: Sequence[_Row], joined: Sequence[_Row]) -> list[str]:
    repeated = len(joined) - len({paragraph_id(row.text) for row in joined})
    counted = (
        (len(read) - len(filled), "rows have no text and are left out"),
        (len(seen) - len(joined), "rows repeat a text with other frames and are joined: it has all of them"),
        (repeated, "rows repeat a text with the same frames; each counts"),
    )
    return [f"{number:,} {sentence}" for number, sentence in counted if number]


def _gold(rows: Sequence[_Row], codebook: Codebook, columns: set[str]) -> Gold:
    shape = (len(rows), len(codebook.ids))
    values = [[int(frame in row.frames) for frame in codebook.ids] for row in rows]
    voices = [[_voice_index(row.frames.get(frame, "")) for frame in codebook.ids] for row in rows]
    gold = Gold(
        codebook,
        tuple(row.text for row in rows),
        np.array(values, dtype=np.int8).reshape(shape),
        np.array(voices, dtype=np.int8).reshape(shape),
        tuple(row.cells.get("language") or language(row.text) for row in rows),
        # Without a group, each text is its own.
        tuple(row.cells.get("group") or f"row {number}" for number, row in enumerate(rows)),
        tuple(row.cells["register"] for row in rows) if "register" in columns else (),
        tuple(row.cells["how"] for row in rows) if "how" in columns else (),
    )
    _leave_open(gold, rows)
    return gold


def _leave_open(gold: Gold, rows: Sequence[_Row]) -> None:
    names = FrameNames(gold.codebook)
    for index, row in enumerate(rows):
        for name in names_in(row.cells.get("unsettled", ""), names.is_known):
            frame = names.frame(name)
            if frame in gold.frames and frame not in row.frames:
                gold.values[index, gold.frames.index(frame)] = UNKNOWN


def _leave_out_later_frames(gold: Gold) -> list[str]:
    """Take a table without any frame of the codebook's later versions for one that was labelled before these.

    It says nothing of such frames then. Returns a note on them, if there are any.
    """
    carried = (gold.values == 1).any(axis=0)
    versions = {frame.since for frame, some in zip(gold.codebook.frames, carried, strict=True) if some and frame.since}
    spoken = {name for version in versions for name in gold.codebook.read_by(version)}
    later = [k for k, frame in enumerate(gold.codebook.frames) if frame.since and frame.id not in spoken]
    if not later or not len(gold):
        return []
    gold.values[:, later] = UNKNOWN
    named = ", ".join(gold.frames[k] for k in later)
    return [
        f"no row has a frame that was added to the codebook later ({named}); the table is taken as labelled before, "
        "and says nothing of them"
    ]


def _voice_index(voice: str) -> int:
    return VOICES.index(voice) if voice else UNKNOWN
