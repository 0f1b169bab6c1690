"""Owns labels: one annotator's word on one paragraph and frame; reading and writing label files; gold. No model."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from narratives.codebook import VOICES, Codebook, bare
from narratives.errors import UserError
from narratives.paragraphs import language, paragraph_id
from narratives.tables import read_all

Row = TypeVar("Row", "LabelledParagraph", "Label")
KINDS = ("reading", "single", "decision")
VALUES = ("yes", "no", "unsure")
_SAYS = {"no": 0, "unsure": 1, "yes": 2}  # how much a label says of a frame that others were merged into
UNKNOWN = -1  # in Gold.values and Gold.voices: nobody has settled it
LABEL_LANGUAGES = ("en", "uk", "ru", "other")


@dataclass(frozen=True)
class LabelledParagraph:
    """A row of ``paragraphs.csv``. ``document`` is shared by paragraphs of one text; empty = a text of its own."""

    paragraph_id: str
    text: str
    language: str
    register: str
    document: str


@dataclass(frozen=True)
class Label:
    """A row of ``labels.csv``: what one annotator said of one paragraph and frame (empty frame = none seen)."""

    paragraph_id: str
    frame: str
    voice: str
    value: str
    kind: str
    sure: str
    annotator: str
    labelled_at: str
    codebook_version: str
    note: str


@dataclass(frozen=True)
class LabelSet:
    """The paragraphs and the labels of a labels folder, in file order."""

    paragraphs: tuple[LabelledParagraph, ...]
    labels: tuple[Label, ...]

    @cached_property
    def by_paragraph(self) -> dict[str, list[Label]]:
        """The labels of each paragraph id, in file order."""
        grouped: dict[str, list[Label]] = defaultdict(list)
        for label in self.labels:
            grouped[label.paragraph_id].append(label)
        return grouped

    def of_interest(self, unlabelled: bool) -> "LabelSet":
        """Return the set with the paragraphs that carry a label, or as it is if ``unlabelled`` ones are wanted."""
        kept = [row for row in self.paragraphs if unlabelled or row.paragraph_id in self.by_paragraph]
        return LabelSet(tuple(kept), self.labels)

    def counted_by(self, codebook: Codebook) -> "LabelSet":
        """Return the labels as this codebook counts them: those on a retired frame as labels of its successor.

        Where somebody labelled both on one paragraph, the successor's own label counts, else the one that says more.
        A reading stays whole: where all its frames are retired without a successor, it is one that saw none. The
        labels as they were given, which this leaves alone, are what is stored and exported.
        """
        successors = codebook.successors
        if not any(label.frame in successors for label in self.labels):
            return self
        said: dict[tuple[str, str, bool], list[Label]] = defaultdict(list)
        for label in self.labels:
            said[label.paragraph_id, label.annotator, label.kind == "decision"].append(label)
        merged: dict[int, Label] = {}
        for own in said.values():
            merged |= _merged(own, successors)
        counted = (merged.get(id(label)) if label.frame in successors else label for label in self.labels)
        return LabelSet(self.paragraphs, tuple(filter(None, counted)))


def _merged(own: list[Label], successors: Mapping[str, str]) -> dict[int, Label]:
    """Return what one annotator's labels on retired frames of one paragraph count as, by ``id()``; some as nothing."""
    retired = [label for label in own if label.frame in successors]
    found = {
        id(label): replace(label, frame=successors[label.frame]) for label in retired if _counts(label, own, successors)
    }
    whole = {_step(label) for label in own if label.frame not in successors or id(label) in found}
    for label in retired:
        if label.kind != "single" and _step(label) not in whole:
            found[id(label)] = replace(label, frame="", voice="", value="no")
            whole.add(_step(label))
    return found


def _step(label: Label) -> tuple[str, str]:
    return label.kind, label.labelled_at


def _counts(label: Label, own: list[Label], successors: Mapping[str, str]) -> bool:
    """Return whether a retired frame's label counts: it has a successor, of which no other label says more.

    An own label of the successor says more than any merged one, yes more than unsure, unsure more than no.
    """
    if not successors[label.frame]:
        return False
    since = max((other.labelled_at for other in own if other.kind != "single"), default="")
    candidates = [other for other in own if other is label or _rivals(other, label, since, successors)]
    return label is max(candidates, key=lambda one: (one.frame not in successors, _SAYS[one.value], one.labelled_at))


