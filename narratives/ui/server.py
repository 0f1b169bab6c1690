"""Owns starting the Streamlit server, with the settings that keep it local and silent."""

import sys
from pathlib import Path

_SETTINGS = {
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.toolbarMode": "minimal",
    "server.headless": "true",
    "server.maxUploadSize": "200",
    "server.fileWatcherType": "none",
    "theme.light.primaryColor": "#0072B2",
    "theme.dark.primaryColor": "#3399CC",
}


def serve(port: int, address: str) -> None:
    """Serve the pages until stopped. Says the address on standard output."""
    from streamlit.web import cli

    settings = {**_SETTINGS, "server.port": str(port), "server.address": address}
    options = [f"--{name}={value}" for name, value in settings.items()]
    sys.argv = ["streamlit", "run", str(Path(__file__).parent / "session" / "start.py"), *options]
    cli.main()
