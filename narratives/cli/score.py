"""Owns ``narratives score``."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narratives.cli.common import MODEL_OPTION, model_in_force, write_json

if TYPE_CHECKING:
    from narratives.scoring.score import Scoring


@click.command()
@click.argument("inputs", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    required=True,
    help="Where to write: .csv .tsv .jsonl .parquet .arrow; .gz .zst .bz2; - = standard output.",
)
@click.option("--text", "text_column", help="The column that holds the text.")
@click.option("--by", type=click.Choice(["row", "paragraph"]), default="row", show_default=True)
@click.option(
    "--columns", type=click.Choice(["all", "short"]), default="all", show_default=True, help="short: no p_ columns."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Threads; as many as cores if not given.")
@click.option("--prefix", default="", help="Put before the names of our columns.")
@click.option(
    "--refused", type=click.Path(path_type=Path), help="Where refused rows go; OUTPUT.refused.csv if not given."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Also write the summary to this file.")
@click.option("--force", is_flag=True, help="Replace an existing output.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped or killed: the same bytes in the end.")
@click.option(
    "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="dask: on a cluster."
)
@click.option("--scheduler", help="The address of the cluster's scheduler, such as tcp://10.0.0.5:8786.")
@MODEL_OPTION
def score(inputs: tuple[str, ...], output: str, json_path: Path | None, model: Path | None, **options: Any) -> None:
    """Score the rows of INPUT tables: CSV, TSV, JSONL, Parquet, Arrow, XLSX; .gz, .zst, .bz2; - = standard input."""
    from narratives.scoring.batch_scorer import Options
    from narratives.scoring.score import score as score_tables

    force = options.pop("force")
    folder = model or model_in_force()
    with _bytes_bar() as progress:
        done = score_tables(_expanded(inputs), output, folder, Options(overwrite=force, **options), progress=progress)
    _report_scoring(done, json_path)


@contextmanager
def _bytes_bar() -> Iterator[Any]:
    """Yield a progress callback (bytes done, bytes in all, rows) that draws on standard error, only on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1000, file=sys.stderr, item_show_func=str) as bar:
        begun = time.monotonic()

        def progress(done: int, total: int | None, rows: int) -> None:
            told = f"{rows:,} rows, {rows / max(1e-3, time.monotonic() - begun):,.0f} a second"
            bar.update((round(1000 * done / total) if total else 0) - bar.pos, told)

        yield progress


def _expanded(inputs: tuple[str, ...]) -> list[str]:
    """Return the inputs, a pattern such as ``posts-*.csv`` that no shell has expanded as the files that it names."""
    found = [[name] if Path(name).exists() else sorted(glob(name)) or [name] for name in inputs]
    return [name for names in found for name in names]


def _report_scoring(done: "Scoring", json_path: Path | None) -> None:
    click.echo(done.summary(), err=True)
    write_json(json_path, done.as_json())
