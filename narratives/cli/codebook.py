"""The commands ``narratives codebook``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from narratives import paths
from narratives.cli.common import as_check, echo
from narratives.errors import UserError

if TYPE_CHECKING:
    from narratives.codebook.frames import Codebook
    from narratives.labels.label_set import LabelSet

_YES_OPTION = click.option("--yes", is_flag=True, help="Make the change instead of only reporting its effect.")


@click.group()
def codebook() -> None:
    """Check, show and change the codebook."""


@codebook.command("check")
@click.argument("path", type=click.Path(path_type=Path), required=False)
def codebook_check(path: Path | None) -> None:
    """Check a codebook file; exit with status 1 and name the place if something is wrong.

    PATH is by default the codebook.toml of the labels folder.
    """
    from narratives.codebook.parsing import read_codebook

    path = path or paths.labels_folder() / "codebook.toml"
    with as_check():
        checked = read_codebook(path)
    echo(f"{path}: version {checked.version}, {len(checked.frames)} frames, all well formed")


@codebook.command("show")
@click.argument("frame", required=False)
def codebook_show(frame: str | None) -> None:
    """List the frames by aim, or show one FRAME in full."""
    from narratives.codebook.descriptions import describe, outline
    from narratives.codebook.parsing import read_codebook

    shown = read_codebook(paths.labels_folder() / "codebook.toml")
    if frame is not None and frame not in shown.ids:
        raise UserError(f"there is no frame '{frame}'; the frames are {', '.join(shown.ids)}")
    echo(outline(shown) if frame is None else describe(shown.frame(frame)))


@codebook.command("add-frame")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
def codebook_add_frame(path: Path) -> None:
    """Add the [[frame]] tables of FILE to the codebook and raise its version by one; comments are kept.

    Then `narratives queue --rank` looks for paragraphs that convey the frame, and `narratives train` learns it.
    """
    from narratives.codebook.editing import add_frames, read_frames

    target = paths.writable_labels_folder() / "codebook.toml"
    tables = read_frames(path)
    changed = add_frames(target, tables)
    _report(target, changed, f"new: {', '.join(changed.ids[-len(tables) :])}")


@codebook.command("merge-frame")
@click.argument("frame")
@click.argument("into")
@_YES_OPTION
def codebook_merge_frame(frame: str, into: str, yes: bool) -> None:
    """Merge FRAME into the frame INTO; without --yes, only report the effect on its labels.

    FRAME is retired and its labels count as labels of INTO. No label is changed.
    """
    _retire(frame, into, yes)


@codebook.command("retire-frame")
@click.argument("frame")
@_YES_OPTION
def codebook_retire_frame(frame: str, yes: bool) -> None:
    """Retire FRAME; without --yes, only report the effect on its labels.

    FRAME has no successor and its labels no longer count. No label is changed.
    """
    _retire(frame, "", yes)


@codebook.command("restore-frame")
@click.argument("frame")
def codebook_restore_frame(frame: str) -> None:
    """Restore a merged or retired FRAME as the last frame; its labels count as its own again."""
    from narratives.codebook.editing import restore_frame

    target = paths.writable_labels_folder() / "codebook.toml"
    _report(target, restore_frame(target, frame), f"back: {frame}")


def _retire(frame: str, into: str, yes: bool) -> None:
    from narratives.codebook.editing import retire_frame
    from narratives.codebook.parsing import read_codebook
    from narratives.labels.merge_impact import effect
    from narratives.store.events import now

    current = read_codebook(paths.labels_folder() / "codebook.toml")
    echo("\n".join(effect(_stored_labels(current), current, frame, into).sentences()))
    if not yes:
        echo("Nothing has changed yet; add --yes to make the change")
        return
    target = paths.writable_labels_folder() / "codebook.toml"
    changed = retire_frame(target, frame, into, now()[:10])
    _report(target, changed, f"merged into {into}: {frame}" if into else f"retired: {frame}")


def _stored_labels(codebook: "Codebook") -> "LabelSet":
    """Return the labels of the database, which may be ahead of the files, or of the files if there is no database."""
    from narratives.labels.files import read_labels

    if paths.has_database():
        from narratives.store.opening import open_store

        return open_store().label_set()
    return read_labels(paths.labels_folder(), codebook)


def _report(path: Path, changed: "Codebook", change: str) -> None:
    echo(f"{path}: version {changed.version}, {len(changed.frames)} frames; {change}")
