"""Each choice of the model with another one in its place, all else as in the product, on the same labels and tables.

A row that is no better than the product's is why the product is as it is. Two choices are about the tables as a whole:
unlabelled text, measured where an archive is at hand, and the kind of calibration.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit
from sklearn.decomposition import TruncatedSVD
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score

from narratives.evaluation.reliability import calibration_error
from narratives.labels.gold import Gold
from narratives.model.calibration import calibrate
from narratives.model.features import Features
from narratives.training.data import read_background
from narratives.training.decision_rule import stream_weights
from narratives.training.features import UNKNOWN, fit_features
from narratives.training.folds import fold_numbers
from narratives.training.frames import ModelSettings, codebook_rows, fit_frames, prior_texts
from steps import PRODUCT, SETTINGS, Floats, Folds, Learned, decided, product, step_figures, stream_rule

ARCHIVE = "archive.csv.gz"


def measure_choices(gold: Gold, tables: dict[str, Gold], archive: Path | None) -> list[dict[str, Any]]:
    """Return for each table a row a choice: the figures of ``steps`` and the calibration error."""
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    found: list[dict[str, Any]] = [{"table": name, "n": len(truth), "rows": []} for name, truth in tables.items()]
    for name, learned, settings in choices(gold, folds, archive):
        sigmoids, thresholds = stream_rule(learned.held_out, learned.values, settings)
        for kept, truth in zip(found, tables.values(), strict=True):
            probabilities = calibrate(learned.score(truth.texts), sigmoids)
            kept["rows"].append({"step": name, **step_figures(decided(truth, probabilities, thresholds))})
        print(f"{name}: done", flush=True)
    return found


def choices(gold: Gold, folds: Folds, archive: Path | None) -> Iterator[tuple[str, Learned, ModelSettings]]:
    """Yield the product, then each other choice, with what it learned and the settings of its thresholds."""
    full = product(gold, folds)
    yield PRODUCT, full, SETTINGS
    for name, settings in rules():
        yield name, full, settings
    for name, settings in fits():
        yield name, product(gold, folds, settings), settings
    yield "C of each frame, by average precision held out", best_strengths(gold, folds), SETTINGS
    for name, change in rows():
        yield name, product(gold, folds, change=change), SETTINGS
    if archive is not None:
        texts = read_background([archive])
        informed = with_background(gold, texts)
        yield "word frequencies of an archive (--unlabelled)", product(gold, folds, change=informed), SETTINGS
        yield "100 latent components of an archive", with_components(gold, folds, texts), SETTINGS


def rules() -> Iterator[tuple[str, ModelSettings]]:
    """Yield other choices of thresholds: the model stays the same."""
    for share in (0.8, 0.9, 0.97):
        yield f"thresholds for {share:.0%} without a frame", replace(SETTINGS, broad_none=share)
    yield "thresholds for the labels as they are", replace(SETTINGS, broad_none=None)
    yield "each frame's own threshold", replace(SETTINGS, shrinkage=0.0)
    yield "one threshold for all frames", replace(SETTINGS, shrinkage=1e9)
    yield "thresholds at the highest F1, not amid its flat top", replace(SETTINGS, plateau=1.0)
    yield "aim precision=0.9", replace(SETTINGS, precision=0.9)


def fits() -> Iterator[tuple[str, ModelSettings]]:
    """Yield other settings of the regressions and the vocabulary."""
    for strength in (3.0, 30.0):
        yield f"C {strength:.0f}", replace(SETTINGS, strength=strength)
    yield "no class weights", replace(SETTINGS, balanced=False)
    for scale in (0.0, 2.0, 8.0):
        yield f"codebook similarity × {scale:.0f}", replace(SETTINGS, prior_scale=scale)
    yield "terms in three texts or more", replace(SETTINGS, min_df=3)


def rows() -> Iterator[tuple[str, Callable[[Features], Features]]]:
    """Yield other weights of the n-grams in a row."""
    for share in (0.0, 1.0):
        yield (
            f"unknown n-grams × {share:.0f}",
            lambda one, s=share: replace(one, unknown_idf=one.unknown_idf / UNKNOWN * s),
        )
    yield "single words, no pairs", single_words
    yield "no inverse document frequency", lambda one: replace(one, idf=np.ones(one.size), unknown_idf=UNKNOWN)


def single_words(features: Features) -> Features:
    """Leave out the pairs of words."""
    kept = [" " not in term for term in features.word_terms] + [True] * len(features.character_terms)
    terms = tuple(term for term in features.word_terms if " " not in term)
    return replace(features, word_terms=terms, idf=features.idf[kept])


def best_strengths(gold: Gold, folds: Folds) -> Learned:
    """Choose among three values of C for each frame."""
    fits = [product(gold, folds, replace(SETTINGS, strength=strength)) for strength in (3.0, 10.0, 30.0)]
    precision = [
        [average_precision(gold.values[:, k], fit.held_out[:, k]) for k in range(len(gold.frames))] for fit in fits
    ]
    best = np.argmax(precision, axis=0).tolist()

    def pick(scores: list[Floats]) -> Floats:
        return np.column_stack([scores[number][:, k] for k, number in enumerate(best)])

    held_out = pick([fit.held_out for fit in fits])
    return Learned(gold.values, held_out, lambda texts: pick([fit.score(texts) for fit in fits]))


def average_precision(values: NDArray[np.int8], scores: Floats) -> float:
    known = values >= 0
    return float(average_precision_score(values[known], scores[known]))


def with_components(gold: Gold, folds: Folds, texts: list[str], number: int = 100) -> Learned:
    """Add the first latent components of unlabelled text to each row (Deerwester et al. 1990)."""
    features = fit_features(gold.texts, prior_texts(gold.codebook), SETTINGS.min_df)
    components = (
        TruncatedSVD(min(number, features.size - 1), random_state=0).fit(features.transform(texts)).components_.T
    )

    def widened(some: list[str]) -> csr_matrix:
        rows = features.transform(some)
        return hstack([rows, csr_matrix(rows @ components)], format="csr")

    priors = codebook_rows(features, gold.codebook)
    wide_priors = hstack([priors, csr_matrix((priors.shape[0], components.shape[1]))], format="csr")
    model, held_out = fit_frames(widened(list(gold.texts)), gold.values, wide_priors, SETTINGS, folds)
    return Learned(gold.values, held_out, lambda some: model.scores(widened(list(some))))


def with_background(gold: Gold, texts: list[str]) -> Callable[[Features], Features]:
    return lambda one: fit_features(gold.texts, prior_texts(gold.codebook), SETTINGS.min_df, texts)


def measure_calibration(gold: Gold, tables: dict[str, Gold]) -> list[dict[str, Any]]:
    """Return for each kind of calibration, learned held out, its expected error and Brier score on each table."""
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    learned = product(gold, folds)
    found = []
    for name, curve in calibrations(learned).items():
        errors = {}
        for table, truth in tables.items():
            p = curve(learned.score(truth.texts))
            brier = float(((p - (truth.values == 1)) ** 2)[truth.values >= 0].mean())
            errors[table] = {
                "calibration_error": round(float(calibration_error(p, truth.values)), 4),
                "brier": round(brier, 4),
            }
        found.append({"calibration": name, "tables": errors})
    return found


def calibrations(learned: Learned) -> dict[str, Callable[[Floats], Floats]]:
    """Return the curves from scores to probabilities, all learned for the product's share without a frame."""
    weights = stream_weights(learned.values, SETTINGS.topical_none)
    sigmoids, _ = stream_rule(learned.held_out, learned.values)
    plain, _ = stream_rule(learned.held_out, learned.values, replace(SETTINGS, topical_none=None))
    return {
        "none: the sigmoid of the score": expit,
        "sigmoid a frame, the labels as they are": lambda scores: calibrate(scores, plain),
        "sigmoid a frame (product)": lambda scores: calibrate(scores, sigmoids),
        "isotonic, all frames together": isotonic(learned, weights, together=True),
        "isotonic a frame": isotonic(learned, weights, together=False),
    }


