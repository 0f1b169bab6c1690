"""Owns ``narratives codebook``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from narratives import paths
from narratives.cli.common import as_check
from narratives.errors import UserError

if TYPE_CHECKING:
    from narratives.codebook.frames import Codebook
    from narratives.labels.label_set import LabelSet


@click.group()
def codebook() -> None:
    """Check, show and change the codebook."""


@codebook.command("check")
@click.argument("path", type=click.Path(path_type=Path), required=False)
def codebook_check(path: Path | None) -> None:
    """Check a codebook file; exit status 1 and the place if something is wrong."""
    from narratives.codebook.parsing import read_codebook

    path = path or paths.labels_folder() / "codebook.toml"
    with as_check():
        found = read_codebook(path)
    click.echo(f"{path}: version {found.version}, {len(found.frames)} frames, all well formed")


@codebook.command("show")
@click.argument("frame", required=False)
def codebook_show(frame: str | None) -> None:
    """List the frames by aim, or show all of one FRAME."""
    from narratives.codebook.descriptions import describe, outline
    from narratives.codebook.parsing import read_codebook

    found = read_codebook(paths.labels_folder() / "codebook.toml")
    if frame is not None and frame not in found.ids:
        raise UserError(f"there is no frame '{frame}'; the frames are {', '.join(found.ids)}")
    click.echo(outline(found) if frame is None else describe(found.frame(frame)))


@codebook.command("add-frame")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def codebook_add_frame(path: Path) -> None:
    """Add the [[frame]] tables of FILE to the codebook; comments stay, the version counts one up.

    Then `narratives queue --rank` looks for paragraphs that convey the frame, and `narratives train` learns it.
    """
    from narratives.codebook.editing import add_frames, read_frames

    target = paths.writable_labels_folder() / "codebook.toml"
    tables = read_frames(path)
    found = add_frames(target, tables)
    _report(target, found, f"new: {', '.join(found.ids[-len(tables) :])}")


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


@codebook.command("restore-frame")
@click.argument("frame")
def codebook_restore_frame(frame: str) -> None:
    """Bring a merged or retired FRAME back into force, as the last one; its labels count as its own again."""
    from narratives.codebook.editing import restore_frame

    target = paths.writable_labels_folder() / "codebook.toml"
    found = restore_frame(target, frame)
    _report(target, found, f"back: {frame}")


def _retire(frame: str, into: str, yes: bool) -> None:
    from narratives.codebook.editing import retire_frame
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.merge_impact import effect
    from narratives.store.events import now

    found = read_codebook(paths.labels_folder() / "codebook.toml")
    click.echo("\n".join(effect(_labels_given(found), found, frame, into).sentences()))
    if not yes:
        click.echo("Nothing is changed yet; do it with --yes")
        return
    target = paths.writable_labels_folder() / "codebook.toml"
    found = retire_frame(target, frame, into, now()[:10])
    _report(target, found, f"merged into {into}: {frame}" if into else f"retired: {frame}")


def _labels_given(codebook: "Codebook") -> "LabelSet":
    from narratives.labels.files import read_labels

    if paths.has_database():
        from narratives.store.opening import open_store

        return open_store().label_set()
    return read_labels(paths.labels_folder(), codebook)


def _report(path: Path, found: "Codebook", change: str) -> None:
    click.echo(f"{path}: version {found.version}, {len(found.frames)} frames; {change}")
