"""The commands ``narratives evaluate`` and ``narratives compare``."""

from pathlib import Path

import click

from narratives.cli.common import JSON_OPTION, LANGUAGE_OPTION, MODEL_OPTION, ready_model_folder, write_json
from narratives.errors import UserError

_TABLE_OPTION = click.option(
    "--on",
    "table",
    type=click.Path(path_type=Path),
    help="Labels folder or labelled table to measure on; by default the figures stored at training are shown.",
)


@click.command()
@_TABLE_OPTION
@LANGUAGE_OPTION
@MODEL_OPTION
@JSON_OPTION
def evaluate(table: Path | None, languages: list[str] | None, model: Path | None, json_path: Path | None) -> None:
    """Measure a model on labelled rows, or show the cross-validated figures stored with it."""
    from narratives.evaluation import run

    _check_languages(table, languages)
    folder = model or ready_model_folder()
    if table is None:
        card, figures = run.kept_figures(folder)
        click.echo(card)
    else:
        evaluation = run.evaluate_on(folder, table, languages or [], lambda note: click.echo(note, err=True))
        figures = evaluation.as_json()
        click.echo(evaluation.table())
    write_json(json_path, figures)


@click.command()
@click.argument("first", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@click.argument("second", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@_TABLE_OPTION
@LANGUAGE_OPTION
@JSON_OPTION
def compare(first: Path, second: Path, table: Path | None, languages: list[str] | None, json_path: Path | None) -> None:
    """Compare two models on the same rows and say which differences exceed chance."""
    from narratives.evaluation import run

    _check_languages(table, languages)
    folders = first, second
    comparison = run.compare_on(folders, table, languages or []) if table else run.compare_figures(folders)
    click.echo(comparison.table())
    write_json(json_path, comparison.as_json())


def _check_languages(table: Path | None, languages: list[str] | None) -> None:
    if table is None and languages:
        raise UserError("--language chooses among the rows of a table; name one with --on TABLE")