def _rivals(other: Label, label: Label, since: str, successors: Mapping[str, str]) -> bool:
    """Return whether another label speaks of the same successor: for a single label, since the last whole reading."""
    same = other.frame != label.frame and successors.get(other.frame, other.frame) == successors[label.frame]
    return same and (other.labelled_at >= since if label.kind == "single" else _step(other) == _step(label))


@dataclass(frozen=True)
class Gold:
    """The labels in force, as arrays of n texts × k frames.

    ``values``: 1 the frame is conveyed, 0 it is not, UNKNOWN unsettled. ``voices``: index into VOICES where the
    value is 1 and the voice is settled, else UNKNOWN. ``groups``: texts with the same number never straddle a split.
    ``registers`` is empty where nobody named them.
    """

    codebook: Codebook
    texts: tuple[str, ...]
    values: NDArray[np.int8]
    voices: NDArray[np.int8]
    languages: tuple[str, ...]
    groups: tuple[str, ...]
    registers: tuple[str, ...] = ()

    @property
    def frames(self) -> tuple[str, ...]:
        """The frame ids, in the order of the columns."""
        return self.codebook.ids

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int] | NDArray[np.int64]) -> "Gold":
        """Return the gold of these rows only, in this order."""
        pick = [int(row) for row in rows]
        chosen = [tuple(column[row] for row in pick) for column in (self.texts, self.languages, self.groups)]
        registers = tuple(self.registers[row] for row in pick) if self.registers else ()
        return Gold(self.codebook, chosen[0], self.values[pick], self.voices[pick], chosen[1], chosen[2], registers)


def read_labels(folder: Path, codebook: Codebook) -> LabelSet:
    """Read and check ``paragraphs.csv`` and ``labels.csv``, as they were given: a label may name a retired frame.

    Raises UserError that names the file and line.
    """
    paragraphs = _read_rows(folder / "paragraphs.csv", LabelledParagraph, _check_paragraph)
    known = {paragraph.paragraph_id for paragraph in paragraphs}
    _refuse_double_ids(folder / "paragraphs.csv", paragraphs)

    def check(label: Label) -> str | None:
        return _check_label(label, known, codebook)

    labels = _read_rows(folder / "labels.csv", Label, check)
    _refuse_contradictions(folder / "labels.csv", labels)
    return LabelSet(paragraphs, labels)


def write_labels(folder: Path, labels: LabelSet) -> None:
    """Write both files, sorted, so that a change of one label is a change of one line.

    Written is what the set holds: of a set as it was given, labels on retired frames keep their frame.
    """
    paragraphs = sorted(labels.paragraphs, key=lambda row: (row.language, row.paragraph_id))
    rows = sorted(
        labels.labels, key=lambda row: (row.paragraph_id, row.kind, row.annotator, row.labelled_at, row.frame)
    )
    _write_rows(folder / "paragraphs.csv", LabelledParagraph, paragraphs)
    _write_rows(folder / "labels.csv", Label, rows)


def _read_rows(path: Path, kind: type[Row], check: Callable[[Row], str | None]) -> tuple[Row, ...]:
    names = [field.name for field in fields(kind)]
    try:
        reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        if header != names:
            raise UserError(f"{path.name}:1: the columns are {', '.join(header)}; they must be {', '.join(names)}")
        return tuple(_typed_row(cells, kind, names, f"{path.name}:{reader.line_num}", check) for cells in reader)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; a labels folder holds paragraphs.csv and labels.csv") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path.name}: not readable as UTF-8 CSV: {error}; mend the file") from None


def _typed_row(
    cells: list[str], kind: type[Row], names: list[str], where: str, check: Callable[[Row], str | None]
) -> Row:
    if len(cells) != len(names):
        raise UserError(f"{where}: {len(cells)} cells where {len(names)} are needed ({', '.join(names)})")
    row = kind(*cells)
    complaint = check(row)
    if complaint:
        raise UserError(f"{where}: {complaint}")
    return row


