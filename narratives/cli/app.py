"""The commands ``narratives app`` and ``narratives warm``."""

import sys
import time
from pathlib import Path

import click

from narratives.cli.common import MODEL_OPTION, echo, ready_model_folder, steps_bar


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port to listen on.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
def app(port: int, address: str) -> None:
    """Serve the pages; open the printed address in a browser. Trains a first model if there is none."""
    from narratives.ui.server import serve

    ready_model_folder()
    serve(port, address)


@click.command()
@MODEL_OPTION
def warm(model: Path | None) -> None:
    """Compile ahead what the first large table would wait for, up to a minute; `make app` calls it.

    The compiled code is kept beside the program or, where that is read-only, in the user's cache folder;
    NUMBA_CACHE_DIR names another. Once it is there, this takes seconds.
    """
    from narratives.scoring import warming

    folder, begun = model or ready_model_folder(), time.monotonic()
    with steps_bar() as bar:
        warming.warm(folder, bar if sys.stderr.isatty() else _say)
    echo(f"compiled in {time.monotonic() - begun:.0f} s; large tables start at once now", err=True)


def _say(step: str, share: float) -> None:
    echo(f"{share:4.0%}  {step}", err=True)
