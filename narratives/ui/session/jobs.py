"""Owns long work in a process of its own: started, watched and stopped by the pages, one of a kind for all sessions."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

TRAINING = "from narratives.annotation.retraining import report_training; report_training()"
RANKING = "from narratives.annotation.retraining import report_ranking; report_ranking()"


@dataclass
class BackgroundProcess:
    """Work of one kind, at most one at a time. ``code`` prints its progress as JSON lines.

    ``step`` and ``share`` say how far it is; ``folder`` is the new model of a training, ``number`` what a ranking put
    in order, when it is done; ``complaint`` says what went wrong.
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
        """Whether it goes on."""
        return self._process is not None

    def start(self) -> None:
        """Start it unless it is running; the app goes on serving meanwhile."""
        if self.running:
            return
        self.step, self.share, self.folder, self.number, self.complaint = "starting", 0.0, None, None, ""
        self._process = subprocess.Popen([sys.executable, "-c", self.code], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def stop(self) -> None:
        """Stop it; nothing is kept of it."""
        if self._process is not None:
            self.complaint = "stopped; nothing was changed"
            self._process.terminate()

    def forget(self) -> None:
        """Forget what came of it."""
        self.folder, self.number, self.complaint = None, None, ""

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            said = json.loads(line) if line.startswith("{") else {}
            self.step, self.share = said.get("step", self.step), said.get("share", self.share)
            self.folder = Path(said["folder"]) if "folder" in said else self.folder
            self.number = said.get("number", self.number)
            self.complaint = said.get("error", self.complaint)
        if process.wait() and not self.complaint:
            self.complaint = "it broke off; the same command in a terminal says more"
        self._process = None
