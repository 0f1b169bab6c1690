"""The command ``narratives score``."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any

import click

from narratives.cli.common import MODEL_OPTION, echo, reading_options, ready_model_folder, taken_reading, write_json


@click.command()
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    help="File to write: .csv, .tsv, .jsonl, .parquet or .arrow, also with .gz, .zst or .bz2; - is standard output.",
)
@reading_options
@click.option("--date", help="Column that holds the date.")
@click.option("--source", help="Column that names the source: a channel, a page or a medium.")
@click.option("--url", help="Column that holds the address.")
@click.option("--id", help="Column that holds the id.")
@click.option("--explain", is_flag=True, help="Only say how INPUT is read and why; score nothing.")
@click.option(
    "--by",
    type=click.Choice(["row", "paragraph"]),
    default="row",
    show_default=True,
    help="Write one output row per input row or per paragraph.",
)
@click.option(
    "--columns",
    type=click.Choice(["all", "short"]),
    default="all",
    show_default=True,
    help="short leaves out the probabilities (p_ columns).",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Number of threads; by default one per core.")
@click.option("--prefix", default="", help="Prefix for the names of the added columns.")
@click.option(
    "--refused", type=click.Path(path_type=Path), help="File for refused rows; by default OUTPUT.refused.csv."
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Also write the summary to this file as JSON."
)
@click.option("--force", is_flag=True, help="Replace an existing output.")
@click.option("--resume", is_flag=True, help="Continue an interrupted run; the output is that of an uninterrupted run.")
@click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Score in this process or on a Dask cluster.",
)
@click.option("--scheduler", help="Address of the Dask scheduler, such as tcp://10.0.0.5:8786.")
@MODEL_OPTION
def score(
    inputs: tuple[str, ...], output: str | None, json_path: Path | None, model: Path | None, **options: Any
) -> None:
    """Score tables of texts: write each row of INPUT with its frames, voices and probabilities.

    INPUT is CSV, TSV, JSON or JSONL, also compressed (.gz, .zst, .bz2), Parquet, Arrow or XLSX; - is standard input.
    """
    from narratives.scoring.batch_scorer import Options, open_tables
    from narratives.scoring.score import score_tables

    reading = taken_reading(options, "date", "source", "url", "id")
    explain, overwrite = options.pop("explain"), options.pop("force")
    settings = Options(reading.text, overwrite=overwrite, reading=reading, **options)
    tables = open_tables(_expand(inputs), settings.text_column, reading)
    if explain:
        echo("\n\n".join(table.explained() for table in tables))
        return
    if output is None:
        raise click.UsageError("Missing option '-o' / '--output'.")
    echo("\n".join(table.findings() for table in tables), err=True)
    folder = model or ready_model_folder()
    with _bytes_bar() as progress:
        scoring = score_tables(tables, output, folder, settings, progress=progress)
    echo(scoring.summary(), err=True)
    write_json(json_path, scoring.as_json())


@contextmanager
def _bytes_bar() -> Iterator[Any]:
    """Yield a progress callback (bytes done, total bytes or None, rows) if standard error is a terminal, else None."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1000, file=sys.stderr, item_show_func=str) as bar:
        started = time.monotonic()

        def progress(done: int, total: int | None, rows: int) -> None:
            speed = rows / max(1e-3, time.monotonic() - started)
            position = round(1000 * done / total) if total else 0  # nobody knows the length of standard input
            bar.update(position - bar.pos, f"{rows:,} rows, {speed:,.0f} per second")

        yield progress


def _expand(inputs: tuple[str, ...]) -> list[str]:
    """Return the inputs with each pattern such as ``posts-*.csv`` replaced by its files: Windows shells expand none.

    A pattern without files stays as it is, so that the error names it.
    """
    expanded = [[name] if Path(name).exists() else sorted(glob(name)) or [name] for name in inputs]
    return [name for names in expanded for name in names]
