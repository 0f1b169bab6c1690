"""Serves the whole app on a free port of 127.0.0.1, and starts a headless Chromium to test it with."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from forked import LETTERS_ONCE, Forked, fork

# What the pages load. The pages themselves are not among it: Streamlit asks for a running server where they are loaded.
LOADED = f"""
import altair, streamlit.web.bootstrap, streamlit.web.cli
import narratives.annotation.queue, narratives.kernel.kernel, narratives.store.opening, narratives.training.train
{LETTERS_ONCE}
"""
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
WAIT = 30_000  # milliseconds
PAYLOAD = "<script>document.title='owned'</script> <img src=x onerror=\"document.title='owned'\"> **bold** a<b & c>d"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    port: int, labels: Path, models: Path, cwd: Path | None = None, **environment: str
) -> subprocess.Popen[bytes]:
    """Start the app as a user does, and wait until it answers."""
    variables = os.environ | folders(labels, models) | environment
    server = subprocess.Popen([sys.executable, "-c", code(port)], env=variables, cwd=cwd, stdout=subprocess.DEVNULL)
    wait_until_up(port)
    return server


def start_loaded(port: int, labels: Path, models: Path, cwd: Path | None = None, **environment: str) -> Forked:
    """Start the app with its modules loaded, and wait until it answers."""
    server = fork(code(port), LOADED, cwd, **folders(labels, models) | environment)
    wait_until_up(port)
    return server


def folders(labels: Path, models: Path) -> dict[str, str]:
    return {"NARRATIVES_LABELS": str(labels), "NARRATIVES_MODELS": str(models)}


def code(port: int) -> str:
    return f"from narratives.ui.server import serve; serve({port}, '127.0.0.1')"


def stop(server: subprocess.Popen[bytes] | Forked, number: signal.Signals = signal.SIGTERM) -> None:
    """Send a signal that ends the app, and wait until it has ended."""
    server.send_signal(number)
    server.wait(10)


@contextmanager
def served(labels: Path, models: Path, start: Callable[..., Any] = start_loaded) -> Iterator[str]:
    """Serve the app for as long as the block runs."""
    port = free_port()
    server = start(port, labels, models)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(server)


def wait_until_up(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    pytest.fail("the server did not come up within a minute")


@contextmanager
def chromium() -> Iterator[object]:
    """Yield a headless Chromium; skip the test if there is none, fail if one is required."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        if os.environ.get("NARRATIVES_REQUIRE_BROWSER"):
            pytest.fail("Chromium is required here and not installed")
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield opened
        opened.close()


def sideways(page) -> int:
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
