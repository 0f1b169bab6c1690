"""Reads, checks, writes and counts ``labels/field.csv``: readings of real paragraphs, kept without their texts."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from narratives.codebook.frames import VOICES, Codebook
from narratives.errors import UserError
from narratives.files import atomic_write_text
from narratives.labels.files import file_text, not_one_of, read_rows
from narratives.labels.gold import FIELD
from narratives.labels.label_set import LABEL_LANGUAGES, Label, LabelledParagraph, LabelSet
from narratives.labels.statistics import markdown_table

NAME = "field.csv"
HOW = ("random", "chosen", "pattern")
# Collections that hold texts of one origin; a collection named "archive" is a mix of sources.
_ONE_ORIGIN = {"factcheck-claims-uk": "vox", "resistinua-uk-officials": "president.gov.ua"}
_MIXED = "archive"
_ID = re.compile(r"[0-9a-f]{16}")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


@dataclass(frozen=True)
class FieldReading:
    """A row of ``field.csv``: one frame that a reader saw in a paragraph; one row with an empty frame if none.

    - ``paragraph_id``: the hash of the text; the text is not kept.
    - ``collection``, ``source``, ``document``, ``key``: where the text can be found. ``source`` is the outlet within a
      collection, ``document`` is what paragraphs of one text share (empty: the paragraph stands alone), ``key`` is a
      public address or number.
    - ``date``: of the text, ISO 8601 as far as it is known, or empty.
    - ``frame``, ``voice``: as in the codebook.
    - ``sure``: "yes", or "no" where a competent reader could well differ.
    - ``reader``: who read it. Readers of one paragraph did not see each other's readings.
    - ``how``: "random" (drawn at random within its source), "chosen" (near a threshold of a model or among its highest
      scores) or "pattern" (by words of a frame). Only random ones tell how common a frame is.
    - ``codebook_version``: the version that was read by.
    """

    paragraph_id: str
    collection: str
    source: str
    document: str
    key: str
    date: str
    language: str
    frame: str
    voice: str
    sure: str
    reader: str
    how: str
    codebook_version: str

    @property
    def stream(self) -> str:
        """The origin that is held out as a whole: the collection, or the source within a mixed one."""
        if self.collection == _MIXED:
            return "semeval" if self.source.startswith("semeval") else self.source
        return _ONE_ORIGIN.get(self.collection, self.collection)


@dataclass(frozen=True)
class FieldReadings:
    """All rows of ``field.csv``, in its order."""

    rows: tuple[FieldReading, ...]

    @cached_property
    def by_paragraph(self) -> dict[str, list[FieldReading]]:
        """The rows by paragraph id, in the order of the file."""
        grouped: dict[str, list[FieldReading]] = defaultdict(list)
        for row in self.rows:
            grouped[row.paragraph_id].append(row)
        return grouped

    def as_labels(self) -> LabelSet:
        """Return the readings as labels of paragraphs without text, for what counts labels and not words."""
        firsts = [rows[0] for rows in self.by_paragraph.values()]
        paragraphs = (LabelledParagraph(row.paragraph_id, "", row.language, FIELD, row.document) for row in firsts)
        return LabelSet(tuple(paragraphs), tuple(map(_as_label, self.rows)))

    @cached_property
    def readings(self) -> dict[tuple[str, str], dict[str, str]]:
        """The voice of each frame that a reader saw, by (paragraph id, reader); empty for "no frame"."""
        seen: dict[tuple[str, str], dict[str, str]] = {}
        for row in self.rows:
            frames = seen.setdefault((row.paragraph_id, row.reader), {})
            frames |= {row.frame: row.voice} if row.frame else {}
        return seen

    @cached_property
    def versions(self) -> dict[tuple[str, str], str]:
        """The version of the codebook that each reading was made by, by (paragraph id, reader)."""
        return {(row.paragraph_id, row.reader): row.codebook_version for row in self.rows}


def _as_label(row: FieldReading) -> Label:
    value = "yes" if row.frame else "no"
    return Label(
        *(row.paragraph_id, row.frame, row.voice, value, "reading", row.sure, row.reader, ""),
        *(row.codebook_version, row.how),
    )


def read_field(folder: Path, codebook: Codebook) -> FieldReadings:
    """Read and check ``field.csv`` of a labels folder; without the file there are no readings.

    Raises UserError that names the file and the line.
    """
    path = folder / NAME
    if not path.exists():
        return FieldReadings(())
    rows = read_rows(path, FieldReading, lambda row: _complaint(row, codebook))
    _refuse_contradictions(rows)
    return FieldReadings(rows)


def write_field(folder: Path, readings: FieldReadings) -> None:
    """Write ``field.csv``, sorted, so that one more reading is one more line. Raises UserError if that fails."""
    rows = sorted(readings.rows, key=lambda row: (row.paragraph_id, row.reader, row.frame))
    atomic_write_text(folder / NAME, file_text(FieldReading, rows))


def _complaint(row: FieldReading, codebook: Codebook) -> str | None:
    if not _ID.fullmatch(row.paragraph_id):
        return f"paragraph_id '{row.paragraph_id}' is not 16 hexadecimal digits; correct it"
    if row.frame and row.frame not in codebook.ids and row.frame not in codebook.successors:
        return f"frame '{row.frame}' is not in the codebook; correct it or add the frame"
    if bool(row.frame) != bool(row.voice):
        return "frame and voice go together; name both, or leave both empty for a paragraph without a frame"
    if row.date and not _DATE.fullmatch(row.date):
        return f"date '{row.date}' is not ISO 8601 (2022-12-16, 2022-12 or 2022); correct it or leave it empty"
    empty = next((name for name in ("collection", "source", "reader") if not getattr(row, name)), None)
    if empty:
        return f"{empty} is empty; name it"
    return (
        not_one_of("voice", row.voice, (*VOICES, ""))
        or not_one_of("sure", row.sure, ("yes", "no"))
        or not_one_of("how", row.how, HOW)
        or not_one_of("language", row.language, LABEL_LANGUAGES)
    )


def _refuse_contradictions(rows: Sequence[FieldReading]) -> None:
    """Refuse a reading that has a frame twice, or a frame beside "no frame"; and a paragraph of two collections."""
    frames: dict[tuple[str, str], set[str]] = defaultdict(set)
    origins: dict[str, tuple[str, str, str]] = {}
    for number, row in enumerate(rows, 1):
        seen = frames[row.paragraph_id, row.reader]
        if row.frame in seen or (seen and "" in (*seen, row.frame)):
            name = f"frame '{row.frame}'" if row.frame else "no frame"
            raise UserError(
                f"{NAME}: row {number}: {row.reader} gives {row.paragraph_id} {name} beside another row of the same "
                "reading; remove one"
            )
        seen.add(row.frame)
        origin = row.collection, row.key, row.how
        if origins.setdefault(row.paragraph_id, origin) != origin:
            raise UserError(
                f"{NAME}: row {number}: {row.paragraph_id} has another collection, key or how than in a row before; "
                "keep one"
            )


def field_tables(readings: FieldReadings, codebook: Codebook) -> str:
    """Return the counts of the readings as Markdown tables: by collection, by frame, and how far readers agree."""
    firsts = [rows[0] for rows in readings.by_paragraph.values()]
    return "\n\n".join([_by_collection(firsts), _by_frame(readings, codebook), _agreement(readings, codebook)])


def _by_collection(firsts: Iterable[FieldReading]) -> str:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in firsts:
        for name in (row.collection, "all"):
            counts[name].update(["read", row.language, f"how {row.how}"])
    columns = ["read", *LABEL_LANGUAGES[:3], *(f"how {how}" for how in HOW)]
    rows = [
        [name, *(counts[name][column] for column in columns)] for name in sorted(counts, key=lambda n: (n == "all", n))
    ]
    return markdown_table(["collection", "paragraphs", *LABEL_LANGUAGES[:3], *HOW], rows)


def _by_frame(readings: FieldReadings, codebook: Codebook) -> str:
    """Count paragraphs in which a reader saw the frame; in a paragraph read twice, both must."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for paragraph, rows in readings.by_paragraph.items():
        readers = {row.reader for row in rows}
        for frame in {row.frame for row in rows if row.frame}:
            told = [reader for reader in sorted(readers) if _speaks_of(readings, (paragraph, reader), frame, codebook)]
            voices = [readings.readings[paragraph, reader].get(frame) for reader in told]
            if None in voices:
                counts[frame]["unsettled"] += 1
            else:
                voice = voices[0] if len(set(voices)) == 1 else ""
                counts[frame].update([rows[0].language, *([voice] if voice else [])])
    names = [*LABEL_LANGUAGES[:3], *VOICES, "unsettled"]
    return markdown_table(
        ["frame", *names], [[frame, *(counts[frame][name] for name in names)] for frame in codebook.ids]
    )


