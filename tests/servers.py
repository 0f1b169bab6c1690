"""Serves the whole app on a free port of 127.0.0.1, and starts a headless Chromium to test it with."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

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
    """Start the app and wait until it answers."""
    variables = os.environ | {"NARRATIVES_LABELS": str(labels), "NARRATIVES_MODELS": str(models)} | environment
    code = f"from narratives.ui.server import serve; serve({port}, '127.0.0.1')"
    server = subprocess.Popen([sys.executable, "-c", code], env=variables, cwd=cwd, stdout=subprocess.DEVNULL)
    wait_until_up(port)
    return server


@contextmanager
def served(labels: Path, models: Path, **environment: str) -> Iterator[str]:
    """Serve the app for as long as the block runs."""
    port = free_port()
    server = start(port, labels, models, **environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)


def wait_until_up(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
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
