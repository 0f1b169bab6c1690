"""Owns a scoring run in the background of a session: started, watched, stopped; the page only looks at it."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from narratives.errors import UserError
from narratives.scoring.batch_scorer import Options
from narratives.scoring.score import Scoring, ScoringCancelled, score


@dataclass
class BackgroundScoring:
    """One run. ``share`` is the part of the input that was read, ``rows`` how many rows; times in seconds."""

    output: Path
    share: float = 0.0
    rows: int = 0
    started: float = field(default_factory=time.monotonic)
    scoring: Scoring | None = None
    complaint: str = ""
    stopped: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the run goes on."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def rows_a_second(self) -> float:
        """The speed so far."""
        return self.rows / max(1e-9, time.monotonic() - self.started)

    def stop(self) -> None:
        """Ask the run to stop after the batch at hand; nothing is written then."""
        self._stop.set()

    def run(self, upload: Path, model: Path, text_column: str) -> None:
        """Score ``upload``; what went wrong stays in ``complaint``."""

        def progress(done: int, total: int | None, rows: int) -> None:
            self.share, self.rows = done / total if total else 0.0, rows

        try:
            options = Options(text_column=text_column, jobs=1)
            self.scoring = score([upload], self.output, model, options, progress, self._stop.is_set)
        except ScoringCancelled:
            self.stopped = True
        except UserError as error:
            self.complaint = str(error)

    def start(self, upload: Path, model: Path, text_column: str) -> None:
        """Start the run in a thread of its own."""
        self._thread = threading.Thread(target=self.run, args=(upload, model, text_column), daemon=True)
        self._thread.start()
