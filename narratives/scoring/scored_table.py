"""Owns a scored table read back: which rows carry which frame and voice, and how many. Knows no page."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from narratives.tables.table import open_table


@dataclass(frozen=True)
class ScoredTable:
    """The rows of a scored file: the text, the frames found with their voices, and the probability of each frame."""

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

    def select(self, frame: str = "", voice: str = "", least: float = 0.0) -> pd.DataFrame:
        """Return the rows that carry ``frame`` (any if empty) in ``voice``, with at least that probability.

        Without a frame, ``least`` is asked of the row's most probable frame.
        """
        keep = np.ones(len(self.rows), dtype=bool)
        if frame or voice:
            keep &= [_carries(*row, frame, voice) for row in zip(self.rows["frames"], self.rows["voices"], strict=True)]
        if least > 0:
            columns = [f"p_{frame}"] if frame else [f"p_{name}" for name in self.frames]
            keep &= self.rows[columns].max(axis=1).to_numpy() >= least
        return self.rows[keep]


def read_scored(path: Path, text_column: str, frames: tuple[str, ...]) -> ScoredTable:
    """Read a file that ``scoring.score`` wrote with all columns; keeps the text, our columns and the row number."""
    wanted = [text_column, "frames", "voices", "human", *(f"p_{frame}" for frame in frames)]
    table = open_table(path, text_column)
    places = [table.columns.index(name) for name in wanted]
    parts = [
        pd.DataFrame([[row[place] for place in places] for row in batch.rows.cells()], columns=wanted)
        for batch in table.batches()
    ]
    probabilities = dict.fromkeys(wanted[4:], "float32")
    rows = pd.concat(parts, ignore_index=True).rename(columns={text_column: "text"}).astype(probabilities)
    rows.insert(0, "row", np.arange(1, len(rows) + 1))
    return ScoredTable(rows, frames)


def _aligned(frames: str, voices: str) -> list[tuple[str, str]]:
    ids = frames.split(";")
    return list(zip(ids, voices.split(";") if voices else [""] * len(ids), strict=True))


def _carries(frames: str, voices: str, frame: str, voice: str) -> bool:
    if not frames:
        return False
    return any((not frame or one == frame) and (not voice or said == voice) for one, said in _aligned(frames, voices))
