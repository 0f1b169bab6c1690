"""Reads a table in a process of its own: what crashes there, or takes all memory, leaves the caller as it was.

Libraries in C++ can end the process over a file that is made for it, and no exception says so. Run as a module, this
reads the table that is named and writes what it found, as JSON, to standard output.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from narratives.errors import UserError
from narratives.tables.guard.limits import MB, READ_MEMORY, READ_SECONDS
from narratives.tables.guard.survey import Survey, open_or_ask, survey

_REFUSED = 2  # exit status, as of the commands
# Few threads, and an allocator without reserves: both would count as memory that the file takes.
FRUGAL = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_TRUST = "it is damaged or made to do so; get it again from a source that you trust"


def survey_apart(path: Path) -> Survey:
    """Return what a table holds. Raises UserError if it is no table, is damaged, or ends the process that reads it."""
    environment = {**os.environ, **FRUGAL, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", __name__, str(path)]
    try:
        run = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=READ_SECONDS.value, check=False
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{path}: not read to its end in {READ_SECONDS.value} seconds; export it as .csv, or "
            f"{READ_SECONDS.way_out()}"
        ) from None
    if run.returncode == _REFUSED:
        raise UserError(run.stdout)
    if run.returncode:
        raise UserError(f"{path}: reading it ended the process that did so ({_how(run.returncode)}); {_TRUST}")
    return Survey(**json.loads(run.stdout))


def _how(status: int) -> str:
    known = status < 0 and -status in set(signal.Signals)
    return signal.Signals(-status).name if known else f"status {status}"


def limit_memory(megabytes: int, path: str) -> None:
    """Let this process take so much more memory than it has; a file that is mapped does not count."""
    import resource

    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = mapped + Path(path).stat().st_size + megabytes * MB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _main(path: str) -> int:
    import pyarrow.parquet  # noqa: F401  # before the limit, as its code is no memory of the file

    if sys.platform == "linux":  # elsewhere the limit is not kept, or counts otherwise
        limit_memory(READ_MEMORY.value, path)
    try:
        print(json.dumps(asdict(survey(open_or_ask(path)[0]))))
    except UserError as error:
        print(error, end="")
        return _REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1]))
