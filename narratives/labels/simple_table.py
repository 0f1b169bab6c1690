"""Owns the simple labelled table: any table with ``text`` and ``frames``."""

from pathlib import Path

import numpy as np

from narratives.codebook.frames import VOICES, Codebook, bare
from narratives.errors import UserError
from narratives.labels.files import not_one_of
from narratives.labels.gold import UNKNOWN, Gold
from narratives.tables.table import read_all
from narratives.text.language import language


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
    wrong = next((not_one_of("voice", voice, (*VOICES, "")) for voice in named if voice not in (*VOICES, "")), None)
    if wrong:
        raise UserError(f"{path}: row {row}: {wrong}")
    pairs = sorted(zip(ids, named, strict=False), key=lambda pair: pair[0] in codebook.ids)  # an own voice comes last
    said = {codebook.counts_as(frame): voice for frame, voice in pairs}
    values = [int(frame in said) for frame in codebook.ids]
    return values, [VOICES.index(said[frame]) if said.get(frame) else UNKNOWN for frame in codebook.ids]