def isotonic(learned: Learned, weights: Floats, together: bool) -> Callable[[Floats], Floats]:
    """Fit a rising step function (Zadrozny and Elkan 2002) for all frames together, or for each."""
    count = learned.values.shape[1]
    groups = [list(range(count))] if together else [[k] for k in range(count)]
    curves = {k: _isotonic(learned, weights, group) for group in groups for k in group}
    return lambda scores: np.column_stack([curves[k].predict(scores[:, k]) for k in range(count)])


def _isotonic(learned: Learned, weights: Floats, columns: list[int]) -> IsotonicRegression:
    values, scores = learned.values[:, columns], learned.held_out[:, columns]
    known = values >= 0
    cells = np.repeat(weights[:, None], len(columns), axis=1)
    return IsotonicRegression(out_of_bounds="clip").fit(scores[known], values[known] == 1, cells[known])


def show_calibration(found: list[dict[str, Any]]) -> None:
    """Print a row a calibration: expected error / Brier score on each table."""
    tables = list(found[0]["tables"])
    print(f"\n{'calibration: expected error / Brier score':44} " + " ".join(f"{name:>20}" for name in tables))
    for row in found:
        cells = [
            f"{row['tables'][name]['calibration_error']:.3f} / {row['tables'][name]['brier']:.4f}" for name in tables
        ]
        print(f"  {row['calibration']:42} " + " ".join(f"{cell:>20}" for cell in cells))
