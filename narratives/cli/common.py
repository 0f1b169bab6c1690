"""Owns what several commands share: options, the model in force, progress bars, JSON files."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narratives import paths
from narratives.errors import CheckError, UserError
from narratives.files import atomic_write_text

if TYPE_CHECKING:
    from narratives.model.classifier import Classifier


MODEL_OPTION = click.option(
    "--model", type=click.Path(path_type=Path), help="Model folder; the released one if not named."
)
JSON_OPTION = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Also write the figures to this file."
)


@contextmanager
def as_check() -> Iterator[None]:
    """Turn a user's mistake into a failed check: exit status 1."""
    try:
        yield
    except UserError as error:
        raise CheckError(str(error)) from None


def model_in_force() -> Path:
    """Return the released model's folder; train a first model on the labels if there is none."""
    released = paths.released_model()
    if released is not None:
        return released
    from narratives.training.train import ready_model

    click.echo("no model yet: training one on the labels, which takes a moment", err=True)
    with steps_bar() as progress:
        return ready_model(progress)


def load_classifier(model: Path | None) -> "Classifier":
    """Load the model in this folder, or the one in force."""
    from narratives.model import persistence

    return persistence.load(model or model_in_force())


@contextmanager
def steps_bar() -> Iterator[Any]:
    """Yield a progress callback (step, share done) that draws on standard error, only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda step, share: None
        return
    with click.progressbar(length=100, file=sys.stderr, item_show_func=str) as bar:
        yield lambda step, share: bar.update(round(share * 100) - bar.pos, step)


def write_json(path: Path | None, value: Any) -> None:
    """Write figures as JSON, if a file was named for them."""
    if path is not None:
        atomic_write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
