"""Opens the label database that the settings name, and imports the label files when they have changed."""

import hashlib
from pathlib import Path

from narratives import paths
from narratives.codebook.parsing import read_codebook
from narratives.labels.files import read_labels
from narratives.store.events import Store

_FILES = ("paragraphs.csv", "labels.csv")


def open_store() -> Store:
    """Open the label database; import the label files if they have changed since the last import.

    Raises UserError for a database or a file that cannot be used.
    """
    folder = paths.writable_labels_folder()
    store = Store(paths.database_address())
    if all((folder / name).exists() for name in _FILES):
        state = _hash_of(folder)
        if store.last_note("import") != state:
            store.import_labels(read_labels(folder, read_codebook(folder / "codebook.toml")))
            store.note("import", "", None, state)
    return store


def _hash_of(folder: Path) -> str:
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _FILES)).hexdigest()
