"""Runs a temporary PostgreSQL cluster for the tests, in its own folder, on a free port of 127.0.0.1."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl: from PATH, else where Debian installs them; None if not installed."""
    pg_ctl = shutil.which("pg_ctl")
    folders = [Path(pg_ctl).parent] if pg_ctl else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Start a cluster in ``folder``, yield the address of its server, and stop it.

    Skips the test if PostgreSQL is not installed; fails it if NARRATIVES_REQUIRE_DATABASE is set.
    """
    binaries = programs()
    if binaries is None:
        if os.environ.get("NARRATIVES_REQUIRE_DATABASE"):
            pytest.fail("NARRATIVES_REQUIRE_DATABASE is set, but PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    folder.chmod(0o777)  # if the tests run as root, PostgreSQL runs as another user
    start = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run([binaries / "initdb", "-D", data, "-U", "narratives", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"])
    run([binaries / "pg_ctl", "-D", data, "-w", "-t", "60", "-o", start, "-l", folder / "log", "start"])
    try:
        yield f"postgresql+psycopg://narratives@127.0.0.1:{port}"
    finally:
        run([binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"])


def run(command: list[object]) -> None:
    """Run a program of PostgreSQL; as nobody if the tests run as root, because PostgreSQL refuses to run as root."""
    user = {"user": "nobody"} if os.geteuid() == 0 else {}
    words = [str(part) for part in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120, cwd="/", **user)
    assert done.returncode == 0, done.stdout + done.stderr
