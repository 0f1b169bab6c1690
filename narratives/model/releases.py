"""Decides which model commands and pages use: the released one, else the one that comes with the package."""

from pathlib import Path

from narratives import paths
from narratives.codebook.parsing import frames_known
from narratives.errors import UserError
from narratives.files import atomic_write_text, write_errors
from narratives.model.persistence import ModelFormatError, read_frame_ids, read_manifest


def model_in_use() -> Path | None:
    """Return the folder of the model that commands and pages use by default.

    It is the released model, else the shipped one if it knows most frames of the codebook in the labels folder, else
    None: a first model has to be trained. A released model of another format does not count; ``unreadable_release``
    tells.
    """
    return readable_release() or _fitting_shipped_model()


def readable_release() -> Path | None:
    """Return the folder of the released model, or None if none is released or this version does not read its format."""
    released = paths.released_model()
    return None if released is None or _has_other_format(released) else released


def unreadable_release() -> str | None:
    """Return a sentence about the released model if this version does not read its format, else None."""
    released = paths.released_model()
    if released is None or not _has_other_format(released):
        return None
    instead = "the shipped model is used" if _fitting_shipped_model() else "a new model is trained on the labels"
    return (
        f"The released model {released.name} has a format that this version does not read, so {instead}; the labels "
        "are kept, and `narratives train` (or Retrain on the Models page) makes a new model from them."
    )


def release(folder: Path) -> None:
    """Make ``folder``, in the models folder, the released model. For the shipped model: release no other.

    Raises UserError if the name cannot be written or is taken, or if the shipped model does not fit the codebook.
    """
    pointer = paths.models_folder() / "released"
    if paths.is_shipped(folder):
        _check_fit(folder)
        with write_errors(pointer):
            pointer.unlink(missing_ok=True)
    else:
        check_name(folder)
        atomic_write_text(pointer, folder.name + "\n")


def check_name(folder: Path) -> None:
    """Raise UserError if a folder in the models folder has the name of the shipped model."""
    if folder.resolve() == (paths.models_folder() / paths.SHIPPED).resolve() and not paths.is_shipped(folder):
        raise UserError(
            f"{folder}: '{paths.SHIPPED}' is the name of the model in the package; give the folder another name"
        )


def named_model(name: str) -> Path:
    """Return the folder of the model ``name``: ``shipped``, else a folder in the models folder, which need not exist.

    Raises UserError if the name is that of the shipped model and there is none, or another model has its name.
    """
    folder = paths.models_folder() / name
    if name != paths.SHIPPED:
        return folder
    if folder.exists():
        check_name(folder)
    shipped = paths.shipped_model()
    if shipped is None:
        raise UserError("no model comes with this package; name one that `narratives models list` shows")
    return shipped


def stored_models() -> list[Path]:
    """Return the folders of all models: those of the models folder in the reverse order of names, then the shipped."""
    trained = [path.parent for path in sorted(paths.models_folder().glob("*/manifest.json"), reverse=True)]
    shipped = paths.shipped_model()
    return trained if shipped is None else [*trained, shipped]


def check_usable(folder: Path) -> None:
    """Raise UserError that says why a model cannot be released; the files of the model are not read for this."""
    check_name(folder)
    read_manifest(folder)
    if paths.is_shipped(folder):
        _check_fit(folder)


def _fitting_shipped_model() -> Path | None:
    shipped = paths.shipped_model()
    return shipped if shipped is not None and _misfit(shipped) is None else None


def _check_fit(shipped: Path) -> None:
    misfit = _misfit(shipped)
    if misfit is not None:
        raise UserError(misfit)


def _misfit(shipped: Path) -> str | None:
    """Return why the shipped model does not serve the labels folder; None if it knows most frames of its codebook."""
    codebook = paths.labels_folder() / "codebook.toml"
    known, number = frames_known(codebook, read_frame_ids(shipped))
    if known * 2 > number:
        return None
    return (
        f"the shipped model knows {known} of the {number} frames of {codebook}, and serves where it knows more than "
        "half; train a model of your own with `narratives train`"
    )


def _has_other_format(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except ModelFormatError:
        return True
    except UserError:
        pass  # damaged: loading it says how
    return False
