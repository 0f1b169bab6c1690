"""Reads labels in the formats of ``exporting`` and of other tools, and tables of texts that wait for labels."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from narratives.errors import UserError
from narratives.labels.files import check_labels, read_labels
from narratives.labels.frame_names import FrameNames
from narratives.labels.interchange.argilla import RecordReader
from narratives.labels.interchange.collecting import Collector
from narratives.labels.interchange.doccano import LineReader
from narratives.labels.interchange.documents import Documents, read_documents
from narratives.labels.interchange.intake import Columns, Intake, Item, Moment
from narratives.labels.interchange.label_studio import TaskReader
from narratives.labels.interchange.objects import PARAGRAPH_COLUMNS, PARQUET, Placed, object_items, text_key
from narratives.labels.interchange.prodigy import ExampleReader
from narratives.labels.interchange.table import TableReader
from narratives.labels.label_set import LabelSet
from narratives.labels.table_rows import Rows, rows_of_objects, rows_of_table
from narratives.tables.table import open_table

LAYOUTS_READ = (
    *("labels", "jsonl", "label-studio", "doccano", "prodigy", "argilla", "potato", "spacy", "hugging-face"),
    *("xlsx", "table"),
)
_ANYWHERE = Columns()


class ItemReader(Protocol):
    """Reads the items of one file; what it has to say is complete once they were read."""

    def items(self) -> Iterator[Item]:
        """Yield the items."""

    def notes(self) -> list[str]:
        """Return what a user should know, a sentence each."""


def read_intake(path: Path, moment: Moment, layout: str = "", columns: Columns = _ANYWHERE) -> Intake:
    """Read labels in one of LAYOUTS_READ, or a table of texts; without a ``layout``, detect it.

    A file of labels of another tool is accepted or refused as a whole; of a table, single rows can be refused. Raises
    UserError that names the file and the place in it, also for a file of which nothing can be read.
    """
    if path.is_dir():
        layout = layout or _layout_of_folder(path)
    if layout == "labels":
        return Intake("labels", read_labels(path, moment.codebook))
    task = _Import(path.name, moment, FrameNames(moment.codebook, columns.names), columns)
    if path.is_dir():
        return task.folder(path, layout)
    documents = None if layout in ("table", "xlsx") else read_documents(path)
    objects = [item for _, item in documents.readable()] if documents else []
    if documents and not any(objects) and documents.unit == "line":
        list(documents.objects())  # raises what is wrong with the first line
        raise UserError(f"{path.name}: it holds no text; export it again, or name another file")
    kind = layout or layout_of(objects)
    if documents and (kind != "table" or (documents.unit == "object" and not _is_export(path))):
        return task.documents(documents, kind)
    if kind not in ("table", "xlsx"):
        raise UserError(f"{path}: the file is not JSON, so not of {kind}; leave out --from, or export it again")
    return task.table(rows_of_table(path, columns.text))


def _is_export(path: Path) -> bool:
    """Return whether a file of objects is a known export, whose texts and sources are found as ``score`` finds them."""
    try:
        return bool(open_table(path).roles.export)
    except UserError:
        return False


def layout_of(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return the layout of objects: the first of those below that any of them has, else ``table``."""
    found = {layout for item in objects for layout, matches in _MARKS.items() if matches(item)}
    return next((layout for layout in _MARKS if layout in found), "table")


def _layout_of_folder(path: Path) -> str:
    if (path / "labels.csv").exists():
        return "labels"
    if any(path.rglob("*.parquet")):
        return "hugging-face"
    raise UserError(f"{path}: the folder holds neither labels.csv nor {PARQUET}; name a file or another folder")


def _is_own(item: Mapping[str, Any]) -> bool:
    labels = item.get("labels")
    return isinstance(labels, list) and (
        set(PARAGRAPH_COLUMNS) <= item.keys() or any(isinstance(label, dict) and "frame" in label for label in labels)
    )


def _is_task(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("data"), dict) and any(
        key in item for key in ("annotations", "completions", "predictions")
    )


def _is_record(item: Mapping[str, Any]) -> bool:
    of_version_1 = "annotation_agent" in item or "prediction_agent" in item
    of_version_2 = isinstance(item.get("fields"), dict) and ("responses" in item or "suggestions" in item)
    return of_version_1 or of_version_2 or any(key.endswith(".responses") for key in item)


def _is_minimal_task(item: Mapping[str, Any]) -> bool:
    return "annotation_id" in item and "lead_time" in item  # Label Studio's JSON-MIN is a table in JSON


