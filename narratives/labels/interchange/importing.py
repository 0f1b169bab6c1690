"""Reads labels in the formats of ``exporting`` except XLSX, and tables of texts that are still to be labelled."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.labels.files import check_labels, read_labels
from narratives.labels.interchange import doccano, label_studio, objects
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.tables.rows import Refusal
from narratives.tables.table import Table, decode, open_table
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

PARQUET = Path("data") / "train-00000-of-00001.parquet"
_SOURCES = ("source", "url", "link", "channel")  # names of a column that says where a text came from


@dataclass(frozen=True)
class Moment:
    """The annotator, the time and the codebook to use where a file does not name them."""

    annotator: str
    at: str
    codebook: Codebook


@dataclass(frozen=True)
class Intake:
    """What a file held, in which format: labels, the source of each paragraph by id, and the refused rows."""

    layout: str
    labels: LabelSet
    sources: dict[str, str]
    refused: tuple[Refusal, ...] = ()


def read_intake(path: Path, moment: Moment, layout: str = "", text_column: str | None = None) -> Intake:
    """Read labels in one of LAYOUTS except ``xlsx``, or a table of texts; without a ``layout``, detect it.

    A file of labels is accepted or refused as a whole; of a table, single rows can be refused. Raises UserError that
    names the file and the place in it.
    """
    kind = layout or _layout_of(path)
    if kind == "table":
        return _read_table(path, moment, text_column)
    if kind == "labels":
        labels = read_labels(path, moment.codebook)
    elif kind == "label-studio":
        labels = label_studio.from_label_studio(_tasks(path), path.name, moment.at, moment.codebook.version)
    elif kind == "doccano":
        shared = moment.annotator, moment.at, moment.codebook.version
        labels = doccano.from_doccano(_objects(path), path.name, *shared)
    else:
        labels = objects.from_objects(_hub_objects(path) if kind == "hugging-face" else _objects(path), path.name)
    # An export without text names paragraphs that only the database knows, so every paragraph counts as known here.
    known = {label.paragraph_id for label in labels.labels}
    check_labels(labels, moment.codebook, path.name, known)
    return Intake(kind, labels, {})


def _layout_of(path: Path) -> str:
    if path.is_dir():
        if (path / "labels.csv").exists():
            return "labels"
        if (path / PARQUET).exists():
            return "hugging-face"
        raise UserError(f"{path}: the folder holds neither labels.csv nor {PARQUET}; name a file or another folder")
    if path.suffix == ".json":
        return "label-studio"
    if path.suffix in (".jsonl", ".ndjson"):
        first: dict[str, Any] = next(_objects(path), {})
        return "jsonl" if isinstance(first.get("labels"), list) else "doccano" if "label" in first else "table"
    return "table"


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    # Not splitlines(): U+2028, U+2029 and U+0085 end no line of JSON and may stand in a text.
    for number, line in enumerate(_read(path).split("\n"), 1):
        if line.strip():
            yield _parsed(line, f"{path.name}:{number}")


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UserError(f"{where}: not readable as JSON: {error}; correct it") from None
    if not isinstance(value, dict):
        raise UserError(f"{where}: not a JSON object; write one object a line")
    return value


def _tasks(path: Path) -> list[dict[str, Any]]:
    try:
        tasks = json.loads(_read(path))
    except ValueError as error:
        raise UserError(f"{path.name}: not readable as JSON: {error}; export it again") from None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise UserError(f"{path.name}: not a list of Label Studio tasks; export it from there as JSON, not JSON-MIN")
    return tasks


def _hub_objects(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    try:
        yield from pq.read_table(path / PARQUET).to_pylist()
    except (OSError, ValueError) as error:
        raise UserError(f"{path / PARQUET}: not readable as Parquet: {error}; download it again") from None


def _read(path: Path) -> str:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name another file") from None


def _read_table(path: Path, moment: Moment, text_column: str | None) -> Intake:
    """Read a table with one paragraph a row. A column ``frames`` holds the labels of ``moment.annotator``."""
    table = open_table(path, text_column)
    reader = _Rows(table, moment)
    for batch in table.batches():
        reader.refused += batch.refused
        for cells, text, line in zip(batch.rows.cells(), batch.texts, batch.lines, strict=True):
            reader.read(dict(zip(table.columns, cells, strict=True)), text, line)
    labels = LabelSet(tuple(reader.paragraphs.values()), tuple(reader.labels))
    return Intake("table", labels, reader.sources, tuple(reader.refused))


class _Rows:
    """Collects the rows of a table of texts."""

    def __init__(self, table: Table, moment: Moment) -> None:
        self.moment, self.where = moment, Path(table.path).name
        self.labelled = "frames" in table.columns
        if self.labelled and not moment.annotator:
            raise UserError(f"{self.where}: the column 'frames' holds labels; name who gave them with --annotator NAME")
        self.source = next((name for name in _SOURCES if name in table.columns), "")
        self.paragraphs: dict[str, LabelledParagraph] = {}
        self.labels: list[Label] = []
        self.sources: dict[str, str] = {}
        self.refused: list[Refusal] = []

    def read(self, cells: dict[str, str], text: str, line: int) -> None:
        """Add a row, or refuse it with a reason."""
        paragraph = LabelledParagraph(
            paragraph_id(text),
            text.strip(),
            cells.get("language", "") or language(text),
            cells.get("register", ""),
            cells.get("document", ""),
        )
        labels = self._labels(paragraph.paragraph_id, cells) if self.labelled else []
        try:
            check_labels(LabelSet((paragraph,), tuple(labels)), self.moment.codebook, self.where)
        except UserError as error:
            self.refused.append(Refusal(line, str(error).removeprefix(f"{self.where}: "), text))
            return
        # The same text in a later row is the same paragraph. Its labels would contradict those of the first row.
        if paragraph.paragraph_id not in self.paragraphs:
            self.paragraphs[paragraph.paragraph_id] = paragraph
            self.sources[paragraph.paragraph_id] = cells.get(self.source, "") or self.where
            self.labels += labels

    def _labels(self, paragraph: str, cells: dict[str, str]) -> list[Label]:
        frames = [name.strip() for name in cells["frames"].split(";") if name.strip() not in ("", "other")]
        voices = [name.strip() for name in cells.get("voices", "").split(";")]
        voices += [""] * (len(frames) - len(voices))
        shared = {"sure": "yes", "kind": "reading", "annotator": self.moment.annotator, "note": ""}
        shared |= {"labelled_at": self.moment.at, "codebook_version": self.moment.codebook.version}
        given = [(frame, voice, "yes") for frame, voice in zip(frames, voices, strict=False)] or [("", "", "no")]
        return [Label(paragraph, frame, voice, value, **shared) for frame, voice, value in given]
