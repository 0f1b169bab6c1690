"""Imports the packages of the extra ``documents`` when a document needs one."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from narratives.errors import UserError

_PACKAGES = {"HTML": "trafilatura", "PDF": "pypdf", "Word": "docx", "EPUB": "lxml"}


def check_installed(name: str, kind: str) -> None:
    """Raise UserError, which names the extra, if the package that reads this kind of document is missing."""
    package = _PACKAGES.get(kind)
    if package and find_spec(package) is None:
        raise UserError(
            f"{name}: a document ({kind}), which needs the extra narratives[documents]; install it with "
            "`pip install 'narratives[documents]'`"
        )


def package_for(name: str, kind: str) -> Any:
    """Return the package that reads this kind of document. Raises UserError if it is not installed."""
    check_installed(name, kind)
    return import_module(_PACKAGES[kind])