# By layout, the most distinctive first, what an object of it looks like.
_MARKS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "inception": lambda item: "%FEATURE_STRUCTURES" in item,
    "label-studio": _is_task,
    "table": lambda item: "frames" in item or _is_minimal_task(item),
    "jsonl": _is_own,
    "argilla": _is_record,
    "potato": lambda item: isinstance(item.get("label_annotations"), dict),
    "prodigy": lambda item: item.get("answer") in ("accept", "reject", "ignore"),
    "spacy": lambda item: isinstance(item.get("cats"), dict),
    "doccano": lambda item: any(key in item for key in ("label", "labels", "annotations", "entities")),
}


@dataclass(frozen=True)
class _Import:
    """The import of one file or folder called ``where``."""

    where: str
    moment: Moment
    names: FrameNames
    columns: Columns

    def folder(self, path: Path, layout: str) -> Intake:
        """Read a folder in the layout of Hugging Face: our own, or one with a table in Parquet."""
        if layout != "hugging-face":
            raise UserError(f"{path} is a folder, which {layout} is not; name the file in it")
        if objects := _parquet_objects(path / PARQUET):
            return self._collected(_ObjectReader(objects, self.where), layout, "object")
        files = sorted(path.rglob("*.parquet"))
        if len(files) > 1:
            raise UserError(f"{path}: the folder holds {len(files)} Parquet files; name one, such as {files[0]}")
        return self.table(rows_of_table(files[0], self.columns.text))

    def documents(self, documents: Documents, layout: str) -> Intake:
        """Read objects. Raises UserError if one of them is refused: labels of a tool are all taken, or none."""
        objects = list(documents.objects())
        if layout == "table":
            text = text_key(self.where, [item for _, item in objects], self.columns)
            return self.table(rows_of_objects(objects, self.where, text))
        unit = "task" if layout == "label-studio" else documents.unit
        intake = self._collected(self._reader(objects, layout, unit), layout, unit)
        if intake.refused:
            reasons = "; ".join(intake.refusals())
            raise UserError(f"{self.where}: {reasons}; nothing was imported")
        return intake

    def table(self, rows: Rows) -> Intake:
        """Read the rows of a table. Raises UserError if all are refused."""
        reader = TableReader(rows, self.names, self.columns)
        layout = "xlsx" if reader.is_ours and rows.kind == "XLSX" else "table"
        intake = self._collected(reader, layout, "object" if rows.kind == "JSON" else "line")
        refused = sorted((*rows.refused, *intake.refused), key=lambda row: row.line)
        intake = replace(intake, refused=tuple(refused))
        if refused and not (intake.labels.paragraphs or intake.labels.labels):
            raise UserError(f"{self.where}: all rows were refused: {'; '.join(intake.refusals())}")
        return intake

    def _reader(self, objects: Sequence[Placed], layout: str, unit: str) -> ItemReader:
        if layout == "label-studio":
            return TaskReader([task for _, task in objects], self.where, self.names, self.columns)
        if layout == "jsonl":
            return _ObjectReader([item for _, item in objects], self.where)
        if layout in ("prodigy", "spacy"):
            return ExampleReader(objects, self.where, unit, self.columns)
        if layout in ("argilla", "potato"):
            return RecordReader(objects, self.where, unit, self.names, self.columns)
        if layout == "doccano":
            return LineReader(objects, self.where, unit, self.columns)
        raise UserError(
            f"{self.where}: {layout} marks spans in documents of its own; export a table with text and label"
        )

    def _collected(self, reader: ItemReader, layout: str, unit: str) -> Intake:
        collector = Collector(self.where, unit, self.moment, self.names).add(reader.items())
        intake = collector.intake(layout, reader.notes())
        if not (intake.labels.paragraphs or intake.labels.labels or intake.refused):
            raise UserError(f"{self.where}: it holds no text; export it again, or name another file")
        known = {label.paragraph_id for label in intake.labels.labels}
        check_labels(LabelSet((), intake.labels.labels), self.moment.codebook, self.where, known)
        return intake


class _ObjectReader:
    """Reads our own objects."""

    def __init__(self, objects: Sequence[dict[str, Any]], where: str) -> None:
        self._objects, self._where = objects, where

    def items(self) -> Iterator[Item]:
        return object_items(self._objects, self._where)

    def notes(self) -> list[str]:
        return []


def _parquet_objects(path: Path) -> list[dict[str, Any]]:
    """Return our own objects in a Parquet file; none if it is missing or has another schema."""
    import pyarrow.parquet as pq

    if not path.exists():
        return []
    try:
        objects: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not readable as Parquet: {error}; download it again") from None
    return objects if all(map(_is_own, objects)) else []