def _write_rows(path: Path, kind: type, rows: Iterable[LabelledParagraph | Label]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([field.name for field in fields(kind)])
        writer.writerows(astuple(row) for row in rows)


def check_labels(labels: LabelSet, codebook: Codebook, where: str, known: Iterable[str] = ()) -> None:
    """Refuse what no label file may hold; ``known`` are ids of paragraphs outside the set. Raises UserError."""
    ids = {*known, *(paragraph.paragraph_id for paragraph in labels.paragraphs)}
    complaints = [_check_paragraph(paragraph) for paragraph in labels.paragraphs]
    complaints += [_check_label(label, ids, codebook) for label in labels.labels]
    complaint = next(filter(None, complaints), None)
    if complaint:
        raise UserError(f"{where}: {complaint}")
    _refuse_contradictions(Path(where), labels.labels)


def _check_paragraph(row: LabelledParagraph) -> str | None:
    expected = paragraph_id(row.text)
    if row.paragraph_id != expected:
        return f"paragraph_id '{row.paragraph_id}' is not that of its text ('{expected}'); correct the id"
    if not row.text.strip():
        return "the text is empty; remove the row"
    if "\0" in row.text:
        return "the text holds the character NUL, which no database keeps; remove it"
    return _not_one_of("language", row.language, LABEL_LANGUAGES)


def _check_label(label: Label, known: set[str], codebook: Codebook) -> str | None:
    if label.paragraph_id not in known:
        return f"paragraph_id '{label.paragraph_id}' is not in paragraphs.csv; add the paragraph or remove the label"
    if label.frame and label.frame not in codebook.ids and label.frame not in codebook.successors:
        return f"frame '{label.frame}' is not in the codebook; correct it or add the frame"
    if label.kind == "single" and not label.frame:
        return "a label of kind 'single' names its frame"
    if label.frame and label.value == "yes" and not label.voice and label.kind != "single":
        return f"a frame that is seen needs a voice: one of {', '.join(VOICES)}"
    if not label.annotator:
        return "annotator is empty; a label has somebody who gave it"
    return (
        _not_one_of("voice", label.voice, (*VOICES, ""))
        or _not_one_of("value", label.value, VALUES)
        or _not_one_of("kind", label.kind, KINDS)
        or _not_one_of("sure", label.sure, ("yes", "no"))
    )


def _not_one_of(name: str, value: str, allowed: Sequence[str]) -> str | None:
    if value in allowed:
        return None
    ending = "; correct it or leave it empty" if "" in allowed else "; correct it"
    return f"{name} '{value}' is not one of {', '.join(filter(None, allowed))}{ending}"


def _refuse_double_ids(path: Path, paragraphs: Sequence[LabelledParagraph]) -> None:
    seen: dict[str, int] = {}
    for line, paragraph in enumerate(paragraphs, 2):
        if paragraph.paragraph_id in seen:
            first = seen[paragraph.paragraph_id]
            raise UserError(f"{path.name}: row {line - 1} repeats the paragraph of row {first - 1}; remove one")
        seen[paragraph.paragraph_id] = line


def _refuse_contradictions(path: Path, labels: Sequence[Label]) -> None:
    seen: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row, label in enumerate(labels, 1):
        if label.kind == "single":
            continue
        frames = seen[label.paragraph_id, label.kind, label.annotator, label.labelled_at]
        if label.frame in frames or (frames and "" in (*frames, label.frame)):
            said = f"frame '{label.frame}'" if label.frame else "no frame"
            place = f"{path.name}: row {row}"
            raise UserError(
                f"{place}: {label.annotator} says {said} of {label.paragraph_id} beside another; remove one"
            )
        frames.add(label.frame)


def gold(labels: LabelSet, codebook: Codebook) -> Gold:
    """Return the labels in force: the decision, else what all annotators agree on; the rest is UNKNOWN.

    Paragraphs that nobody has read wholly keep UNKNOWN for the frames nobody spoke of. Labels on retired frames are
    counted as the codebook says.
    """
    kept = [paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in labels.by_paragraph]
    counted = labels.counted_by(codebook).by_paragraph
    settled = [_settle(counted.get(paragraph.paragraph_id, []), codebook) for paragraph in kept]
    shape = (len(kept), len(codebook.ids))
    return Gold(
        codebook,
        tuple(paragraph.text for paragraph in kept),
        np.array([values for values, _ in settled], dtype=np.int8).reshape(shape),
        np.array([voices for _, voices in settled], dtype=np.int8).reshape(shape),
        tuple(paragraph.language for paragraph in kept),
        tuple(paragraph.document or paragraph.paragraph_id for paragraph in kept),
        tuple(paragraph.register for paragraph in kept),
    )


def _settle(labels: list[Label], codebook: Codebook) -> tuple[list[int], list[int]]:
    decisions = [label for label in labels if label.kind == "decision"]
    if decisions:
        latest = max(label.labelled_at for label in decisions)
        words = [_words([label for label in decisions if label.labelled_at == latest], codebook)]
    else:
        annotators = dict.fromkeys(label.annotator for label in labels)
        words = [_words([label for label in labels if label.annotator == name], codebook) for name in annotators]
    pairs = [_agreed([word[frame] for word in words if frame in word]) for frame in codebook.ids]
    return [value for value, _ in pairs], [voice for _, voice in pairs]


def _words(labels: list[Label], codebook: Codebook) -> dict[str, tuple[str, str]]:
    """Return what one annotator said last of each frame, as (value, voice)."""
    words: dict[str, tuple[str, str]] = {}
    for moment in sorted({label.labelled_at for label in labels}):
        now = [label for label in labels if label.labelled_at == moment]
        if any(label.kind != "single" for label in now):
            words = dict.fromkeys(codebook.ids, ("no", ""))
        words |= {label.frame: (label.value, label.voice) for label in now if label.frame}
    return words


def _agreed(words: list[tuple[str, str]]) -> tuple[int, int]:
    values, voices = {value for value, _ in words}, {voice for _, voice in words}
    if values == {"no"}:
        return 0, UNKNOWN
    if values != {"yes"}:
        return UNKNOWN, UNKNOWN
    voice = voices.pop() if len(voices) == 1 else ""
    return 1, VOICES.index(voice) if voice else UNKNOWN


def read_simple_table(path: Path, codebook: Codebook | None = None) -> Gold:
    """Read any table with ``text`` and ``frames`` (ids joined by ``;``), perhaps ``voices, language, group, register``.

    Without a codebook the frames are those that occur, sorted. Raises UserError that names the row.
    """
    columns = read_all(path)
    for name in ("text", "frames"):
        if name not in columns:
            raise UserError(
                f"{path}: no column '{name}'; "
                "a labelled table has text, frames and perhaps voices, language, group, register"
            )
    seen = [_frame_ids(cell) for cell in columns["frames"]]
    codebook = codebook or bare(sorted({frame for ids in seen for frame in ids}))
    voices = columns.get("voices", [""] * len(seen))
    cells = [
        _gold_row(path, row, ids, voice, codebook) for row, (ids, voice) in enumerate(zip(seen, voices, strict=True), 1)
    ]
    texts = tuple(columns["text"])
    named, groups = columns.get("language", [""] * len(texts)), columns.get("group", [""] * len(texts))
    return Gold(
        codebook,
        texts,
        np.array([values for values, _ in cells], dtype=np.int8).reshape(len(texts), len(codebook.ids)),
        np.array([voice for _, voice in cells], dtype=np.int8).reshape(len(texts), len(codebook.ids)),
        tuple(name or language(text) for name, text in zip(named, texts, strict=True)),
        tuple(name or f"row {row}" for row, name in enumerate(groups)),
        tuple(columns.get("register", ())),
    )


def _frame_ids(cell: str) -> list[str]:
    ids = [frame.strip() for frame in cell.split(";")]
    return [frame for frame in ids if frame and frame.lower() != "other"]


def _gold_row(path: Path, row: int, ids: list[str], voices: str, codebook: Codebook) -> tuple[list[int], list[int]]:
    unknown = next((frame for frame in ids if frame not in codebook.ids and frame not in codebook.successors), None)
    if unknown is not None:
        raise UserError(
            f"{path}: row {row}: frame '{unknown}' is not in the codebook; correct it or name another --codebook"
        )
    named = [voice.strip() for voice in voices.split(";")] if voices.strip() else [""] * len(ids)
    if ids and len(named) != len(ids):
        raise UserError(f"{path}: row {row}: {len(ids)} frames but {len(named)} voices; give one voice a frame")
    wrong = next((_not_one_of("voice", voice, (*VOICES, "")) for voice in named if voice not in (*VOICES, "")), None)
    if wrong:
        raise UserError(f"{path}: row {row}: {wrong}")
    pairs = sorted(zip(ids, named, strict=False), key=lambda pair: pair[0] in codebook.ids)  # an own voice comes last
    said = {codebook.counts_as(frame): voice for frame, voice in pairs}
    values = [int(frame in said) for frame in codebook.ids]
    return values, [VOICES.index(said[frame]) if said.get(frame) else UNKNOWN for frame in codebook.ids]
