"""The command ``narratives app``."""

import click

from narratives.cli.common import ready_model_folder


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port to listen on.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on.")
def app(port: int, address: str) -> None:
    """Serve the pages; open the printed address in a browser. Trains a first model if there is none."""
    from narratives.ui.server import serve

    ready_model_folder()
    serve(port, address)
