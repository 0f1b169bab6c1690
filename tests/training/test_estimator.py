import pickle
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from narratives import NarrativeClassifier
from narratives.errors import UserError
from narratives.training.fitting import fit
from narratives.training.frames import AS_IT_IS

PIES, NAILS, TREES = (
    [f"{text} number {n}" for n in range(8)] for text in ("apple pie", "iron nail", "an apple tree near an iron gate")
)
TEXTS = [*PIES, *NAILS, *TREES]
MATRIX = np.array([[1, 0]] * 8 + [[0, 1]] * 8 + [[1, 1]] * 8)
NAMES = ["food"] * 8 + ["tool"] * 8 + ["garden"] * 8
ASKED = ["a pie of one apple", "one more iron nail"]


class OnNumbers(NarrativeClassifier):
    """The estimator wrapped so that it turns a row of numbers into words, so that scikit-learn can check it."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array = False, False, True
        return tags

    def written(self, X, reset=False):
        numbers = validate_data(self, X, reset=reset)
        return [" ".join(f"c{column}v{int(np.floor(4 * x))}" for column, x in enumerate(row)) for row in numbers]

    def fit(self, X, y, groups=None):
        return super().fit(self.written(X, reset=True), y, groups)

    def predict(self, X):
        check_is_fitted(self)
        return super().predict(self.written(X))

    def predict_proba(self, X):
        check_is_fitted(self)
        return super().predict_proba(self.written(X))

    def decision_function(self, X):
        check_is_fitted(self)
        return super().decision_function(self.written(X))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_check_of_scikit_learn_passes_once_numbers_are_words():
    checks = check_estimator(OnNumbers(), on_fail=None, on_skip=None)
    assert [check["check_name"] for check in checks if check["status"] == "failed"] == []
    assert sum(check["status"] == "passed" for check in checks) > 50


@pytest.mark.slow
def test_it_reads_as_the_product_does(truth):
    ours = NarrativeClassifier(truth.codebook).fit(truth.texts, (truth.values == 1).astype(int))
    product, _ = fit(truth, settings=AS_IT_IS)
    np.testing.assert_allclose(ours.predict_proba(truth.texts), product.predict_proba(truth.texts), atol=1e-9)
    assert ours.predict(truth.texts).tolist() == product.predict_texts(truth.texts).predicted.astype(int).tolist()
    assert list(ours.classes_) == ["flood", "mayor", "bridge"]
    assert ours.explain(truth.texts[0])[0].frame == "flood"


@pytest.mark.slow
@pytest.mark.parametrize("y", [MATRIX, csr_matrix(MATRIX), MATRIX.tolist()], ids=["array", "sparse", "lists"])
def test_a_matrix_comes_back_as_a_matrix(y):
    model = NarrativeClassifier().fit(TEXTS, y)
    assert list(model.classes_) == ["0", "1"]
    assert model.predict(ASKED).tolist() == [[1, 0], [0, 1]]
    assert model.decision_function(ASKED).shape == model.predict_proba(ASKED).shape == (2, 2)


@pytest.mark.slow
def test_sets_of_ids_come_back_as_tuples_of_ids():
    sets = [{"fruit"}] * 8 + [["metal"]] * 8 + [()] * 8
    model = NarrativeClassifier().fit(TEXTS, sets)
    assert list(model.classes_) == ["fruit", "metal"]
    assert model.predict(ASKED) == [("fruit",), ("metal",)]


@pytest.mark.slow
def test_single_labels_come_back_as_the_most_probable_one():
    model = NarrativeClassifier().fit(TEXTS, NAMES)
    assert model.predict(["apple pie again", "an iron nail", "a tree near a gate"]).tolist() == [
        "food",
        "tool",
        "garden",
    ]
    np.testing.assert_allclose(model.predict_proba([*ASKED, "zzz"]).sum(axis=1), 1)
    assert model.score(TEXTS, NAMES) == 1.0


@pytest.mark.slow
def test_the_aim_and_the_balance_reach_the_thresholds():
    lax, usual, rare = (
        NarrativeClassifier(**wish).fit(TEXTS, MATRIX).classifier_.thresholds
        for wish in ({"aim": "precision=0.2"}, {}, {"written_to_balance": True})
    )
    assert (lax <= usual).all()
    assert not np.allclose(usual, rare)


@pytest.mark.slow
def test_scikit_learns_tools_take_it():
    pipeline = make_pipeline(FunctionTransformer(lambda texts: [text.upper() for text in texts]), NarrativeClassifier())
    assert cross_val_score(pipeline, TEXTS, NAMES, cv=2).mean() > 0.9
    search = GridSearchCV(NarrativeClassifier(), {"strength": [1e-6, 10.0]}, cv=2, scoring="f1_macro")
    assert search.fit(TEXTS, MATRIX).best_params_ == {"strength": 10.0}
    model = clone(search.best_estimator_)
    with pytest.raises(NotFittedError):
        model.predict(ASKED)
    model.fit(TEXTS, MATRIX)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(ASKED), model.predict_proba(ASKED))


@pytest.mark.parametrize(
    ("X", "y", "complaint"),
    [
        ("one text", [1], "X is one text"),
        ([1.5] * 6, [0, 1] * 3, "X holds 1.5, which is not a string"),
        (np.zeros((6, 2)), [0, 1] * 3, "X has 2 dimensions"),
        (TEXTS[:6], [0, 1], "6 texts do not fit 2 rows of y"),
        (TEXTS[:4], [0, 1, 0, 1], "n_samples = 4 is too few"),
        (TEXTS[:6], np.linspace(0, 1, 6), "Unknown label type: continuous"),
        (TEXTS[:6], None, "requires y to be passed"),
    ],
)
def test_what_cannot_be_learned_from_is_a_sentence(X, y, complaint):
    with pytest.raises(ValueError, match=complaint):
        NarrativeClassifier().fit(X, y)


def test_columns_and_ids_must_be_the_codebooks(codebook):
    with pytest.raises(ValueError, match="y has 2 columns, the codebook 3 frames"):
        NarrativeClassifier(codebook).fit(TEXTS, MATRIX)
    with pytest.raises(ValueError, match="y has 'dragon', which the codebook lacks"):
        NarrativeClassifier(codebook).fit(TEXTS, [["dragon"]] * 24)


def test_an_unknown_aim_is_refused_with_the_way_out():
    with pytest.raises(UserError, match="give f1, or a precision"):
        NarrativeClassifier(aim="recall").fit(TEXTS, MATRIX)


@pytest.mark.slow
def test_importing_the_package_does_not_wait_for_scikit_learn():
    code = "import sys, narratives; assert 'sklearn' not in sys.modules; narratives.NarrativeClassifier"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
