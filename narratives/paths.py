"""Finds the folders of labels and models: in the checkout, else in the user's data folder."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from narratives.errors import UserError

_PACKAGE = Path(__file__).parent
_COMPILED = ("kernel", "tables", "tables/readers")  # where functions are that Numba compiles
SHIPPED = "shipped"  # the name of the model in the package, in commands and on pages


def checkout() -> Path | None:
    """Return the checkout that this package runs from, or None for an installed package."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").exists() and (root / "labels" / "codebook.toml").exists() else None


def home() -> Path:
    """Return the checkout, else the user's data folder of this system (it need not exist yet)."""
    from platformdirs import user_data_path

    return checkout() or user_data_path("narratives", appauthor=False)


def labels_folder() -> Path:
    """Return the labels folder to read: NARRATIVES_LABELS, else the user's own, else the one in the package."""
    chosen = os.environ.get("NARRATIVES_LABELS")
    if chosen:
        return Path(chosen)
    own = home() / "labels"
    return own if (own / "codebook.toml").exists() else _PACKAGE / "shipped" / "labels"


def choose_code_cache() -> None:
    """Let Numba keep machine code in the user's cache folder, where the folders of the package cannot be written.

    If that folder cannot be written either, the code lasts as long as this process. Must run before Numba is loaded.
    """
    if "NUMBA_CACHE_DIR" in os.environ or all(_takes_code(_PACKAGE / name) for name in _COMPILED):
        return
    from platformdirs import user_cache_path

    folder = user_cache_path("narratives", appauthor=False) / "machine-code"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        usable = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        usable = False
    os.environ["NUMBA_CACHE_DIR"] = str(folder) if usable else _passing_folder()


def _takes_code(folder: Path) -> bool:
    cache = folder / "__pycache__"
    return os.access(cache if cache.exists() else folder, os.W_OK | os.X_OK)


def _passing_folder() -> str:
    # A name that others can guess would let them put code there, which Numba would run.
    folder = tempfile.mkdtemp(prefix="narratives-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def writable_labels_folder() -> Path:
    """Return the labels folder to change. The first call copies the shipped labels to the user's data folder."""
    folder = labels_folder()
    if folder.is_relative_to(_PACKAGE):
        own = home() / "labels"
        shutil.copytree(folder, own, dirs_exist_ok=True)
        return own
    return folder


def database_address() -> str:
    """Return the address of the label database: NARRATIVES_DATABASE, else an SQLite file in the labels folder."""
    return os.environ.get("NARRATIVES_DATABASE") or f"sqlite:///{writable_labels_folder() / 'labels.sqlite'}"


def has_database() -> bool:
    """Return whether a label database was named or exists; without one, labels are in files only."""
    return bool(os.environ.get("NARRATIVES_DATABASE")) or (labels_folder() / "labels.sqlite").exists()


def models_folder() -> Path:
    """Return the folder that holds the models: NARRATIVES_MODELS, else ``models`` in the checkout or data folder."""
    chosen = os.environ.get("NARRATIVES_MODELS")
    return Path(chosen) if chosen else home() / "models"


def shipped_model() -> Path | None:
    """Return the folder of the model that comes with the package, or None if there is none.

    NARRATIVES_SHIPPED names another folder in its place; if it is set and empty, there is no shipped model.
    """
    chosen = os.environ.get("NARRATIVES_SHIPPED")
    if chosen == "":
        return None
    folder = Path(chosen) if chosen else _PACKAGE / "shipped" / "model"
    return folder if (folder / "manifest.json").exists() else None


def is_shipped(folder: Path) -> bool:
    """Return whether ``folder`` is that of the shipped model."""
    shipped = shipped_model()
    return shipped is not None and folder.resolve() == shipped.resolve()


def model_folder_name(folder: Path) -> str:
    """Return the name of a model in commands and on pages: that of its folder, or ``shipped``."""
    return SHIPPED if is_shipped(folder) else folder.name


def released_model() -> Path | None:
    """Return the folder of the released model, which ``models/released`` names, or None if no model is released.

    Raises UserError if the folder holds no model.
    """
    pointer = models_folder() / "released"
    if not pointer.exists():
        return None
    folder = models_folder() / pointer.read_text(encoding="utf-8").strip()
    if not (folder / "manifest.json").exists():
        raise UserError(
            f"{pointer} names {folder.name}, which holds no model; run `narratives train` or correct the file"
        )
    return folder
