"""Exports a trained model as a scikit-learn pipeline in a joblib file, for its owner's use.

Exported files name this module and its classes: renaming either breaks them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.pipeline import Pipeline

from narratives.errors import UserError
from narratives.files import atomic_write
from narratives.model.calibration import calibrate
from narratives.model.classifier import Classifier
from narratives.model.features import Features
from narratives.model.persistence import load


class TextRows(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns n texts into TF-IDF rows, n × size. There is nothing to fit."""

    def __init__(self, features: Features) -> None:
        self.features = features

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Sequence[str], y: Any = None) -> "TextRows":
        """Return the transformer unchanged: its vocabulary was learned in training."""
        return self

    def transform(self, X: Sequence[str]) -> csr_matrix:
        """Return the TF-IDF rows of n texts."""
        return self.features.transform(list(X))


class FrameScores(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Scores rows by the linear model: ``coef_`` (k × size), ``intercept_``, ``thresholds_`` and ``classes_`` (k)."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.coef_, self.intercept_ = classifier.frame_model.weights.T, classifier.frame_model.bias
        self.thresholds_, self.classes_ = classifier.thresholds, np.array(classifier.frames, dtype=object)

    def fit(self, X: csr_matrix, y: Any = None) -> "FrameScores":
        """Return the model unchanged: it was trained by ``narratives train``."""
        return self

    def decision_function(self, X: csr_matrix) -> NDArray[np.float64]:
        """Return the n × k scores before calibration."""
        return np.asarray(X @ self.coef_.T + self.intercept_)

    def predict_proba(self, X: csr_matrix) -> NDArray[np.float64]:
        """Return the n × k calibrated probabilities."""
        return calibrate(self.decision_function(X), self.classifier.sigmoids)

    def predict(self, X: csr_matrix) -> NDArray[np.int64]:
        """Return n × k zeros and ones. A text without a known n-gram has no frame."""
        filled = (np.diff(X.indptr) > 0)[:, None]
        return np.asarray((self.predict_proba(X) >= self.thresholds_) & filled, dtype=np.int64)


def export_joblib(folder: Path, output: Path, overwrite: bool = False) -> None:
    """Write the model in ``folder`` as a joblib file: a Pipeline of ``rows`` and ``frames`` over texts.

    scikit-learn's own vectorizers cannot count a row's n-grams as this model does, so loading the file requires
    ``narratives``. Voices, evidence and the band for a person are not exported. Loading a joblib file can run any code:
    load only your own. Raises UserError if the file exists and ``overwrite`` is false, or if it cannot be written.
    """
    if output.exists() and not overwrite:
        raise UserError(f"{output} exists already; name another file or add --force")
    classifier = load(folder)
    pipeline = Pipeline([("rows", TextRows(classifier.features)), ("frames", FrameScores(classifier))])
    with atomic_write(output) as file:
        joblib.dump(pipeline, file, compress=3)
