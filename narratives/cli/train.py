"""Owns ``narratives train``."""

from pathlib import Path
from typing import Any

import click

from narratives import paths
from narratives.cli.common import JSON_OPTION, steps_bar, write_json


@click.command()
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="A labels folder or a simple labelled table; if not given, the label database, else labels/.",
)
@click.option("--codebook", type=click.Path(path_type=Path), help="The codebook.toml of a simple labelled table.")
@click.option(
    "--unlabelled",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A table of unlabelled texts of your stream, which tells how common each word is there; may be repeated.",
)
@click.option("--aim", default="f1", show_default=True, help="What thresholds aim at: f1, or precision=0.9.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Model folder to write; models/<date>-<hash> if not given."
)
@JSON_OPTION
def train(
    labels: Path | None,
    codebook: Path | None,
    unlabelled: tuple[Path, ...],
    aim: str,
    seed: int,
    output: Path | None,
    **options: Any,
) -> None:
    """Train a model on labels and say how good it is by cross-validation."""
    from narratives.training.train import TrainingOptions, train_on_files

    wish = TrainingOptions(codebook, aim, seed, unlabelled)
    with steps_bar() as progress:
        if labels is None and paths.has_database():
            from narratives.annotation.retraining import train_on_store
            from narratives.store.opening import open_store

            trained = train_on_store(open_store(), output, wish, progress)
        else:
            trained = train_on_files(labels or paths.labels_folder(), output, wish, progress)
    click.echo(trained.figures.table())
    click.echo(f"\nmodel {trained.folder}" + (" (released)" if trained.released else ""))
    write_json(options["json_path"], trained.figures.as_json())
