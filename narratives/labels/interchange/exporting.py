"""Exports labels in several formats; each file appears whole or not at all."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from narratives.files import atomic_write, atomic_write_text, write_errors
from narratives.labels.files import sorted_labels, sorted_paragraphs, write_label_rows, write_labels
from narratives.labels.interchange import doccano, label_studio, objects
from narratives.labels.interchange.objects import PARQUET
from narratives.labels.interchange.table import to_excel
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.tables.rows import Refusal
from narratives.tables.writers import csv_text

LAYOUTS = ("labels", "jsonl", "label-studio", "doccano", "hugging-face", "xlsx")
_TEXT = tuple(field.name for field in fields(LabelledParagraph))
_LABEL = tuple(field.name for field in fields(Label))[1:]
_ESCAPE = "backslashreplace"  # JSON and refused rows may hold a lone surrogate, which UTF-8 cannot
_CARD = """---
language: [{languages}]
task_categories: [text-classification]
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*.parquet
---
Paragraphs with the labels that annotators gave them: an entry of `labels` is one annotator's word on one frame
(an empty frame: none seen). Written by `narratives labels export --to hugging-face`.
"""


def write_labels_as(labels: LabelSet, output: Path, layout: str, with_text: bool = True) -> None:
    """Write ``labels`` in one of LAYOUTS; without text, only ids and labels are written.

    Everything is sorted as in the labels folder, so that two exports of the same labels are the same bytes.
    Raises UserError if a file cannot be written.
    """
    paragraphs = sorted_paragraphs(labels)
    shown = (row if with_text else replace(row, text="") for row in paragraphs)
    ordered = replace(labels, paragraphs=tuple(shown), labels=tuple(sorted_labels(labels)))
    with write_errors(output):
        _WRITERS[layout](ordered, output, with_text)


def write_refused(refused: Sequence[Refusal], path: Path) -> None:
    """Write refused rows as CSV with the columns line, reason and raw. Raises UserError if that fails."""
    rows = [("line", "reason", "raw"), *((str(row.line), row.reason, row.raw) for row in refused)]
    atomic_write_text(path, csv_text(rows, ","), _ESCAPE)


def _write_folder(labels: LabelSet, output: Path, with_text: bool) -> None:
    output.mkdir(parents=True, exist_ok=True)
    if with_text:
        write_labels(output, labels)
    else:
        write_label_rows(output, labels)
        (output / "paragraphs.csv").unlink(missing_ok=True)  # an export that this one replaces may have held the text


def _write_jsonl(labels: LabelSet, output: Path, with_text: bool) -> None:
    _write_lines(output, objects.to_objects(labels))


def _write_doccano(labels: LabelSet, output: Path, with_text: bool) -> None:
    _write_lines(output, doccano.to_doccano(labels))


def _write_label_studio(labels: LabelSet, output: Path, with_text: bool) -> None:
    atomic_write_text(
        output, json.dumps(label_studio.to_label_studio(labels), ensure_ascii=False, indent=1) + "\n", _ESCAPE
    )


def _write_hugging_face(labels: LabelSet, output: Path, with_text: bool) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (output / PARQUET).parent.mkdir(parents=True, exist_ok=True)
    label = pa.struct([(name, pa.string()) for name in (*_LABEL, *(["reason"] if labels.reasons else []))])
    schema = pa.schema([*((name, pa.string()) for name in _TEXT), ("labels", pa.list_(label))])
    table = pa.Table.from_pylist(list(objects.to_objects(labels)), schema=schema)
    with atomic_write(output / PARQUET) as file:
        pq.write_table(table, file)
    languages = ", ".join(sorted({row.language for row in labels.paragraphs} - {"other"}))
    atomic_write_text(output / "README.md", _CARD.format(languages=languages))


def _write_xlsx(labels: LabelSet, output: Path, with_text: bool) -> None:
    from narratives.tables.readers.workbook import write_sheet

    columns, paragraphs = (*_TEXT, *_LABEL), {row.paragraph_id: asdict(row) for row in labels.paragraphs}
    rows = [paragraphs.get(label.paragraph_id, {}) | asdict(label) for label in labels.labels]
    rows += [row for key, row in paragraphs.items() if key not in labels.by_paragraph]
    write_sheet(output, columns, [[to_excel(row.get(name, "")) for name in columns] for row in rows])


_WRITERS = {
    "labels": _write_folder,
    "jsonl": _write_jsonl,
    "label-studio": _write_label_studio,
    "doccano": _write_doccano,
    "hugging-face": _write_hugging_face,
    "xlsx": _write_xlsx,
}


def _write_lines(output: Path, objects: Iterable[dict[str, Any]]) -> None:
    atomic_write_text(output, "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in objects), _ESCAPE)
