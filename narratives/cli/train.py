"""The command ``narratives train``."""

from pathlib import Path
from typing import Any

import click

from narratives import paths
from narratives.cli.common import JSON_OPTION, echo, reading_options, steps_bar, taken_reading, write_json
from narratives.errors import UserError
from narratives.tables.reading import AS_RECOGNISED


@click.command()
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Labels folder or simple labelled table; by default the label database, else the labels folder.",
)
@reading_options
@click.option("--codebook", type=click.Path(path_type=Path), help="The codebook.toml for a simple labelled table.")
@click.option(
    "--unlabelled",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Table of unlabelled texts from your stream, to learn how common each word is there; repeatable.",
)
@click.option(
    "--aim", default="f1", show_default=True, help="What to optimise the thresholds for: f1, or precision=0.9."
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of the cross-validation folds and of the sample of unlabelled texts.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Model folder to write; by default models/<date>-<hash>."
)
@click.option(
    "--from-scratch", is_flag=True, help="Learn from the labels alone, not from the model that ships with narratives."
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
    """Train a model on labels and report its cross-validated quality.

    Where the codebook has the frames of the model that ships with narratives, training starts from it: labels that it
    was trained on are not fitted again, and new ones change it.

    A model written to the models folder is released if no other is released yet.
    """
    from narratives.training.train import TrainingOptions, train_on_files

    reading, from_scratch = taken_reading(options), options["from_scratch"]
    if labels is None and reading != AS_RECOGNISED:
        raise UserError("--text and the like say how to read a table; name one with --labels TABLE")
    training = TrainingOptions(codebook, aim, seed, unlabelled, from_scratch, reading=reading)
    with steps_bar() as progress:
        if labels is None and paths.has_database():
            from narratives.annotation.retraining import train_on_store
            from narratives.store.opening import open_store

            trained = train_on_store(open_store(), output, training, progress)
        else:
            folder = labels or paths.labels_folder()
            trained = train_on_files(folder, output, training, progress, lambda note: echo(note, err=True))
    echo(trained.figures.table())
    echo(f"\n{trained.thresholds}\nmodel {trained.folder}" + (" (released)" if trained.released else ""))
    write_json(options["json_path"], trained.figures.as_json())
