"""Reads labels and texts from tables: a row for each text, label or annotator, or a column for each frame."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from narratives.codebook.frames import UNSETTLED
from narratives.errors import UserError
from narratives.labels.columns import find_column, named_column, scored_prefix
from narratives.labels.frame_names import FrameNames, is_odd_none, names_in, none_notes
from narratives.labels.interchange.intake import Columns, Given, Item, Suggestion
from narratives.labels.interchange.objects import LABEL_COLUMNS, PARAGRAPH_COLUMNS, label_language
from narratives.labels.label_set import Label, LabelledParagraph
from narratives.labels.table_rows import Rows
from narratives.tables.rows import Refusal
from narratives.text.paragraphs import paragraph_id

_SOURCES = ("source", "url", "link", "channel")  # columns that say where a text came from
_ANNOTATORS = (
    *("annotator", "annotator_id", "_annotator_id", "coder", "coder_id", "rater", "rater_id", "labeler", "labeller"),
    *("annotated_by", "labelled_by", "labeled_by", "completed_by", "worker_id"),
)
_LABELS = (  # columns that may hold labels, where their values are frames
    *("label", "labels", "narrative", "narratives", "annotation", "annotations", "choices", "accept"),
    *("category", "categories", "class", "classes", "tag", "tags", "code", "codes", "gold", "answer"),
)
_TICKS = {"1": True, "1.0": True, "true": True, "yes": True, "x": True, "0": False, "0.0": False, "false": False}
_TICKS |= {"no": False}
_MOST_VALUES = 200  # different values of a column that are looked at
_LONGEST_VALUE = 1000  # characters; longer cells are texts
_NOT_XML = re.compile(r"[\x01-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _reason(cells: Mapping[str, str]) -> str:
    """Return how the text of a row was chosen, empty if the table does not say."""
    return cells.get(find_column(cells, ("how",)), "").strip()


def to_excel(text: str) -> str:
    """Return a text as a cell of our workbooks: what XML cannot hold, or would change, as ``_xHHHH_``.

    The codes are themselves escaped, because the reader of workbooks decodes once and makes all line ends line feeds.
    """
    return _escaped(_escaped(text))


def from_excel(text: str) -> str:
    """Return the text that ``to_excel`` was given, from the cell as the reader of workbooks returns it."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def _escaped(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


@dataclass(frozen=True)
class _Roles:
    """Which columns hold what; empty for none.

    - ``ticked``: a frame for each column that says yes or no to it.
    - ``empty_is_no``: whether an empty cell of ``frames`` says "no frame", or that nobody has read the text.
    """

    frames: str = ""
    voices: str = ""
    annotator: str = ""
    at: str = ""
    ticked: Mapping[str, str] = field(default_factory=dict)
    empty_is_no: bool = True


