"""The commands ``narratives models``."""

from pathlib import Path

import click

from narratives import paths
from narratives.cli.common import echo, ready_model_folder
from narratives.errors import UserError


@click.group()
def models() -> None:
    """List, release and export models."""


@models.command("list")
def models_list() -> None:
    """List the models, newest first, then the shipped one; a star marks the one in use."""
    from narratives.model.releases import model_in_use, stored_models, unreadable_release

    folders = stored_models()
    if not folders:
        raise UserError(f"{paths.models_folder()} holds no model; run `narratives train`")
    unreadable = unreadable_release()
    if unreadable:
        echo(unreadable, err=True)
    used = model_in_use()
    for folder in folders:
        star = "*" if used is not None and folder.samefile(used) else " "
        echo(f"{star} {_line(folder)}")


def _line(folder: Path) -> str:
    from narratives.model import persistence
    from narratives.model.releases import check_usable

    try:
        check_usable(folder)
        manifest = persistence.read_manifest(folder)
    except UserError as error:
        return f"{paths.model_folder_name(folder)}  cannot be used: {error}"
    macro_f1 = manifest.get("figures", {}).get("macro_f1")
    return f"{persistence.model_name(folder, manifest)}  cross-validated macro-F1 {macro_f1}"


@models.command("release")
@click.argument("name")
def models_release(name: str) -> None:
    """Release the model NAME (a folder in the models folder, or shipped): commands and pages use it by default."""
    from narratives.model import persistence
    from narratives.model.releases import named_model, release

    folder = named_model(name)
    persistence.load(folder)
    release(folder)
    echo(f"{name} is the released model")


@models.command("export")
@click.argument("name", required=False)
@click.option(
    "--to", "form", type=click.Choice(["joblib"]), default="joblib", show_default=True, help="Format to write."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def models_export(name: str | None, form: str, output: Path, force: bool) -> None:
    """Export the model NAME for use from Python.

    NAME is a folder in the models folder, shipped, or a path; by default the model in use.

    joblib writes a scikit-learn pipeline that takes texts. Loading it needs narratives installed, and can run any code
    that the file holds: load only your own files.
    """
    from narratives.training.joblib_export import export_joblib

    folder = _named_model(name)
    export_joblib(folder, output, force)
    name = paths.model_folder_name(folder)
    echo(f"{name} is in {output}: joblib.load(...).predict_proba(texts); load only files of your own")


def _named_model(name: str | None) -> Path:
    if name is None:
        return ready_model_folder()
    from narratives.model.releases import named_model

    folder = named_model(name)
    return folder if folder.is_dir() else Path(name)