def _speaks_of(readings: FieldReadings, reading: tuple[str, str], frame: str, codebook: Codebook) -> bool:
    return frame in readings.readings[reading] or frame in codebook.read_by(readings.versions[reading])


def _agreement(readings: FieldReadings, codebook: Codebook) -> str:
    pairs = list(twice_read(readings, codebook))
    if not pairs:
        return "No paragraph was read twice."
    both = sum(len(first.keys() & second.keys()) for first, second in pairs)
    named = sum(len(first) + len(second) for first, second in pairs)
    voices = sum(first[frame] == second[frame] for first, second in pairs for frame in first.keys() & second.keys())
    same = sum(first.keys() == second.keys() for first, second in pairs)
    head = ["paragraphs read twice", "same frames", "pairwise F1 of frames", "same voice where both saw the frame"]
    shares = [f"{same / len(pairs):.3f}", f"{2 * both / max(1, named):.3f}", f"{voices / max(1, both):.3f}"]
    return markdown_table(head, [[str(len(pairs)), *shares]])


def twice_read(readings: FieldReadings, codebook: Codebook) -> Iterable[tuple[dict[str, str], dict[str, str]]]:
    """Yield the first two readings of each paragraph that was read twice or more, in the frames that both speak of."""
    for paragraph, rows in readings.by_paragraph.items():
        first, *others = sorted({row.reader for row in rows})
        if others:
            pair = (paragraph, first), (paragraph, others[0])
            shared = set.intersection(*(set(codebook.read_by(readings.versions[reading])) for reading in pair))
            told = [
                {frame: voice for frame, voice in readings.readings[reading].items() if frame in shared}
                for reading in pair
            ]
            yield told[0], told[1]
