"""Owns ``narratives labels``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from narratives import paths
from narratives.cli.common import JSON_OPTION, as_check, write_json
from narratives.errors import UserError

if TYPE_CHECKING:
    from narratives.codebook.frames import Codebook
    from narratives.labels.label_set import LabelSet


@click.group()
def labels() -> None:
    """Check, count, import and export the labels."""


@labels.command("check")
def labels_check() -> None:
    """Check the label files; exit status 1 and the place if something is wrong."""
    folder = paths.labels_folder()
    with as_check():
        found, _ = _label_files(folder)
    click.echo(f"{folder}: {len(found.paragraphs)} paragraphs and {len(found.labels)} labels, all well formed")


@labels.command("stats")
def labels_stats() -> None:
    """Count paragraphs by frame, voice, language and register."""
    from narratives.labels.statistics import label_tables

    click.echo(label_tables(*_label_files(paths.labels_folder())))


@labels.command("agreement")
@JSON_OPTION
def labels_agreement(json_path: Path | None) -> None:
    """Measure how far annotators agree: by frame, by language, and on voices; name what is low."""
    from narratives.evaluation.agreement import measure_agreement

    found = measure_agreement(*_label_files(paths.labels_folder()))
    click.echo(found.table())
    write_json(json_path, found.as_json())


@labels.command("import")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "layout",
    type=click.Choice(["labels", "jsonl", "label-studio", "doccano", "hugging-face", "table"]),
    help="The layout; found out if not given.",
)
@click.option("--text", "text_column", help="The column that holds the text, in a table of texts.")
@click.option("--annotator", default="", help="Who labelled, where the file does not say it.")
@click.option(
    "--refused", type=click.Path(path_type=Path), help="Where refused rows go; INPUT.refused.csv here if not given."
)
def labels_import(
    source: Path, layout: str | None, text_column: str | None, annotator: str, refused: Path | None
) -> None:
    """Bring labels or new texts from INPUT into the label database; importing twice changes nothing.

    INPUT is a labels folder, our JSONL, an export of Label Studio (JSON) or doccano (JSONL), a Hugging Face folder, or
    any table of texts to be labelled, a row a paragraph, perhaps with columns frames and voices.
    """
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.exporting import write_refused
    from narratives.labels.importing import Moment, read_intake
    from narratives.store.events import now
    from narratives.store.opening import open_store

    codebook = read_codebook(paths.labels_folder() / "codebook.toml")
    intake = read_intake(source, Moment(annotator, now(), codebook), layout or "", text_column)
    brought = open_store().import_labels(intake.labels, intake.sources)
    click.echo(f"{source}: {brought.sentence()}")
    if intake.refused:
        kept = refused or Path(f"{source.name}.refused.csv")
        write_refused(intake.refused, kept)
        click.echo(f"{len(intake.refused)} rows were refused, with their reasons in {kept}", err=True)


@labels.command("export")
@click.argument("output", type=click.Path(path_type=Path), required=False)
@click.option(
    "--to",
    "layout",
    type=click.Choice(["labels", "jsonl", "label-studio", "doccano", "hugging-face", "xlsx"]),
    default="labels",
    show_default=True,
)
@click.option("--unlabelled", is_flag=True, help="Also paragraphs that nobody has labelled.")
@click.option("--without-text", is_flag=True, help="Ids and labels only.")
@click.option("--merged", is_flag=True, help="Labels on merged and retired frames as the codebook counts them.")
@click.option("--force", is_flag=True, help="Replace an existing output.")
def labels_export(
    output: Path | None, layout: str, unlabelled: bool, without_text: bool, merged: bool, force: bool
) -> None:
    """Write the labels of the label database to OUTPUT; without it, to the CSV files of the labels folder.

    Labels are written as they were given: one on a merged or retired frame keeps that frame, unless --merged is said,
    which is for others' use: brought back in, it would replace what was given.
    """
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.exporting import write_labels_as
    from narratives.store.opening import open_store

    folder = paths.writable_labels_folder()
    if output is None and (layout != "labels" or without_text):
        raise UserError(f"name an output: narratives labels export OUTPUT --to {layout}")
    _check_output(output or folder, folder, merged, force)
    found = open_store().label_set()
    if merged:
        found = found.resolve_retired(read_codebook(folder / "codebook.toml"))
    found = found.of_interest(unlabelled)
    write_labels_as(found, output or folder, layout, not without_text)
    click.echo(f"{len(found.paragraphs)} paragraphs and {len(found.labels)} labels are in {output or folder}")


def _check_output(output: Path, folder: Path, merged: bool, force: bool) -> None:
    """Refuse an existing output, and merged labels in the labels folder, where they would replace those given."""
    if output == folder or (output.exists() and output.samefile(folder)):
        if merged:
            raise UserError("the labels folder keeps labels as they were given; with --merged name another OUTPUT")
    elif output.exists() and not force:
        raise UserError(f"{output} exists; name another output, or replace it with --force")


def _label_files(folder: Path) -> "tuple[LabelSet, Codebook]":
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.files import read_labels

    codebook = read_codebook(folder / "codebook.toml")
    return read_labels(folder, codebook), codebook
