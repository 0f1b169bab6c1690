"""Owns ``narratives app``."""

import click

from narratives.cli.common import model_in_force


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True)
def app(port: int, address: str) -> None:
    """Open the pages in the browser; train the first model if there is none."""
    from narratives.ui.server import serve

    model_in_force()
    serve(port, address)
