"""Reads, checks and writes the files of a labels folder: ``paragraphs.csv`` and ``labels.csv``."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, TypeVar

from narratives.codebook.frames import VOICES, Codebook
from narratives.errors import UserError
from narratives.files import atomic_write_text
from narratives.labels.label_set import KINDS, LABEL_LANGUAGES, RANDOM, VALUES, Label, LabelledParagraph, LabelSet
from narratives.tables.writers import csv_text
from narratives.text.paragraphs import paragraph_id

Row = TypeVar("Row")
_REASON = re.compile("[a-z]{1,16}")


def read_labels(folder: Path, codebook: Codebook) -> LabelSet:
    """Read and check both files. Labels come as they were given: one may be on a retired frame of the codebook.

    Raises UserError that names the file and the line.
    """
    paragraphs = read_rows(folder / "paragraphs.csv", LabelledParagraph, _check_paragraph)
    known = {paragraph.paragraph_id for paragraph in paragraphs}
    _refuse_repeated_paragraphs(folder / "paragraphs.csv", paragraphs)

    def check(label: Label) -> str | None:
        return _check_label(label, known, codebook)

    labels = read_rows(folder / "labels.csv", Label, check)
    _refuse_contradictions(folder / "labels.csv", labels)
    return LabelSet(paragraphs, labels)


def write_labels(folder: Path, labels: LabelSet) -> None:
    """Write both files, sorted, so that a change of one label changes one line. Raises UserError if that fails.

    Labels are written unresolved: those on retired frames keep them.
    """
    # Labels refer to paragraphs, so the paragraphs come first: a run that stops in between leaves a readable folder.
    atomic_write_text(folder / "paragraphs.csv", file_text(LabelledParagraph, sorted_paragraphs(labels)))
    write_label_rows(folder, labels)


def write_label_rows(folder: Path, labels: LabelSet) -> None:
    """Write ``labels.csv`` alone, sorted. Raises UserError if that fails."""
    atomic_write_text(folder / "labels.csv", file_text(Label, sorted_labels(labels)))


def sorted_paragraphs(labels: LabelSet) -> list[LabelledParagraph]:
    """Return the paragraphs in the order of the files: by language and id."""
    return sorted(labels.paragraphs, key=lambda row: (row.language, row.paragraph_id))


def sorted_labels(labels: LabelSet) -> list[Label]:
    """Return the labels in the order of the files: by paragraph, kind, annotator, time and frame."""
    return sorted(
        labels.labels, key=lambda row: (row.paragraph_id, row.kind, row.annotator, row.labelled_at, row.frame)
    )


def read_rows(path: Path, kind: type[Row], check: Callable[[Row], str | None]) -> tuple[Row, ...]:
    """Read a CSV file whose columns are the fields of the dataclass ``kind``, all of them text.

    ``check`` returns what is wrong with a row, or None. Raises UserError that names the file and the line.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    try:
        # Decoded by hand: read_text would turn a carriage return that is part of a text into a line feed.
        reader = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""), strict=True)
        header = next(reader, [])
        if header != names:
            raise UserError(f"{path.name}:1: the columns are {', '.join(header)}; they must be {', '.join(names)}")
        return tuple(_typed_row(cells, kind, names, f"{path.name}:{reader.line_num}", check) for cells in reader)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; a labels folder holds paragraphs.csv and labels.csv") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path.name}: not readable as UTF-8 CSV: {error}; correct the file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def _typed_row(
    cells: list[str], kind: type[Row], names: list[str], where: str, check: Callable[[Row], str | None]
) -> Row:
    if len(cells) != len(names):
        raise UserError(f"{where}: {len(cells)} cells, but there are {len(names)} columns ({', '.join(names)})")
    row = kind(*cells)
    complaint = check(row)
    if complaint:
        raise UserError(f"{where}: {complaint}")
    return row


def file_text(kind: type, rows: Iterable[Any]) -> str:
    """Return the text of a file of label rows: a line for the names of the columns, then one row each."""
    return csv_text([[field.name for field in fields(kind)], *map(astuple, rows)], ",")


def check_labels(labels: LabelSet, codebook: Codebook, where: str, known: Iterable[str] = ()) -> None:
    """Check a label set as ``read_labels`` does; ``known`` are the ids of paragraphs that are stored elsewhere.

    Raises UserError that begins with ``where``.
    """
    ids = {*known, *(paragraph.paragraph_id for paragraph in labels.paragraphs)}
    complaints = [_check_paragraph(paragraph) for paragraph in labels.paragraphs]
    complaints += [_check_label(label, ids, codebook) for label in labels.labels]
    complaints += map(check_reason, labels.reasons.values())
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
        return "the text holds the character NUL, which PostgreSQL cannot store; remove it"
    return not_one_of("language", row.language, LABEL_LANGUAGES)


def _check_label(label: Label, known: set[str], codebook: Codebook) -> str | None:
    if label.paragraph_id not in known:
        return f"paragraph_id '{label.paragraph_id}' is not in paragraphs.csv; add the paragraph or remove the label"
    if label.frame and label.frame not in codebook.ids and label.frame not in codebook.successors:
        return f"frame '{label.frame}' is not in the codebook; correct it or add the frame"
    if label.kind == "single" and not label.frame:
        return "a label of kind 'single' needs a frame; name it"
    if label.frame and label.value == "yes" and not label.voice and label.kind == "decision":
        return f"a decision on frame '{label.frame}' needs a voice; name one of {', '.join(VOICES)}"
    if not label.annotator:
        return "annotator is empty; every label needs an annotator"
    return (
        not_one_of("voice", label.voice, (*VOICES, ""))
        or not_one_of("value", label.value, VALUES)
        or not_one_of("kind", label.kind, KINDS)
        or not_one_of("sure", label.sure, ("yes", "no"))
    )


def check_reason(reason: str) -> str | None:
    """Return a complaint with its remedy if ``reason`` is no reason why a paragraph was shown, else None."""
    if _REASON.fullmatch(reason):
        return None
    return f"reason '{reason}' is not a word of at most 16 small letters, such as {RANDOM}; correct it or leave it out"


def not_one_of(name: str, value: str, allowed: Sequence[str]) -> str | None:
    """Return a complaint with its remedy if ``value`` is not allowed, else None."""
    if value in allowed:
        return None
    remedy = "correct it or leave it empty" if "" in allowed else "correct it"
    return f"{name} '{value}' is not one of {', '.join(filter(None, allowed))}; {remedy}"


def _refuse_repeated_paragraphs(path: Path, paragraphs: Sequence[LabelledParagraph]) -> None:
    rows: dict[str, int] = {}
    for row, paragraph in enumerate(paragraphs, 1):
        first = rows.setdefault(paragraph.paragraph_id, row)
        if first != row:
            raise UserError(f"{path.name}: row {row} repeats the paragraph of row {first}; remove one")


def _refuse_contradictions(path: Path, labels: Sequence[Label]) -> None:
    """Refuse a reading that has a frame twice, or a frame beside "no frame"."""
    readings: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for row, label in enumerate(labels, 1):
        if label.kind == "single":  # an annotator may change their mind on one frame as often as they like
            continue
        frames = readings[label.paragraph_id, label.kind, label.annotator, label.labelled_at]
        if label.frame in frames or (frames and "" in (*frames, label.frame)):
            name = f"frame '{label.frame}'" if label.frame else "no frame"
            reason = f"{label.annotator} gives {label.paragraph_id} {name} beside another label of the same reading"
            raise UserError(f"{path.name}: row {row}: {reason}; remove one")
        frames.add(label.frame)
