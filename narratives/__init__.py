"""Finds information-operation narratives in text: frames, voices and the words behind each decision."""

from typing import TYPE_CHECKING, Any

from narratives.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from narratives.model.classifier import Classifier
    from narratives.training.estimator import NarrativeClassifier

__all__ = ["NarrativeClassifier", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import the estimator on first use: scikit-learn takes a second to load, and most commands do without it."""
    if name == "NarrativeClassifier":
        from narratives.training.estimator import NarrativeClassifier

        return NarrativeClassifier
    raise AttributeError(f"module 'narratives' has no attribute '{name}'")


def load(path: "Path | str | None" = None) -> "Classifier":
    """Load a model folder, by default the released or shipped one; it has ``predict_proba``, ``predict``, ``explain``.

    Warns if this version does not read the released model and loads the shipped one instead. Raises
    narratives.errors.UserError if there is no model or it cannot be read safely.
    """
    from pathlib import Path

    from narratives.model import persistence

    return persistence.load(Path(path) if path is not None else _default_folder())


def _default_folder() -> "Path":
    import warnings

    from narratives import paths
    from narratives.errors import UserError
    from narratives.model.releases import model_in_use, unreadable_release

    folder = model_in_use()
    if folder is not None:
        unreadable = unreadable_release()
        if unreadable:
            warnings.warn(unreadable, stacklevel=3)
        return folder
    released = paths.released_model()  # loading a model of another format says the way out
    if released is None:
        raise UserError("no model is released; run `narratives train` once, or name a model folder")
    return released
