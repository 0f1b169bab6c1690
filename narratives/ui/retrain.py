"""Owns a training in a process of its own: started, watched and stopped by the Models page, one for all sessions."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

_CODE = "from narratives.retraining import report; report()"


@dataclass
class Retraining:
    """One training at a time. ``step`` and ``share`` say how far it is, ``folder`` is the new model when it is done."""

    step: str = ""
    share: float = 0.0
    folder: Path | None = None
    complaint: str = ""
    started_by: str = ""
    _process: subprocess.Popen[str] | None = None

    @property
    def running(self) -> bool:
        """Whether a training goes on."""
        return self._process is not None

    def start(self, who: str) -> None:
        """Start a training unless one is running; the app goes on serving the old model meanwhile."""
        if self.running:
            return
        self.step, self.share, self.folder, self.complaint, self.started_by = "starting", 0.0, None, "", who
        self._process = subprocess.Popen([sys.executable, "-c", _CODE], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def stop(self) -> None:
        """Stop the training; nothing is kept of it."""
        if self._process is not None:
            self.complaint = "stopped; no model was written"
            self._process.terminate()

    def forget(self) -> None:
        """Forget the model that was trained: it was released or discarded."""
        self.folder, self.complaint = None, ""

    def _follow(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            said = json.loads(line) if line.startswith("{") else {}
            self.step, self.share = said.get("step", self.step), said.get("share", self.share)
            self.folder = Path(said["folder"]) if "folder" in said else self.folder
            self.complaint = said.get("error", self.complaint)
        if process.wait() and not self.complaint:
            self.complaint = "the training broke off; `narratives train` in a terminal says more"
        self._process = None
