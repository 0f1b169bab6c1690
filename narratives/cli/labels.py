"""The commands ``narratives labels``."""

import getpass
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narratives import paths
from narratives.cli.common import JSON_OPTION, as_check, echo, write_json
from narratives.errors import UserError

if TYPE_CHECKING:
    from narratives.codebook.frames import Codebook
    from narratives.labels.interchange.intake import Intake
    from narratives.labels.label_set import LabelSet


_LAYOUTS = (
    *("labels", "jsonl", "label-studio", "doccano", "prodigy", "argilla", "potato", "spacy", "hugging-face"),
    *("xlsx", "table"),
)


_COLUMN_OPTIONS = ("text_column", "frames_column", "voice_column", "annotator_column")


class NameType(click.ParamType[tuple[str, str]]):
    """A name in a file and the name that it stands for, as OLD=NEW."""

    name = "OLD=NEW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both names. Fails without a ``=``."""
        old, equals, new = str(value).rpartition("=")
        if not equals or not old.strip():
            self.fail(f"'{value}' maps nothing; write OLD=NEW, such as 'Floods=flood'", param, ctx)
        return old.strip(), new.strip()


@click.group()
def labels() -> None:
    """Check, count, import and export labels; take imports back; join readings of real text to their texts."""


@labels.command("check")
def labels_check() -> None:
    """Check the label files; exit with status 1 and name the place if something is wrong."""
    from narratives.labels.field.readings import read_field

    folder = paths.labels_folder()
    with as_check():
        label_set, codebook = _label_files(folder)
        field = read_field(folder, codebook)
    counts = f"{len(label_set.paragraphs)} paragraphs and {len(label_set.labels)} labels"
    if field.rows:
        counts += f", and readings of {len(field.by_paragraph)} paragraphs of real text"
    echo(f"{folder}: {counts}, all well formed")


@labels.command("stats")
def labels_stats() -> None:
    """Count paragraphs by frame, voice, language and register, and readings of real text by collection and frame."""
    from narratives.labels.field.readings import field_tables, read_field
    from narratives.labels.statistics import label_tables

    label_set, codebook = _label_files(paths.labels_folder())
    echo(label_tables(label_set, codebook))
    field = read_field(paths.labels_folder(), codebook)
    if field.rows:
        echo(f"\nReadings of real text (field.csv)\n\n{field_tables(field, codebook)}")


@labels.command("hydrate")
@click.argument("tables", metavar="TABLE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "output",
    type=click.Path(path_type=Path),
    default=Path("hydrated.csv"),
    show_default=True,
    help="Labelled table (CSV) to write.",
)
@click.option("--force", is_flag=True, help="Replace an existing output.")
def labels_hydrate(tables: tuple[Path, ...], output: Path, force: bool) -> None:
    """Join the readings of real text to the texts in TABLE..., by the hash of the text.

    The project keeps who read what in `labels/field.csv`, without the texts. Who holds the collections gets a labelled
    table that `train` and `evaluate --on` read. Texts that were not read are left out.
    """
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.field.hydration import hydrate, write_hydrated
    from narratives.labels.field.readings import read_field

    if output.exists() and not force:
        raise UserError(f"{output} exists; name another output, or replace it with --force")
    folder = paths.labels_folder()
    codebook = read_codebook(folder / "codebook.toml")
    field = read_field(folder, codebook)
    if not field.rows:
        raise UserError(f"{folder}: there is no field.csv with readings; nothing can be joined to texts")
    found = hydrate(field, tables, codebook)
    write_hydrated(found, output)
    echo(f"{output} holds {len(found.ids)} of {len(found.ids) + found.missing} paragraphs that were read")


@labels.command("agreement")
@JSON_OPTION
def labels_agreement(json_path: Path | None) -> None:
    """Measure how far annotators agree, by frame, by language and on voices, and name what is low."""
    from narratives.evaluation.agreement import measure_agreement

    agreement = measure_agreement(*_label_files(paths.labels_folder()))
    echo(agreement.table())
    write_json(json_path, agreement.as_json())


