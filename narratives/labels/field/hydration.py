"""Joins field readings to the texts that somebody holds, by the hash of the text."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from narratives.codebook.frames import VOICES, Codebook
from narratives.errors import UserError
from narratives.files import atomic_write_text
from narratives.labels.field.readings import FieldReading, FieldReadings
from narratives.labels.gold import FIELD, UNKNOWN, Gold
from narratives.tables.table import open_table
from narratives.text.paragraphs import paragraph_id, split

COLUMNS = (
    *("text", "frames", "voices", "unsettled", "language", "group", "register", "how"),
    *("collection", "source", "key", "date"),
)


@dataclass(frozen=True)
class Hydrated:
    """Paragraphs whose texts were found.

    - ``ids``: their paragraph ids, in the order of the readings.
    - ``gold``: what their readers agree on, in the same order; ``register`` is "field".
    - ``rows``: one row of the readings of each, for its collection, source, key and date.
    - ``missing``: how many paragraphs were read whose text was not found.
    """

    ids: tuple[str, ...]
    gold: Gold
    rows: tuple[FieldReading, ...]
    missing: int


def hydrate(
    readings: FieldReadings,
    tables: Sequence[Path],
    codebook: Codebook,
    progress: Callable[[float], None] = lambda share: None,
) -> Hydrated:
    """Find the texts of the readings in ``tables`` and return them as gold.

    A cell is compared whole, then paragraph by paragraph. ``progress`` is called with the share done, 0 to 1.
    Raises UserError for a table that cannot be read and if no table holds a text that was read.
    """
    texts = _find_texts(readings, tables, progress)
    ids = tuple(paragraph for paragraph in readings.by_paragraph if paragraph in texts)
    if readings.rows and not ids:
        names = ", ".join(path.name for path in tables)
        raise UserError(f"{names}: no text there is one that was read; name tables of the collections in field.csv")
    settled = [_settle(readings, paragraph, codebook) for paragraph in ids]
    rows = tuple(readings.by_paragraph[paragraph][0] for paragraph in ids)
    shape = (len(ids), len(codebook.ids))
    gold = Gold(
        codebook,
        tuple(texts[paragraph] for paragraph in ids),
        np.array([values for values, _ in settled], dtype=np.int8).reshape(shape),
        np.array([voices for _, voices in settled], dtype=np.int8).reshape(shape),
        tuple(row.language for row in rows),
        tuple(row.document or row.paragraph_id for row in rows),
        (FIELD,) * len(ids),
        tuple(row.how for row in rows),
        tuple(row.stream for row in rows),
    )
    return Hydrated(ids, gold, rows, len(readings.by_paragraph) - len(ids))


def _find_texts(readings: FieldReadings, tables: Sequence[Path], progress: Callable[[float], None]) -> dict[str, str]:
    wanted, texts = set(readings.by_paragraph), dict[str, str]()
    for number, path in enumerate(tables):
        table = open_table(path)
        for batch in table.batches():
            for text in batch.texts:
                texts |= {key: piece for key, piece in _pieces(text) if key in wanted}
            share = min(1.0, batch.bytes_read / table.size) if table.size else 0.0
            progress((number + share) / len(tables))
    return texts


def _pieces(text: str) -> list[tuple[str, str]]:
    """Return the text and, if it has several, its paragraphs, each with its id."""
    paragraphs = [paragraph.text for paragraph in split(text)] if "\n" in text or "\r" in text else []
    return [(paragraph_id(piece), piece) for piece in (text, *paragraphs)]


def _settle(readings: FieldReadings, paragraph: str, codebook: Codebook) -> tuple[list[int], list[int]]:
    """Return the value and the voice of each frame: what all readers say whose codebook had it, else UNKNOWN."""
    readers = sorted({row.reader for row in readings.by_paragraph[paragraph]})
    opinions = [
        dict.fromkeys(codebook.read_by(readings.versions[paragraph, reader]), "")
        | _counted(readings.readings[paragraph, reader], codebook)
        for reader in readers
    ]
    values, voices = [], []
    for frame in codebook.ids:
        said = {opinion[frame] for opinion in opinions if frame in opinion}
        seen = {bool(voice) for voice in said}
        values.append(int(seen.pop()) if len(seen) == 1 else UNKNOWN)
        voices.append(VOICES.index(said.pop()) if len(said) == 1 and values[-1] == 1 else UNKNOWN)
    return values, voices


def _counted(frames: dict[str, str], codebook: Codebook) -> dict[str, str]:
    """Return a reading as the codebook counts it. A frame's own voice replaces that of one merged into it."""
    merged = {codebook.counts_as(frame): voice for frame, voice in frames.items() if frame not in codebook.ids}
    return {**merged, **{frame: voice for frame, voice in frames.items() if frame in codebook.ids}}


def write_hydrated(found: Hydrated, path: Path) -> None:
    """Write the texts with their labels as a simple labelled table (CSV), which ``train`` and ``evaluate`` read.

    Raises UserError if the file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_cells(found, row) for row in range(len(found.ids)))
    atomic_write_text(path, text.getvalue())


def _cells(found: Hydrated, row: int) -> tuple[str, ...]:
    gold, origin = found.gold, found.rows[row]
    carried = np.flatnonzero(gold.values[row] == 1).tolist()
    voices = [gold.voices[row, k] for k in carried]
    return (
        gold.texts[row],
        ";".join(gold.frames[k] for k in carried),
        ";".join(VOICES[voice] if voice >= 0 else "" for voice in voices),
        ";".join(gold.frames[k] for k in np.flatnonzero(gold.values[row] < 0)),
        gold.languages[row],
        gold.groups[row],
        gold.registers[row],
        gold.how[row],
        *(origin.collection, origin.source, origin.key, origin.date),
    )
