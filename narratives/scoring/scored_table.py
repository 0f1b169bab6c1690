"""Reads a scored table back: which rows carry which frame and voice, and how many."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from narratives.codebook.frames import UNSETTLED, VOICES
from narratives.tables.table import open_table


@dataclass(frozen=True)
class ScoredTable:
    """The rows of a scored file.

    ``rows`` has the columns row (from 1), text, frames, voices, human, scope, and a ``p_`` column for each of
    ``frames``.
    """

    rows: pd.DataFrame
    frames: tuple[str, ...]

    def counts(self) -> pd.DataFrame:
        """Return how many rows carry each frame, by voice: columns frame, voice, rows."""
        pairs = [
            (frame, voice)
            for frames, voices in zip(self.rows["frames"], self.rows["voices"], strict=True)
            if frames
            for frame, voice in _aligned(frames, voices)
        ]
        counted = pd.DataFrame(pairs, columns=["frame", "voice"]).value_counts().rename("rows").reset_index()
        return counted.sort_values(["frame", "voice"], ignore_index=True)

    def by_voice(self) -> pd.DataFrame:
        """Return how many rows carry each frame in each voice, the most frequent frame first.

        Columns: frame, rows, and one for each voice, of which an unsettled voice is one of its own.
        """
        counts = self.counts()
        table = counts.pivot_table("rows", "frame", "voice", aggfunc="sum", fill_value=0)
        table = table.reindex(columns=[*VOICES, UNSETTLED], fill_value=0)
        table.insert(0, "rows", counts.groupby("frame")["rows"].sum())
        table = table.astype(int).rename_axis(columns=None).reset_index()
        return table.sort_values("rows", ascending=False, ignore_index=True, kind="stable")

    def select(self, frame: str = "", voice: str = "", minimum: float = 0.0) -> pd.DataFrame:
        """Return the rows that carry ``frame`` in ``voice`` (any if empty) with at least the probability ``minimum``.

        Without a frame, the probability is that of the row's most probable frame.
        """
        keep = np.ones(len(self.rows), dtype=bool)
        if frame or voice:
            keep &= [_carries(*row, frame, voice) for row in zip(self.rows["frames"], self.rows["voices"], strict=True)]
        if minimum > 0:
            columns = [f"p_{frame}"] if frame else [f"p_{name}" for name in self.frames]
            keep &= self.rows[columns].max(axis=1).to_numpy() >= minimum
        return self.rows[keep]


def read_scored(path: Path, text_column: str | None, frames: tuple[str, ...], prefix: str = "") -> ScoredTable:
    """Read a file that ``score`` wrote with all columns; keep the text, our columns and the row number.

    - ``text_column``: the column with the text; None to recognise it, as when the table was scored.
    - ``prefix``: what stands before the names of our columns.
    """
    names = ["frames", "voices", "human", "scope", *(f"p_{frame}" for frame in frames)]
    table = open_table(path, text_column)
    indices = [table.columns.index(prefix + name) for name in names]
    parts = [
        pd.DataFrame(
            [
                [text, *(row[index] for index in indices)]
                for text, row in zip(batch.texts, batch.rows.cells(), strict=True)
            ],
            columns=["text", *names],
        )
        for batch in table.batches()
    ]
    rows = pd.concat(parts, ignore_index=True).astype(dict.fromkeys(names[4:], "float32"))
    rows.insert(0, "row", np.arange(1, len(rows) + 1))
    return ScoredTable(rows, frames)


def _aligned(frames: str, voices: str) -> list[tuple[str, str]]:
    ids = frames.split(";")
    return list(zip(ids, voices.split(";") if voices else [""] * len(ids), strict=True))


def _carries(frames: str, voices: str, frame: str, voice: str) -> bool:
    if not frames:
        return False
    return any(
        (not frame or a_frame == frame) and (not voice or a_voice == voice)
        for a_frame, a_voice in _aligned(frames, voices)
    )
