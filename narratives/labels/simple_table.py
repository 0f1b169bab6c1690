"""Reads a simple labelled table, any table with columns ``text`` and ``frames``, as gold."""

from pathlib import Path

import numpy as np

from narratives.codebook.frames import VOICES, Codebook, bare
from narratives.errors import UserError
from narratives.labels.files import not_one_of
from narratives.labels.gold import UNKNOWN, Gold
from narratives.tables.table import read_all
from narratives.text.language import language


def read_simple_table(path: Path, codebook: Codebook | None = None) -> Gold:
    """Read a table with one text a row.

    - ``text``: the text.
    - ``frames``: the ids of its frames, joined by ``;``. Empty or "other" means no frame.
    - ``voices`` (optional): a voice for each frame, joined by ``;``.
    - ``unsettled`` (optional): the ids of the frames of which the row says nothing, joined by ``;``.
    - ``language``, ``group``, ``register``, ``how`` (optional): texts of one group stay in the same fold; ``how`` is
      "random" where a text was drawn at random.

    Without a codebook the frames are those that occur, sorted. Raises UserError that names the row.
    """
    columns = read_all(path)
    for name in ("text", "frames"):
        if name not in columns:
            raise UserError(
                f"{path}: no column '{name}'; "
                "a labelled table has text and frames; voices, language, group and register are optional"
            )
    frames = [_frame_ids(cell) for cell in columns["frames"]]
    codebook = codebook or bare(sorted({frame for ids in frames for frame in ids}))
    voices = columns.get("voices", [""] * len(frames))
    cells = [
        _gold_row(path, row, ids, voice, codebook)
        for row, (ids, voice) in enumerate(zip(frames, voices, strict=True), 1)
    ]
    values = np.array([values for values, _ in cells], dtype=np.int8).reshape(len(cells), len(codebook.ids))
    for row, cell in enumerate(columns.get("unsettled", ())):
        values[row, [codebook.ids.index(frame) for frame in _frame_ids(cell) if frame in codebook.ids]] = UNKNOWN
    texts = tuple(columns["text"])
    languages, groups = columns.get("language", [""] * len(texts)), columns.get("group", [""] * len(texts))
    return Gold(
        codebook,
        texts,
        values,
        np.array([voice for _, voice in cells], dtype=np.int8).reshape(len(texts), len(codebook.ids)),
        tuple(name or language(text) for name, text in zip(languages, texts, strict=True)),
        tuple(name or f"row {row}" for row, name in enumerate(groups)),  # without a group, each text is its own
        tuple(columns.get("register", ())),
        tuple(columns.get("how", ())),
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
    given = [voice.strip() for voice in voices.split(";")] if voices.strip() else [""] * len(ids)
    if ids and len(given) != len(ids):
        raise UserError(f"{path}: row {row}: {len(ids)} frames but {len(given)} voices; name one voice for each frame")
    complaint = next(filter(None, (not_one_of("voice", voice, (*VOICES, "")) for voice in given)), None)
    if complaint:
        raise UserError(f"{path}: row {row}: {complaint}")
    # A frame comes after those merged into it, so that in the dictionary its own voice replaces theirs.
    pairs = sorted(zip(ids, given, strict=False), key=lambda pair: pair[0] in codebook.ids)
    voice_of = {codebook.counts_as(frame): voice for frame, voice in pairs}
    values = [int(frame in voice_of) for frame in codebook.ids]
    return values, [VOICES.index(voice_of[frame]) if voice_of.get(frame) else UNKNOWN for frame in codebook.ids]