@labels.command("import")
@click.argument("source", metavar="INPUT", type=click.Path(path_type=Path))
@click.option("--from", "layout", type=click.Choice(_LAYOUTS), help="Format of INPUT; by default it is detected.")
@click.option("--text", "text_column", help="Column that holds the text, in a table of texts.")
@click.option("--frames-column", default="", help="Column, or question of another tool, that holds the frames.")
@click.option("--voice-column", default="", help="Column, or question of another tool, that holds the voices.")
@click.option("--annotator-column", default="", help="Column that says who gave the labels.")
@click.option(
    "--map",
    "names",
    type=NameType(),
    multiple=True,
    metavar="OLD=NEW",
    help="A frame or voice of INPUT, and the one of the codebook that it stands for; OLD= for no frame. Repeatable.",
)
@click.option("--annotator", default="", help="Annotator of the labels where the file names none.")
@click.option(
    "--by", "uploader", default="", help="Who brings the file in, whose role then counts; by default the account."
)
@click.option("--dry-run", is_flag=True, help="Show what would be stored, and store nothing.")
@click.option(
    "--refused",
    type=click.Path(path_type=Path),
    help="File for refused rows; by default INPUT.refused.csv in the current folder.",
)
def labels_import(source: Path, **options: Any) -> None:
    """Import labels or new texts from INPUT into the label database; importing twice changes nothing.

    INPUT is a labels folder, a file that `labels export` wrote, an export of Label Studio, doccano, Prodigy, Argilla,
    Potato or spaCy, a Hugging Face folder, or a table with a row for each text, label or annotator. What is not
    recognised can be named. A column how says which texts were drawn at random ("random"). A table that `score` wrote
    brings in texts, with its predictions as suggestions.

    `labels imports` lists imports, and `labels withdraw` takes one back.
    """
    with _as_file(source) as path:
        _import(path, options)


def _import(source: Path, options: dict[str, Any]) -> None:
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.interchange.importing import read_intake
    from narratives.labels.interchange.intake import Columns, Moment
    from narratives.store.events import imported_file, now
    from narratives.store.opening import open_store

    moment = Moment(options["annotator"], now(), read_codebook(paths.labels_folder() / "codebook.toml"))
    text, frames, voices, annotators = (options[name] for name in _COLUMN_OPTIONS)
    columns = Columns(text, frames, voices, annotators, dict(options["names"]))
    intake = read_intake(source, moment, options["layout"] or "", columns)
    uploader = options["uploader"]
    file = imported_file(source, intake, uploader or getpass.getuser(), moment.at, by_operator=not uploader)
    if options["dry_run"]:
        would = open_store().preview_import(intake.labels, file).sentence()
        echo("\n".join([intake.findings(), *intake.refusals(len(intake.refused)), f"would store: {would}"]))
        return
    summary = open_store().import_labels(intake.labels, intake.sources, file)
    echo(intake.findings(), err=True)
    echo(f"{source}: {summary.sentence()}")
    if summary.number is not None:
        echo(f"import {summary.number}; take it back with: narratives labels withdraw {summary.number}")
    if intake.refused:
        _say_refused(intake, options["refused"] or Path(f"{source.name}.refused.csv"))


@contextmanager
def _as_file(source: Path) -> Iterator[Path]:
    """Yield the path of a file; standard input becomes one, because a file is read more than once."""
    if str(source) != "-":
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="narratives-") as folder:
        path = Path(folder) / "standard-input"
        path.write_bytes(sys.stdin.buffer.read())
        yield path


def _say_refused(intake: "Intake", path: Path) -> None:
    from narratives.labels.interchange.exporting import write_refused

    write_refused(intake.refused, path)
    reasons = "\n".join(intake.refusals())
    echo(f"{len(intake.refused)} rows were refused; {path} lists them with their reasons:\n{reasons}", err=True)


