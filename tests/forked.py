"""Starts processes that are prepared: they are forked from one that has loaded their modules, which saves seconds each.

Otherwise they are like processes that a shell starts: each has its own session, gets signals and runs exit handlers.
"""

import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

# The kernel's table of letters is the same for every model, and takes most of a second to make.
LETTERS_ONCE = """
from functools import cache
from narratives.kernel import layout
layout._letters = cache(layout._letters)
layout._letters()
"""


class Forked:
    """A running process. Its exit status is unknown: it belongs to the process that it was forked from."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def runs(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended; raise TimeoutError if it runs on."""
        deadline = time.monotonic() + seconds
        while self.runs():
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} still runs")
            time.sleep(0.01)


def fork(code: str, prepared: str, cwd: Path | None = None, output: Path | None = None, **env: str) -> Forked:
    """Run ``code`` in a process that has run ``prepared`` already, with the environment as it is now and ``env``.

    What it prints, errors too, goes to the file ``output``.
    """
    parent = _parent(prepared)
    order = {
        "code": code,
        "cwd": str(cwd or Path.cwd()),
        "output": str(output or os.devnull),
        "env": {**os.environ, **env},
    }
    print(json.dumps(order), file=parent.stdin, flush=True)
    return Forked(int(parent.stdout.readline()))


@cache
def _parent(prepared: str) -> "subprocess.Popen[str]":
    """Return the process to fork from; it ends with this one, when its standard input is closed."""
    command = [sys.executable, "-c", Path(__file__).read_text(encoding="utf-8"), prepared]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)


def next_child() -> str:
    """Fork for each order on standard input; return, in the child only, the code that it is to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that a child that has ended is gone at once
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            return become(json.loads(line))
        print(pid, flush=True)
    sys.exit()


def become(order: dict[str, object]) -> str:
    """Take the place, the environment and the output of an order; return its code."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for target, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(source, target)
    return order["code"]


if __name__ == "__main__":
    exec(sys.argv[1], {})
    exec(next_child(), {"__name__": "__main__"})
