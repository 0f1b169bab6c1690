"""The commands ``narratives evaluate`` and ``narratives compare``."""

from pathlib import Path
from typing import Any

import click

from narratives.cli.common import (
    JSON_OPTION,
    LANGUAGE_OPTION,
    MODEL_OPTION,
    echo,
    reading_options,
    ready_model_folder,
    taken_reading,
    write_json,
)
from narratives.errors import UserError
from narratives.tables.reading import AS_RECOGNISED, Reading

_TABLE_OPTION = click.option(
    "--on",
    "table",
    type=click.Path(path_type=Path),
    help="Labels folder or labelled table to measure on; by default the figures stored at training are shown.",
)


@click.command()
@_TABLE_OPTION
@LANGUAGE_OPTION
@reading_options
@MODEL_OPTION
@JSON_OPTION
def evaluate(
    table: Path | None, languages: list[str] | None, model: Path | None, json_path: Path | None, **options: Any
) -> None:
    """Measure a model on labelled rows, or show the cross-validated figures stored with it."""
    from narratives.evaluation import run

    reading = taken_reading(options)
    _check_needs_table(table, languages, reading)
    folder = model or ready_model_folder()
    if table is None:
        card, figures = run.kept_figures(folder)
        echo(card)
    else:
        evaluation = run.evaluate_on(folder, table, languages or [], lambda note: echo(note, err=True), reading)
        figures = evaluation.as_json()
        echo(evaluation.table())
    write_json(json_path, figures)


@click.command()
@click.argument("first", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@click.argument("second", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@_TABLE_OPTION
@LANGUAGE_OPTION
@reading_options
@JSON_OPTION
def compare(
    first: Path, second: Path, table: Path | None, languages: list[str] | None, json_path: Path | None, **options: Any
) -> None:
    """Compare two models on the same rows and say which differences exceed chance."""
    from narratives.evaluation import run

    reading = taken_reading(options)
    _check_needs_table(table, languages, reading)
    folders = first, second
    comparison = run.compare_on(folders, table, languages or [], reading) if table else run.compare_figures(folders)
    echo(comparison.table())
    write_json(json_path, comparison.as_json())


def _check_needs_table(table: Path | None, languages: list[str] | None, reading: Reading) -> None:
    if table is None and languages:
        raise UserError("--language chooses among the rows of a table; name one with --on TABLE")
    if table is None and reading != AS_RECOGNISED:
        raise UserError("--text and the like say how to read a table; name one with --on TABLE")
