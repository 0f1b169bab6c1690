"""Releases a model: names the folder that ``paths.released_model`` returns from then on."""

from pathlib import Path

from narratives import paths
from narratives.files import atomic_write_text


def release(folder: Path) -> None:
    """Make ``folder``, a model inside the models folder, the released model. Raises UserError if it cannot be named."""
    atomic_write_text(paths.models_folder() / "released", folder.name + "\n")
