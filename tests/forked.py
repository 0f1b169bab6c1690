"""Starts processes that have their modules loaded: they are forked from one that has, which saves a core a second each.

Otherwise they are like processes that a shell starts: each has its own session, gets signals and runs exit handlers.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path


class Forked:
    """A running process. Its exit status is unknown: it belongs to the process that it was forked from."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended; raise TimeoutError if it runs on."""
        deadline = time.monotonic() + seconds
        while Path(f"/proc/{self.pid}").exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {self.pid} still runs")
            time.sleep(0.01)


def fork(code: str, loaded: tuple[str, ...], cwd: Path | None = None, output: Path | None = None, **env: str) -> Forked:
    """Run ``code`` in a process that has the modules ``loaded``, with the environment as it is now and ``env``.

    What it prints, errors too, goes to the file ``output``.
    """
    parent = _parent(loaded)
    order = {
        "code": code,
        "cwd": str(cwd or Path.cwd()),
        "output": str(output or os.devnull),
        "env": {**os.environ, **env},
    }
    print(json.dumps(order), file=parent.stdin, flush=True)
    return Forked(int(parent.stdout.readline()))


@cache
def _parent(loaded: tuple[str, ...]) -> "subprocess.Popen[str]":
    """Return the process to fork from; it ends with this one, when its standard input is closed."""
    command = [sys.executable, "-c", Path(__file__).read_text(encoding="utf-8"), *loaded]
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
    for name in sys.argv[1:]:
        importlib.import_module(name)
    exec(next_child(), {"__name__": "__main__"})
