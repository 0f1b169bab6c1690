"""Owns ``narratives models``."""

from pathlib import Path

import click

from narratives import paths
from narratives.cli.common import model_in_force
from narratives.errors import UserError


@click.group()
def models() -> None:
    """List the models and say which is in force."""


@models.command("list")
def models_list() -> None:
    """List the trained models, newest first; a star marks the released one."""
    from narratives.model import persistence

    released = paths.released_model()
    folders = sorted(paths.models_folder().glob("*/manifest.json"), reverse=True)
    if not folders:
        raise UserError(f"{paths.models_folder()} holds no model; run `narratives train`")
    for folder in (path.parent for path in folders):
        manifest = persistence.read_manifest(folder)
        figure = manifest.get("figures", {}).get("macro_f1")
        star = "*" if released is not None and folder.samefile(released) else " "
        click.echo(f"{star} {persistence.model_name(folder, manifest)}  cross-validated macro-F1 {figure}")


@models.command("release")
@click.argument("name")
def models_release(name: str) -> None:
    """Put the model NAME (a folder in the models folder) in force."""
    from narratives.model import persistence
    from narratives.model.released import release

    folder = paths.models_folder() / name
    persistence.load(folder)
    release(folder)
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
    from narratives.training.joblib_export import export_joblib

    folder = _named_model(name)
    export_joblib(folder, output, force)
    click.echo(f"{folder.name} is in {output}: joblib.load(...).predict_proba(texts); load only files of your own")


def _named_model(name: str | None) -> Path:
    if name is None:
        return model_in_force()
    inside = paths.models_folder() / name
    return inside if inside.is_dir() else Path(name)
