"""Owns the command line: parses, calls one function, shows. Heavy modules load inside the command that needs them."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narratives import __version__, places
from narratives.errors import CheckError, UserError

if TYPE_CHECKING:
    from narratives.classification import Classification
    from narratives.classifier import Classifier
    from narratives.codebook import Codebook
    from narratives.labels import LabelSet
    from narratives.scoring import Scoring
    from narratives.store import Item, Store

_MODEL = click.option("--model", type=click.Path(path_type=Path), help="Model folder; the released one if not named.")
_JSON = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Also write the figures to this file."
)


class _Terminated(KeyboardInterrupt):
    """SIGTERM was sent: the way of Ctrl-C, with an exit status of its own."""


def main() -> None:
    """Run the command line; turn a user's mistake into one sentence and exit status 2 (1 for a failed check)."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        commands(standalone_mode=False)
    except UserError as error:
        click.echo(f"narratives: {error}", err=True)
        sys.exit(1 if isinstance(error, CheckError) else 2)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as stop:
        wish = stop.__cause__ or stop  # click wraps Ctrl-C; scoring says in it what is left behind
        click.echo(f"narratives: {str(wish) or 'stopped'}", err=True)
        sys.exit(143 if isinstance(wish, _Terminated) else 130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our pipe has left; nothing more to say
        sys.exit(0)


def _terminate(number: int, frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would break the clearing up
    raise _Terminated


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="narratives")
def commands() -> None:
    """Find information-operation narratives in text: frames, voices and the words that decided."""


@commands.command()
@click.argument("text", required=False)
@click.option("--file", "path", type=click.Path(path_type=Path), help="Read the text from this file.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--all", "everything", is_flag=True, help="Show every frame, not only those predicted.")
@click.option("--all-evidence", is_flag=True, help="Show every n-gram with its share instead of merged spans.")
@_MODEL
def classify(
    text: str | None, path: Path | None, as_json: bool, everything: bool, all_evidence: bool, model: Path | None
) -> None:
    """Read one TEXT (or --file, or - for standard input): paragraphs, frames, probability, voice, evidence."""
    from narratives.classification import classify as read_text

    whole = _text_to_read(text, path)
    classifier = _classifier(model)
    found = read_text(classifier, whole)
    document = found.as_json(everything)
    if all_evidence:
        _put_ngrams(document, classifier)
    click.echo(json.dumps(document, ensure_ascii=False, indent=1) if as_json else _page(found, document, classifier))


@commands.command()
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
@_MODEL
def score(inputs: tuple[str, ...], output: str, json_path: Path | None, model: Path | None, **options: Any) -> None:
    """Score the rows of INPUT tables: CSV, TSV, JSONL, Parquet, Arrow, XLSX; .gz, .zst, .bz2; - = standard input."""
    from narratives.batchwork import Options
    from narratives.scoring import score as score_tables

    force = options.pop("force")
    folder = model or _ready_model()
    with _bytes_bar() as progress:
        done = score_tables(_expanded(inputs), output, folder, Options(overwrite=force, **options), progress=progress)
    _report_scoring(done, json_path)


@commands.command()
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
@_JSON
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
    from narratives.training import Wish
    from narratives.training import train as train_model

    wish = Wish(codebook, aim, seed, unlabelled)
    with _steps_bar() as progress:
        if labels is None and places.has_database():
            from narratives.retraining import train_on_store
            from narratives.store import open_store

            trained = train_on_store(open_store(), output, wish, progress)
        else:
            trained = train_model(labels or places.labels_folder(), output, wish, progress)
    click.echo(trained.figures.table())
    click.echo(f"\nmodel {trained.folder}" + (" (released)" if trained.released else ""))
    _write_json(options["json_path"], trained.figures.as_json())


@commands.command()
@click.option(
    "--on",
    "table",
    type=click.Path(path_type=Path),
    help="A labels folder or labelled table; else the figures kept with the model.",
)
@click.option("--language", help="Only rows of these languages, such as en,uk.")
@_MODEL
@_JSON
def evaluate(table: Path | None, language: str | None, model: Path | None, json_path: Path | None) -> None:
    """Measure a model on labelled rows, or show the cross-validated figures kept with it."""
    from narratives import measuring

    folder = model or _ready_model()
    if table is None:
        card, figures = measuring.kept_figures(folder)
        click.echo(card)
    else:
        evaluation = measuring.evaluate_on(folder, table, language.split(",") if language else [])
        figures = evaluation.as_json()
        click.echo(evaluation.table())
    _write_json(json_path, figures)


@commands.command()
@click.argument("first", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@click.argument("second", metavar="MODEL_DIR", type=click.Path(path_type=Path))
@click.option(
    "--on",
    "table",
    type=click.Path(path_type=Path),
    help="A labels folder or labelled table; else the figures kept with the models.",
)
@click.option("--language", help="Only rows of these languages, such as en,uk.")
@_JSON
def compare(first: Path, second: Path, table: Path | None, language: str | None, json_path: Path | None) -> None:
    """Measure two models on the same rows and say which differences are more than chance."""
    from narratives import measuring

    if table is None and language:
        raise UserError("--language chooses among the rows of a table; name one with --on TABLE")
    languages = [name.strip() for name in (language or "").split(",") if name.strip()]
    folders = first, second
    found = measuring.compare_on(folders, table, languages) if table else measuring.compare_figures(folders)
    click.echo(found.table())
    _write_json(json_path, found.as_json())


@commands.command()
@click.option("--annotator", default="", help="For whom: leaves out what they have read.")
@click.option("--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show.")
@click.option("--rank", "anew", is_flag=True, help="Put the queue in a new order first, by the model in force.")
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    default=0.15,
    show_default=True,
    help="With --rank: share of paragraphs that two annotators get.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@_MODEL
def queue(annotator: str, number: int, anew: bool, overlap: float, as_json: bool, model: Path | None) -> None:
    """List what to label next, each paragraph with the reason why it is there; nothing is taken."""
    from narratives.store import Desk, open_store

    store = open_store()
    if anew:
        _rank_anew(store, model, overlap)
    items = Desk(store).upcoming(annotator, number)
    if as_json:
        click.echo(json.dumps([asdict(item) for item in items], ensure_ascii=False, indent=1))
    elif items:
        click.echo("\n\n".join(_queue_entry(item) for item in items))
    else:
        click.echo(
            "The queue is empty: bring texts in with `narratives labels import FILE`, then `narratives queue --rank`"
        )


def _rank_anew(store: "Store", model: Path | None, overlap: float) -> None:
    from narratives.codebook import read_codebook
    from narratives.queue import Wanted
    from narratives.ranking import rank

    with _steps_bar() as progress:
        codebook = read_codebook(places.labels_folder() / "codebook.toml")
        number = rank(store, _classifier(model), codebook, Wanted(overlap=overlap), progress)
    click.echo(f"{number:,} paragraphs are in the queue", err=True)


def _queue_entry(item: "Item") -> str:
    from narratives.queue import REASONS

    why = REASONS.get(item.reason, item.reason) + (f" ({item.detail})" if item.detail else "")
    source = f" · {item.source}" if item.source else ""
    return f"{item.paragraph_id} · {item.language}{source} · {why}\n{item.text}"


@commands.group()
def models() -> None:
    """List the models and say which is in force."""


@models.command("list")
def models_list() -> None:
    """List the trained models, newest first; a star marks the released one."""
    from narratives import modelfile

    released = places.released_model()
    folders = sorted(places.models_folder().glob("*/manifest.json"), reverse=True)
    if not folders:
        raise UserError(f"{places.models_folder()} holds no model; run `narratives train`")
    for folder in (path.parent for path in folders):
        manifest = modelfile.read_manifest(folder)
        figure = manifest.get("figures", {}).get("macro_f1")
        star = "*" if released is not None and folder.samefile(released) else " "
        click.echo(f"{star} {modelfile.model_name(folder, manifest)}  cross-validated macro-F1 {figure}")


@models.command("release")
@click.argument("name")
def models_release(name: str) -> None:
    """Put the model NAME (a folder in the models folder) in force."""
    from narratives import modelfile

    folder = places.models_folder() / name
    modelfile.load(folder)
    places.release(folder)
    click.echo(f"{name} is in force")


@models.command("export")
@click.argument("name", required=False)
@click.option("--to", "form", type=click.Choice(["joblib"]), default="joblib", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def models_export(name: str | None, form: str, output: Path, force: bool) -> None:
    """Write the model NAME (in the models folder, or a path; the released one if not named) for use from Python.

    joblib: a scikit-learn pipeline of texts; loading it needs narratives installed. A joblib file can run any code
    when it is loaded: load only your own.
    """
    from narratives.export import export_joblib

    folder = _named_model(name)
    export_joblib(folder, output, force)
    click.echo(f"{folder.name} is in {output}: joblib.load(...).predict_proba(texts); load only files of your own")


def _named_model(name: str | None) -> Path:
    if name is None:
        return _ready_model()
    inside = places.models_folder() / name
    return inside if inside.is_dir() else Path(name)


@commands.group()
def labels() -> None:
    """Check, count, import and export the labels."""


@labels.command("check")
def labels_check() -> None:
    """Check the label files; exit status 1 and the place if something is wrong."""
    from narratives.codebook import read_codebook
    from narratives.labels import read_labels

    folder = places.labels_folder()
    with _as_check():
        found = read_labels(folder, read_codebook(folder / "codebook.toml"))
    click.echo(f"{folder}: {len(found.paragraphs)} paragraphs and {len(found.labels)} labels, all well formed")


@labels.command("stats")
def labels_stats() -> None:
    """Count paragraphs by frame, voice, language and register."""
    from narratives.codebook import read_codebook
    from narratives.labels import read_labels
    from narratives.labelstats import label_tables

    folder = places.labels_folder()
    codebook = read_codebook(folder / "codebook.toml")
    click.echo(label_tables(read_labels(folder, codebook), codebook))


@labels.command("agreement")
@_JSON
def labels_agreement(json_path: Path | None) -> None:
    """Measure how far annotators agree: by frame, by language, and on voices; name what is low."""
    from narratives.agreement import measure_agreement
    from narratives.codebook import read_codebook
    from narratives.labels import read_labels

    folder = places.labels_folder()
    codebook = read_codebook(folder / "codebook.toml")
    found = measure_agreement(read_labels(folder, codebook), codebook)
    click.echo(found.table())
    _write_json(json_path, found.as_json())


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
    from narratives.codebook import read_codebook
    from narratives.exchange import Moment, read_intake, write_refused
    from narratives.store import now, open_store

    codebook = read_codebook(places.labels_folder() / "codebook.toml")
    intake = read_intake(source, Moment(annotator, now(), codebook), layout or "", text_column)
    brought = open_store().bring(intake.labels, intake.sources)
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
    from narratives.codebook import read_codebook
    from narratives.exchange import write_labels_as
    from narratives.store import open_store

    folder = places.writable_labels_folder()
    if output is None and (layout != "labels" or without_text):
        raise UserError(f"name an output: narratives labels export OUTPUT --to {layout}")
    if merged and (output is None or (output.exists() and output.samefile(folder))):
        raise UserError("the labels folder keeps labels as they were given; with --merged name another OUTPUT")
    if output is not None and output.exists() and not force and not output.samefile(folder):
        raise UserError(f"{output} exists; name another output, or replace it with --force")
    found = open_store().label_set()
    if merged:
        found = found.counted_by(read_codebook(folder / "codebook.toml"))
    found = found.of_interest(unlabelled)
    write_labels_as(found, output or folder, layout, not without_text)
    click.echo(f"{len(found.paragraphs)} paragraphs and {len(found.labels)} labels are in {output or folder}")


@commands.group()
def codebook() -> None:
    """Check, show and change the codebook."""


@codebook.command("check")
@click.argument("path", type=click.Path(path_type=Path), required=False)
def codebook_check(path: Path | None) -> None:
    """Check a codebook file; exit status 1 and the place if something is wrong."""
    from narratives.codebook import read_codebook

    path = path or places.labels_folder() / "codebook.toml"
    with _as_check():
        found = read_codebook(path)
    click.echo(f"{path}: version {found.version}, {len(found.frames)} frames, all well formed")


@codebook.command("show")
@click.argument("frame", required=False)
def codebook_show(frame: str | None) -> None:
    """List the frames by aim, or show all of one FRAME."""
    from narratives.codebook import describe, outline, read_codebook

    found = read_codebook(places.labels_folder() / "codebook.toml")
    if frame is not None and frame not in found.ids:
        raise UserError(f"there is no frame '{frame}'; the frames are {', '.join(found.ids)}")
    click.echo(outline(found) if frame is None else describe(found.frame(frame)))


@codebook.command("add-frame")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def codebook_add_frame(path: Path) -> None:
    """Add the [[frame]] tables of FILE to the codebook; comments stay, the version counts one up.

    Then `narratives queue --rank` looks for paragraphs that convey the frame, and `narratives train` learns it.
    """
    from narratives.codebookfile import add_frames, read_frames

    target = places.writable_labels_folder() / "codebook.toml"
    tables = read_frames(path)
    found = add_frames(target, tables)
    click.echo(
        f"{target}: version {found.version}, {len(found.frames)} frames; new: {', '.join(found.ids[-len(tables) :])}"
    )


@codebook.command("merge-frame")
@click.argument("frame")
@click.argument("into")
@click.option("--yes", is_flag=True, help="Do it; without this, only what would happen is said.")
def codebook_merge_frame(frame: str, into: str, yes: bool) -> None:
    """Say what merging FRAME into the frame INTO does to its labels; with --yes, do it. No label is changed.

    FRAME goes out of force, and its labels count as labels of INTO.
    """
    _retire(frame, into, yes)


@codebook.command("retire-frame")
@click.argument("frame")
@click.option("--yes", is_flag=True, help="Do it; without this, only what would happen is said.")
def codebook_retire_frame(frame: str, yes: bool) -> None:
    """Say what retiring FRAME does to its labels; with --yes, do it. No label is changed.

    FRAME goes out of force without a successor, and its labels count no more.
    """
    _retire(frame, "", yes)


def _retire(frame: str, into: str, yes: bool) -> None:
    from narratives.codebook import read_codebook
    from narratives.codebookfile import retire_frame
    from narratives.merging import effect
    from narratives.store import now

    found = read_codebook(places.labels_folder() / "codebook.toml")
    click.echo("\n".join(effect(_labels_given(found), found, frame, into).sentences()))
    if not yes:
        click.echo("Nothing is changed yet; do it with --yes")
        return
    target = places.writable_labels_folder() / "codebook.toml"
    found = retire_frame(target, frame, into, now()[:10])
    done = f"merged into {into}" if into else "retired"
    click.echo(f"{target}: version {found.version}, {len(found.frames)} frames; {done}: {frame}")


def _labels_given(codebook: "Codebook") -> "LabelSet":
    from narratives.labels import read_labels

    if places.has_database():
        from narratives.store import open_store

        return open_store().label_set()
    return read_labels(places.labels_folder(), codebook)


@codebook.command("restore-frame")
@click.argument("frame")
def codebook_restore_frame(frame: str) -> None:
    """Bring a merged or retired FRAME back into force, as the last one; its labels count as its own again."""
    from narratives.codebookfile import restore_frame

    target = places.writable_labels_folder() / "codebook.toml"
    found = restore_frame(target, frame)
    click.echo(f"{target}: version {found.version}, {len(found.frames)} frames; back: {frame}")


@commands.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
@click.option("--address", default="127.0.0.1", show_default=True)
def app(port: int, address: str) -> None:
    """Open the pages in the browser; train the first model if there is none."""
    from narratives.ui.server import serve

    _ready_model()
    serve(port, address)


@contextmanager
def _as_check() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise CheckError(str(error)) from None


def _text_to_read(text: str | None, path: Path | None) -> str:
    from narratives.tables import decode

    if (text is None) == (path is None):
        raise UserError("give one text: as an argument, with --file PATH, or - for standard input")
    if path is None:
        return decode(sys.stdin.buffer.read()) if text == "-" else str(text)
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name another file") from None


def _ready_model() -> Path:
    released = places.released_model()
    if released is not None:
        return released
    from narratives.training import ready_model

    click.echo("no model yet: training one on the labels, which takes a moment", err=True)
    with _steps_bar() as progress:
        return ready_model(progress)


def _classifier(model: Path | None) -> "Classifier":
    from narratives import modelfile

    return modelfile.load(model or _ready_model())


@contextmanager
def _steps_bar() -> Iterator[Any]:
    """Yield a progress callback (step, share done) that draws on standard error, only on a terminal."""
    if not sys.stderr.isatty():
        yield lambda step, share: None
        return
    with click.progressbar(length=100, file=sys.stderr, item_show_func=str) as bar:
        yield lambda step, share: bar.update(round(share * 100) - bar.pos, step)


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
    from glob import glob

    found = [[name] if Path(name).exists() else sorted(glob(name)) or [name] for name in inputs]
    return [name for names in found for name in names]


def _report_scoring(done: "Scoring", json_path: Path | None) -> None:
    click.echo(done.summary(), err=True)
    _write_json(json_path, done.as_json())


def _write_json(path: Path | None, value: Any) -> None:
    if path is None:
        return
    try:
        path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another file with --json") from None


def _put_ngrams(document: dict[str, Any], classifier: "Classifier") -> None:
    from narratives.classification import evidence_json

    for paragraph in document["paragraphs"]:
        for frame in paragraph["frames"]:
            found = classifier.evidence_ngrams(paragraph["text"], frame["frame"])
            frame["evidence"] = [evidence_json(item) for item in found]
            frame["other"] = frame["score"] - frame["bias"] - sum(item.weight for item in found)


def _page(found: "Classification", document: dict[str, Any], classifier: "Classifier") -> str:
    lines = [f"model {found.model}", *found.remarks]
    for paragraph in document["paragraphs"]:
        start = " ".join(paragraph["text"].split())
        lines += ["", f"[{paragraph['index']}] {paragraph['language']}  {start[:90]}{'…' if len(start) > 90 else ''}"]
        lines += [line for frame in paragraph["frames"] for line in _frame_lines(frame, classifier)] or ["    no frame"]
    return "\n".join(lines)


def _frame_lines(frame: dict[str, Any], classifier: "Classifier") -> list[str]:
    from narratives.codebook import VOICE_MARKS

    name = classifier.codebook.frame(frame["frame"]).name
    voice = f"{VOICE_MARKS[frame['voice']]} {frame['voice']}" if frame["voice"] else ""
    mark = {"yes": "", "human": " [for a person to decide]"}.get(frame["decision"], " [no]")
    likely = f"{frame['probability']:.2f} {frame['words']}, threshold {frame['threshold']:.2f}"
    lines = [f"    {name}{mark}: {likely}  {voice}"]
    for heading, sign in (("for", 1), ("against", -1)):
        pieces = [f"{item['text']} {item['weight']:+.2f}" for item in frame["evidence"] if item["weight"] * sign > 0]
        lines += [f"        {heading}: {', '.join(' '.join(piece.split()) for piece in pieces)}"] if pieces else []
    if frame["flips_without"]:
        lines.append(f"        would flip without: {', '.join(frame['flips_without'])}")
    return lines
