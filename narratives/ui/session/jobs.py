"""Runs long work in the background of the pages: training and ranking in a process, scoring an upload in a thread.

Training and ranking are processes, so that the pages stay quick meanwhile; at most one of each runs for all sessions.
A scoring run belongs to one session.
"""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from narratives.errors import UserError
from narratives.scoring.batch_scorer import Options
from narratives.scoring.score import Scoring, ScoringCancelled, score

TRAINING = "from narratives.annotation.retraining import report_training; report_training()"
RANKING = "from narratives.annotation.retraining import report_ranking; report_ranking()"


@dataclass
class BackgroundProcess:
    """A Python process that prints its progress as JSON lines; at most one runs at a time.

    - ``code``: what the process runs
    - ``step``, ``share``: what it is doing now, and the share of the work that is done
    - ``folder``: the new model, when a training is done
    - ``number``: how many paragraphs were ordered, when a ranking is done
    - ``complaint``: what went wrong
    """

    code: str
    step: str = ""
    share: float = 0.0
    folder: Path | None = None
    number: int | None = None
    complaint: str = ""
    _process: subprocess.Popen[str] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None

    def start(self) -> None:
        """Start the process unless it is running."""
        if self.running:
            return
        self.step, self.share, self.folder, self.number, self.complaint = "starting", 0.0, None, None, ""
        self._process = subprocess.Popen([sys.executable, "-c", self.code], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def stop(self) -> None:
        """Stop the process; its work is lost."""
        if self._process is not None:
            self.complaint = "Stopped; nothing was changed."
            self._process.terminate()

    def forget(self) -> None:
        """Forget the result of the last run."""
        self.folder, self.number, self.complaint = None, None, ""

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            # Libraries may print lines of their own.
            report = json.loads(line) if line.startswith("{") else {}
            self.step, self.share = report.get("step", self.step), report.get("share", self.share)
            self.folder = Path(report["folder"]) if "folder" in report else self.folder
            self.number = report.get("number", self.number)
            self.complaint = report.get("error", self.complaint)
        if process.wait() and not self.complaint:
            self.complaint = "The job failed; run it in a terminal to see the error."
        self._process = None  # last: the pages read the result as soon as the process is no longer running


@dataclass
class BackgroundScoring:
    """One scoring run in a thread.

    - ``output``: the file that it writes
    - ``share``: the share of the input that was read
    - ``rows``: the number of rows that were read
    - ``started``: when it started, in seconds of the monotonic clock
    - ``scoring``: the result, when it is done
    - ``complaint``: why the upload could not be scored
    - ``stopped``: whether it was stopped before the end
    """

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
        """Whether the run is going on."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def rows_a_second(self) -> float:
        """The speed so far, in rows per second."""
        return self.rows / max(1e-9, time.monotonic() - self.started)

    def start(self, upload: Path, model: Path, text_column: str | None, prefix: str = "") -> None:
        """Start the run in a thread; ``prefix`` goes before the names of our columns."""
        self._thread = threading.Thread(target=self.run, args=(upload, model, text_column, prefix), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the run after the current batch; no output is left."""
        self._stop.set()

    def run(self, upload: Path, model: Path, text_column: str | None, prefix: str = "") -> None:
        """Score ``upload`` in this thread. A UserError is kept as ``complaint``."""

        def progress(done: int, total: int | None, rows: int) -> None:
            self.share, self.rows = done / total if total else 0.0, rows

        try:
            # One job only: the pages and other sessions need the processor, too.
            options = Options(text_column=text_column, jobs=1, prefix=prefix)
            self.scoring = score([upload], self.output, model, options, progress, self._stop.is_set)
        except ScoringCancelled:
            self.stopped = True
        except UserError as error:
            self.complaint = str(error)
