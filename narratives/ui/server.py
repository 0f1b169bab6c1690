"""Starts the Streamlit server, with settings that keep it local and send no usage statistics."""

import sys
from pathlib import Path

_SETTINGS = {
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",  # tracebacks go to the log, not to the page
    "client.toolbarMode": "minimal",
    "server.headless": "true",
    "server.maxUploadSize": "200",
    "server.fileWatcherType": "none",  # installed code does not change while it runs
    "theme.light.primaryColor": "#0072B2",
    "theme.dark.primaryColor": "#3399CC",
}


def serve(port: int, address: str) -> None:
    """Serve the pages until the process is stopped; the address is printed on standard output."""
    from streamlit.web import cli

    # Streamlit's entry point takes no arguments; it reads sys.argv as a command line does.
    settings = {**_SETTINGS, "server.port": str(port), "server.address": address}
    options = [f"--{name}={value}" for name, value in settings.items()]
    sys.argv = ["streamlit", "run", str(Path(__file__).parent / "session" / "start.py"), *options]
    cli.main()
