"""Wraps training and prediction as a scikit-learn estimator over texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from narratives.codebook.frames import Codebook, bare
from narratives.codebook.parsing import read_codebook
from narratives.labels.gold import UNKNOWN, Gold
from narratives.model.classifier import Classifier
from narratives.model.explanation.explain import FrameReading
from narratives.text.language import language
from narratives.training.decision_rule import read_aim
from narratives.training.fitting import fit
from narratives.training.folds import FOLDS
from narratives.training.frames import AS_IT_IS, ModelSettings

ONE, MANY, SETS = "one class a text", "an indicator matrix", "sets of frame ids"


@dataclass(frozen=True)
class Targets:
    """The parsed y: its ``form``, the class of each column, and n × k zeros and ones."""

    form: str
    classes: NDArray[Any]
    values: NDArray[np.int8]


class NarrativeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify texts by TF-IDF and logistic regression with a codebook as prior, as ``narratives train`` does.

    - ``codebook``: a ``codebook.toml``, a Codebook, or None for classes without descriptions.
    - ``strength``: C of the logistic regression.
    - ``prior_scale``: how much louder a text's similarity to the codebook is than its words.
    - ``aim``: what thresholds aim at, ``f1`` or ``precision=0.9``.
    - ``written_to_balance``: whether the texts were written as examples, so that frames are rarer where the model is
      used.
    - ``seed``: of the folds.

    After ``fit``: ``classes_`` (k frame ids or labels), ``classifier_`` (as ``narratives.load`` returns) and
    ``figures_`` (its cross-validated figures). Probabilities and thresholds come from cross-validation, which needs
    FOLDS independent texts at least.
    """

    def __init__(
        self,
        codebook: Path | str | Codebook | None = None,
        strength: float = AS_IT_IS.strength,
        prior_scale: float = AS_IT_IS.prior_scale,
        aim: str = "f1",
        written_to_balance: bool = False,
        seed: int = 0,
    ) -> None:
        self.codebook = codebook
        self.strength = strength
        self.prior_scale = prior_scale
        self.aim = aim
        self.written_to_balance = written_to_balance
        self.seed = seed

    def __sklearn_tags__(self) -> Any:
        """Declare that the input is texts and that a text may carry several classes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = True, True, False
        tags.classifier_tags.multi_label = True
        return tags

    def fit(self, X: Iterable[str], y: Any, groups: Sequence[Any] | None = None) -> "NarrativeClassifier":
        """Learn from n texts and their classes.

        - ``y``: an n × k matrix of zeros and ones (columns in the codebook's order, or named "0", "1" …), n lists,
          tuples or sets of frame ids, or n single labels.
        - ``groups``: texts of one group are never split between folds.

        Raises ValueError for another X or y, UserError for labels that cannot train or an unknown ``aim``.
        """
        texts = _texts(X)
        codebook = read_codebook(Path(self.codebook)) if isinstance(self.codebook, (str, Path)) else self.codebook
        targets = _targets(y, codebook)
        if not len(texts) == len(targets.values) == len(texts if groups is None else groups):
            raise ValueError(f"{len(texts)} texts do not fit {len(targets.values)} rows of y or the groups given")
        if len(texts) < FOLDS:
            raise ValueError(f"n_samples = {len(texts)} is too few: at least {FOLDS} independent texts are needed")
        gold = _gold(texts, targets, codebook, groups)
        self.classifier_, self.figures_ = fit(gold, self.seed, settings=self._settings())
        self.form_, self.classes_ = targets.form, targets.classes
        return self

    def _settings(self) -> ModelSettings:
        settings = ModelSettings() if self.written_to_balance else AS_IT_IS
        precision = read_aim(self.aim)
        return replace(settings, strength=self.strength, prior_scale=self.prior_scale, precision=precision)

    def predict(self, X: Iterable[str]) -> Any:
        """Return the classes of n texts in the form that ``y`` had; for single labels, the most probable one."""
        check_is_fitted(self)
        texts = _texts(X)
        if self.form_ == ONE:
            return self.classes_[self._probabilities(texts).argmax(axis=1)]
        if self.form_ == SETS:
            return self.classifier_.predict(texts)
        return self.classifier_.predict_texts(texts).predicted.astype(np.int64)

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float64]:
        """Return n × k calibrated probabilities; for single labels, those of a text sum to 1."""
        check_is_fitted(self)
        probabilities = self._probabilities(_texts(X))
        if self.form_ != ONE:
            return probabilities
        probabilities = probabilities + 1e-12  # where no class is likely at all, all are equally likely
        return np.asarray(probabilities / probabilities.sum(axis=1, keepdims=True))

    def decision_function(self, X: Iterable[str]) -> NDArray[np.float64]:
        """Return n × k linear scores before calibration; for two single labels, n scores, above 0 for the second."""
        check_is_fitted(self)
        rows = self.classifier_.features.transform(_texts(X))
        scores = self.classifier_.frame_model.scores(rows)
        return scores[:, 1] - scores[:, 0] if self.form_ == ONE and scores.shape[1] == 2 else scores

    def explain(self, text: str) -> list[FrameReading]:
        """Return the reading of every class in one text, most probable first, with its evidence."""
        check_is_fitted(self)
        return self.classifier_.explain(text)

    def _probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        classifier: Classifier = self.classifier_
        return classifier.predict_proba(texts) if len(texts) else np.zeros((0, len(self.classes_)))


def _texts(X: Iterable[str]) -> tuple[str, ...]:
    if isinstance(X, str):
        raise ValueError("X is one text; give a list of texts, even for one")
    texts = tuple(np.asarray(X, dtype=object).ravel().tolist()) if getattr(X, "ndim", 1) == 1 else None
    if texts is None:
        raise ValueError(f"X has {getattr(X, 'ndim', 0)} dimensions; give a list or a column of texts")
    other = next((item for item in texts if not isinstance(item, str)), None)
    if other is not None:
        raise ValueError(f"X holds {other!r}, which is not a string; convert it or leave it out")
    return texts


def _targets(y: Any, codebook: Codebook | None) -> Targets:
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    if isinstance(y, (list, tuple)) and y and all(isinstance(row, (list, tuple, set)) and _are_ids(row) for row in y):
        return _read_sets(y, codebook)
    y = y if issparse(y) else np.asarray(y)
    kind = type_of_target(y, input_name="y", raise_unknown=True)
    if kind == "multilabel-indicator":
        return _read_matrix(y, codebook)
    if kind not in ("binary", "multiclass"):
        raise ValueError(f"Unknown label type: {kind}; y is a matrix of 0 and 1, sets of ids or single labels")
    classes, columns = np.unique(column_or_1d(y, warn=True), return_inverse=True)
    return Targets(ONE, classes, np.eye(len(classes), dtype=np.int8)[columns])


def _are_ids(items: Iterable[Any]) -> bool:
    return all(isinstance(item, str) for item in items)


def _read_sets(y: Iterable[Iterable[str]], codebook: Codebook | None) -> Targets:
    rows = [set(ids) for ids in y]
    ids = codebook.ids if codebook else tuple(sorted(set().union(*rows)))
    unknown = sorted(set().union(*rows) - set(ids))
    if unknown:
        raise ValueError(f"y has '{unknown[0]}', which the codebook lacks; its frames are {', '.join(ids)}")
    return Targets(
        SETS, np.array(ids, dtype=object), np.array([[name in row for name in ids] for row in rows], np.int8)
    )


def _read_matrix(y: Any, codebook: Codebook | None) -> Targets:
    values = np.asarray(y.toarray() if issparse(y) else y).astype(np.int8)
    ids = codebook.ids if codebook else tuple(map(str, range(values.shape[1])))
    if len(ids) != values.shape[1]:
        raise ValueError(f"y has {values.shape[1]} columns, the codebook {len(ids)} frames; give a column a frame")
    return Targets(MANY, np.array(ids, dtype=object), values)


def _gold(texts: tuple[str, ...], targets: Targets, codebook: Codebook | None, groups: Sequence[Any] | None) -> Gold:
    named = range(len(texts)) if groups is None else groups
    own = codebook if codebook and targets.form != ONE else bare([str(name) for name in targets.classes])
    unknown = np.full(targets.values.shape, UNKNOWN, dtype=np.int8)
    return Gold(own, texts, targets.values, unknown, tuple(map(language, texts)), tuple(map(str, named)))
