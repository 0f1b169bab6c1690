"""Names where labels came from by the hashes of a canonical text, equal wherever equal labels are kept."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from narratives.codebook.frames import VOICES, Codebook
from narratives.labels.files import file_text, sorted_labels, sorted_paragraphs
from narratives.labels.gold import Gold
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet

_TABLE_COLUMNS = ("text", "frames", "voices", "language", "group", "register")


@dataclass(frozen=True)
class Source:
    """Where labels came from.

    - ``hashes``: the SHA-256 of each part's canonical text, by the part's name.
    - ``is_sample``: whether the rows are a sample of a stream, as a simple table is. A label set is not: it is written
      to balance, and frames are rarer in the stream.
    - ``licences``: the licence of each collection of others' texts, as its publisher states it.
    """

    hashes: Mapping[str, str]
    is_sample: bool
    licences: Mapping[str, str] = field(default_factory=dict)


def label_source(labels: LabelSet) -> Source:
    """Return the source of a label set: the hashes of the two files that ``write_labels`` writes of ``canonical``.

    Where somebody knows how paragraphs were chosen, a third hash is that of one line "paragraph_id,how" for each.
    """
    ordered = canonical(labels)
    texts = {
        "paragraphs.csv": file_text(LabelledParagraph, ordered.paragraphs),
        "labels.csv": file_text(Label, ordered.labels),
    }
    if ordered.how:
        texts["how chosen"] = "".join(f"{key},{how}\n" for key, how in sorted(ordered.how.items()))
    return Source({name: _sha256(text) for name, text in texts.items()}, is_sample=False)


def table_source(name: str, gold: Gold) -> Source:
    """Return the source of a simple labelled table with this file name, whose rows are ``gold``."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_TABLE_COLUMNS)
    writer.writerows(_table_cells(gold, row) for row in range(len(gold)))
    return Source({name: _sha256(text.getvalue())}, is_sample=True)


def canonical(labels: LabelSet) -> LabelSet:
    """Return the labelled paragraphs and all labels as ``write_labels`` orders them and ``read_labels`` reads them."""
    labelled = labels.of_interest(unlabelled=False)
    paragraphs = (replace(row, text=_line_ends(row.text)) for row in sorted_paragraphs(labelled))
    return replace(labels, paragraphs=tuple(paragraphs), labels=tuple(sorted_labels(labels)))


def codebook_hash(codebook: Codebook) -> str:
    """Return the SHA-256 of the codebook as a model folder keeps it: comments and order of keys do not count."""
    return _sha256(json.dumps(asdict(codebook), ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _table_cells(gold: Gold, row: int) -> tuple[str, ...]:
    """Return a row of gold as a simple table has it. Frames are sorted: a codebook's order does not count."""
    carried = sorted((frame, k) for k, frame in enumerate(gold.frames) if gold.values[row, k] == 1)
    voices = [gold.voices[row, k] for _, k in carried]
    return (
        gold.texts[row],
        ";".join(frame for frame, _ in carried),
        ";".join(VOICES[voice] if voice >= 0 else "" for voice in voices),
        gold.languages[row],
        gold.groups[row],
        gold.registers[row] if gold.registers else "",
    )


def _line_ends(text: str) -> str:
    # A file is read with universal newlines: without this, texts from the database would hash differently.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