class TableReader:
    """Reads the rows of a table.

    - A table with all columns of our labels has a label in each row, as in our workbooks.
    - Of a table that ``narratives score`` wrote come texts, with the predictions as suggestions.
    - Else labels are in the column that ``wanted`` names, in ``frames``, or in the one whose values are all frames, or
      in columns that are named as frames and say yes or no.

    Raises UserError if a named column does not occur, or if several could hold the frames.
    """

    def __init__(self, rows: Rows, names: FrameNames, wanted: Columns) -> None:
        self._rows, self._names, self._wanted = rows, names, wanted
        self.is_ours = {*LABEL_COLUMNS, "text"} <= set(rows.columns)
        self._scored = None if wanted.frames else scored_prefix(rows.columns)
        self._notes: list[str] = []
        self._unread = 0
        self._none: Counter[str] = Counter()
        self._roles = _Roles() if self.is_ours or self._scored is not None else self._recognised()

    @property
    def refused(self) -> Sequence[Refusal]:
        """The rows that could not be read; complete once the items were read."""
        return self._rows.refused

    def items(self) -> Iterator[Item]:
        """Yield the rows."""
        for line, cells, text in self._rows.read():
            if self.is_ours:
                yield self._own(line, cells)
                continue
            item = Item(line, self._paragraph(cells, text), source=self._source(cells))
            if self._scored is not None:
                yield replace(item, suggestions=self._suggestions(item.paragraph.paragraph_id, cells))
            else:
                given = self._given(cells)
                self._unread += given is None
                yield replace(item, given=(given,) if given else ())

    def notes(self) -> list[str]:
        """Return what was recognised, a sentence each; complete once the items were read."""
        found = [self._rows.findings] if self._rows.findings else []
        if self._scored is not None:
            kept = "written by narratives score: its predictions are kept as suggestions, not as labels"
            return [*found, *self._rows.notes, kept]
        labelled = self._roles.frames or self._roles.ticked
        unread = f"{self._unread:,} rows have no label: texts that nobody has read"
        return (
            found
            + self._rows.notes
            + self._notes
            + none_notes(self._none)
            + ([unread] if labelled and self._unread else [])
        )

    def _recognised(self) -> _Roles:
        values = self._values()
        frames, empty_is_no = self._frames_column(values), True
        if not frames:
            frames, empty_is_no = self._frames_by_content(values), False
        ticked = {} if frames else self._ticked(values)
        if not frames and not ticked:
            self._say_unread(values)
            return _Roles()
        roles = _Roles(frames, self._voices_column(values), self._annotator_column(), self._time_column(), ticked)
        read = f"labels in '{frames}'" if frames else f"labels in {len(ticked)} columns named as frames"
        more = [
            f"{name} in '{column}'"
            for name, column in (("voices", roles.voices), ("annotators", roles.annotator))
            if column
        ]
        self._notes.append(", ".join([read, *more]))
        return replace(roles, empty_is_no=empty_is_no)

    def _values(self) -> dict[str, set[str]]:
        """Return the different short values of each column but the text, up to a number."""
        values: dict[str, set[str]] = {name: set() for name in self._rows.columns if name != self._rows.text_column}
        for _, cells, _ in self._rows.read():
            for column, seen in values.items():
                if len(seen) < _MOST_VALUES and (cell := cells[column].strip()):
                    seen.add(cell[:_LONGEST_VALUE])
        return values

    def _frames_column(self, values: Mapping[str, set[str]]) -> str:
        if self._wanted.frames:
            return named_column(self._rows.columns, self._wanted.frames, self._rows.where)
        return find_column(values, ("frames", "frame"))

    def _frames_by_content(self, values: Mapping[str, set[str]]) -> str:
        found = [column for column, seen in values.items() if self._are_frames(column, seen)]
        likely = [column for column in found if column.strip().casefold() in _LABELS] or found
        if len(likely) > 1:
            raise UserError(
                f"{self._rows.where}: the labels could be in '{likely[0]}' or in '{likely[1]}'; "
                "say which with --frames-column COLUMN"
            )
        return next(iter(likely), "")

    def _are_frames(self, column: str, seen: set[str]) -> bool:
        names = [name for cell in seen for name in self._names_in(column, cell)]
        return any(map(self._names.names_frame, names)) and all(map(self._names.is_known, names))

    def _ticked(self, values: Mapping[str, set[str]]) -> dict[str, str]:
        # Potato writes "question:::label".
        frames = {column: self._names.choice(column.rsplit(":::", 1)[-1]) for column in values}
        return {
            column: choice[0]
            for column, choice in frames.items()
            if choice and choice[0] and values[column] and all(cell.casefold() in _TICKS for cell in values[column])
        }

    def _say_unread(self, values: Mapping[str, set[str]]) -> None:
        for column, seen in values.items():
            if column.strip().casefold() in _LABELS and seen:
                self._notes.append(
                    f"the column '{column}' is not read as labels, because '{min(seen)[:40]}' or another of its "
                    "values is not in the codebook; if it holds labels, name it with --frames-column and map with --map"
                )

    def _voices_column(self, values: Mapping[str, set[str]]) -> str:
        if self._wanted.voices:
            return named_column(self._rows.columns, self._wanted.voices, self._rows.where)
        # Beside a person's frames, in a table that score wrote, the column ``voices`` has those of the model.
        return find_column(values, ("voices", "voice")) if scored_prefix(self._rows.columns) is None else ""

    def _annotator_column(self) -> str:
        if self._wanted.annotator:
            return named_column(self._rows.columns, self._wanted.annotator, self._rows.where)
        return find_column(self._rows.columns, _ANNOTATORS)

    def _time_column(self) -> str:
        # Posts have times of their own; only beside Label Studio's number of an annotation is it that of the label.
        of_annotation = ("updated_at", "created_at") if "annotation_id" in self._rows.columns else ()
        return find_column(self._rows.columns, ("labelled_at", "annotated_at", *of_annotation))

    def _names_in(self, column: str, cell: str) -> list[str]:
        names = names_in(cell, self._names.is_known)
        classes = self._rows.classes.get(column)
        if not classes:
            return names
        return [classes[int(name)] if name.isdigit() and int(name) < len(classes) else name for name in names]

    def _given(self, cells: Mapping[str, str]) -> Given | None:
        roles = self._roles
        annotator, at = cells.get(roles.annotator, "").strip(), cells.get(roles.at, "").strip()
        if roles.ticked:
            ticks = {frame: _TICKS.get(cells[column].strip().casefold()) for column, frame in roles.ticked.items()}
            yes = tuple(frame for frame, tick in ticks.items() if tick)
            no = tuple(frame for frame, tick in ticks.items() if tick is False)
            given = Given(yes, no, whole=False, annotator=annotator, at=at, reason=_reason(cells))
            return given if yes or no else None
        cell = cells.get(roles.frames, "").strip()
        if not roles.frames or (not cell and not annotator and not roles.empty_is_no):
            return None
        voices = cells.get(roles.voices, "").strip()
        names = tuple(name for name in self._names_in(roles.frames, cell) if name)
        self._none.update(filter(is_odd_none, names))
        return Given(
            names,
            voices=tuple(names_in(voices, lambda name: self._names.voice(name) is not None)) if voices else (),
            annotator=annotator,
            at=at,
            note=cells.get(find_column(cells, ("note",)), "").strip(),
            reason=_reason(cells),
        )

    def _paragraph(self, cells: Mapping[str, str], text: str) -> LabelledParagraph:
        language = self._rows.roles.language or find_column(cells, ("language", "lang"))
        given = cells.get(language, "").strip()
        register, document = (cells.get(find_column(cells, (name,)), "").strip() for name in ("register", "document"))
        return LabelledParagraph(paragraph_id(text), text.strip(), label_language(given, text), register, document)

    def _source(self, cells: Mapping[str, str]) -> str:
        """Return where the text of a row came from: by an export's own column, else by one of a usual name."""
        roles = self._rows.roles
        usual = find_column(cells, _SOURCES)
        columns = (roles.source, usual, roles.url) if roles.export else (usual, roles.source, roles.url)
        said = (cells.get(column, "").strip() for column in columns if column)
        return next(filter(None, said), "") or self._rows.where

    def _suggestions(self, paragraph: str, cells: Mapping[str, str]) -> tuple[Suggestion, ...]:
        prefix = self._scored or ""
        ids, voices = (cells.get(f"{prefix}{name}", "").split(";") for name in ("frames", "voices"))
        frames = [
            {
                "frame": frame,
                "voice": "" if voice == UNSETTLED else voice,
                "probability": _number(cells.get(f"{prefix}p_{frame}", "")),
            }
            for frame, voice in zip(ids, [*voices, *[""] * len(ids)], strict=False)
            if frame
        ]
        if not frames:
            return ()
        return (Suggestion(paragraph, cells[f"{prefix}model"], json.dumps(frames, ensure_ascii=False)),)

    def _own(self, line: int, cells: Mapping[str, str]) -> Item:
        """Read a row of a workbook that we wrote: a paragraph, and a label if it has one."""
        columns = {name: from_excel(cell) for name, cell in cells.items()} if self._rows.kind == "XLSX" else cells
        paragraph = LabelledParagraph(**{name: columns.get(name, "") for name in PARAGRAPH_COLUMNS})
        paragraph = replace(paragraph, paragraph_id=paragraph.paragraph_id or paragraph_id(paragraph.text))
        label = Label(paragraph.paragraph_id, **{name: columns[name] for name in LABEL_COLUMNS})
        return Item(line, paragraph, labels=(label,) if label.value else ())