@labels.command("imports")
@JSON_OPTION
def labels_imports(json_path: Path | None) -> None:
    """List the files that were imported: who brought them in, when, what came with them, what was withdrawn."""
    from narratives.evaluation.report import text_table
    from narratives.store.opening import open_store

    imports = open_store().imports()
    rows = [
        (*astuple(each)[:5], each.texts, each.readings, each.suggestions, "withdrawn" if each.withdrawn else "in force")
        for each in imports
    ]
    header = ("import", "file", "format", "by", "at", "texts", "readings", "suggestions", "")
    echo(text_table(header, rows) if rows else "nothing was imported")
    write_json(json_path, [asdict(each) for each in imports])


@labels.command("withdraw")
@click.argument("number", metavar="IMPORT", type=int)
@click.option("--by", default="", help="Who withdraws it, whose role then counts; by default the account.")
def labels_withdraw(number: int, by: str) -> None:
    """Take back the import IMPORT as a whole: its labels, its suggestions, and texts that only it brought in.

    Labels that it replaced count again. Nothing is deleted: importing the file again brings all of it back.
    """
    from narratives.store.opening import open_store

    done = open_store().withdraw(number, by or getpass.getuser(), by_operator=not by)
    echo(f"import {number}: {done.sentence()}")


@labels.command("export")
@click.argument("output", type=click.Path(path_type=Path), required=False)
@click.option(
    "--to",
    "layout",
    type=click.Choice(["labels", "jsonl", "label-studio", "doccano", "hugging-face", "xlsx"]),
    default="labels",
    show_default=True,
    help="Format to write.",
)
@click.option("--unlabelled", is_flag=True, help="Include paragraphs that nobody has labelled.")
@click.option("--without-text", is_flag=True, help="Write ids and labels only.")
@click.option("--merged", is_flag=True, help="Write labels on merged and retired frames as the codebook counts them.")
@click.option("--force", is_flag=True, help="Replace an existing output.")
def labels_export(
    output: Path | None, layout: str, unlabelled: bool, without_text: bool, merged: bool, force: bool
) -> None:
    """Export the labels of the label database to OUTPUT, by default to the CSV files of the labels folder.

    Labels are written as annotators gave them, also those on merged or retired frames. With --merged they carry the
    frame that they count for. Do not import such an export again: it would replace the labels as given.

    Why a paragraph was shown, at random or chosen, is in jsonl, label-studio, doccano and hugging-face.
    """
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.interchange.exporting import write_labels_as
    from narratives.store.opening import open_store

    folder = paths.writable_labels_folder()
    if output is None and (layout != "labels" or without_text):
        raise UserError(f"name an output: narratives labels export OUTPUT --to {layout}")
    _check_output(output or folder, folder, merged or without_text, force)
    label_set = open_store().label_set()
    if merged:
        label_set = label_set.resolve_retired(read_codebook(folder / "codebook.toml"))
    label_set = label_set.of_interest(unlabelled)
    write_labels_as(label_set, output or folder, layout, not without_text)
    counts = f"{len(label_set.paragraphs)} paragraphs and {len(label_set.labels)} labels"
    echo(f"{counts} are in {output or folder}")


def _check_output(output: Path, folder: Path, changed: bool, force: bool) -> None:
    """Refuse an existing output, and changed labels in the labels folder, where they would replace the originals."""
    if output == folder or (output.exists() and output.samefile(folder)):
        if changed:
            raise UserError(
                "the labels folder keeps texts, and labels as annotators gave them; with --merged or --without-text "
                "name another OUTPUT"
            )
    elif output.exists() and not force:
        raise UserError(f"{output} exists; name another output, or replace it with --force")


def _label_files(folder: Path) -> "tuple[LabelSet, Codebook]":
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.files import read_labels

    codebook = read_codebook(folder / "codebook.toml")
    return read_labels(folder, codebook), codebook
