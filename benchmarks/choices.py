"""Replaces one design choice of the product at a time (an ablation); labels and tables stay the same.

A row that is no better than the product's row justifies the product's choice. The choices that use unlabelled text are
measured only if there is an archive. Kinds of calibration have a separate table.
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
    """Return for each table one row per choice, with the figures of ``steps.HEADS``."""
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    results: list[dict[str, Any]] = [{"table": name, "n": len(truth), "rows": []} for name, truth in tables.items()]
    for name, learned, settings in choices(gold, folds, archive):
        sigmoids, thresholds = stream_rule(learned.held_out, learned.values, settings)
        for result, truth in zip(results, tables.values(), strict=True):
            probabilities = calibrate(learned.score(truth.texts), sigmoids)
            result["rows"].append({"step": name, **step_figures(decided(truth, probabilities, thresholds))})
        print(f"{name}: done", flush=True)
    return results


def choices(gold: Gold, folds: Folds, archive: Path | None) -> Iterator[tuple[str, Learned, ModelSettings]]:
    """Yield the product, then each alternative: its name, what it learned, and the settings of its thresholds."""
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
    """Yield other rules for thresholds. They need no training: the model stays the same."""
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
    """Yield other ways to weight n-grams."""
    for share in (0.0, 1.0):
        yield (
            f"unknown n-grams × {share:.0f}",
            lambda features, s=share: replace(features, unknown_idf=features.unknown_idf / UNKNOWN * s),
        )
    yield "single words, no pairs", single_words
    yield "no inverse document frequency", without_idf


def without_idf(features: Features) -> Features:
    """Give every n-gram the same weight."""
    return replace(features, idf=np.ones(features.size), unknown_idf=UNKNOWN)


def single_words(features: Features) -> Features:
    """Remove the word bigrams."""
    remains = [" " not in term for term in features.word_terms] + [True] * len(features.character_terms)
    terms = tuple(term for term in features.word_terms if " " not in term)
    return replace(features, word_terms=terms, idf=features.idf[remains])


def best_strengths(gold: Gold, folds: Folds) -> Learned:
    """Choose the C of each frame by its held-out average precision."""
    fits = [product(gold, folds, replace(SETTINGS, strength=strength)) for strength in (3.0, 10.0, 30.0)]
    precision = [
        [average_precision(gold.values[:, k], fit.held_out[:, k]) for k in range(len(gold.frames))] for fit in fits
    ]
    best = np.argmax(precision, axis=0).tolist()

    def pick(scores: list[Floats]) -> Floats:
        return np.column_stack([scores[fit][:, k] for k, fit in enumerate(best)])

    held_out = pick([fit.held_out for fit in fits])
    return Learned(gold.values, held_out, lambda texts: pick([fit.score(texts) for fit in fits]))


def average_precision(values: NDArray[np.int8], scores: Floats) -> float:
    """Return the average precision of one frame over the rows whose value is known."""
    known = values >= 0
    return float(average_precision_score(values[known], scores[known]))


def with_components(gold: Gold, folds: Folds, texts: list[str], count: int = 100) -> Learned:
    """Append to each row its first latent components, learned from unlabelled text (Deerwester et al. 1990)."""
    features = fit_features(gold.texts, prior_texts(gold.codebook), SETTINGS.min_df)
    components = (
        TruncatedSVD(min(count, features.size - 1), random_state=0).fit(features.transform(texts)).components_.T
    )

    def widened(batch: list[str]) -> csr_matrix:
        rows = features.transform(batch)
        return hstack([rows, csr_matrix(rows @ components)], format="csr")

    priors = codebook_rows(features, gold.codebook)
    wide_priors = hstack([priors, csr_matrix((priors.shape[0], components.shape[1]))], format="csr")
    model, held_out = fit_frames(widened(list(gold.texts)), gold.values, wide_priors, SETTINGS, folds)
    return Learned(gold.values, held_out, lambda batch: model.scores(widened(list(batch))))


def with_background(gold: Gold, texts: list[str]) -> Callable[[Features], Features]:
    """Return a function that fits the features again, with document frequencies of unlabelled texts added."""
    return lambda _: fit_features(gold.texts, prior_texts(gold.codebook), SETTINGS.min_df, texts)


def measure_calibration(gold: Gold, tables: dict[str, Gold]) -> list[dict[str, Any]]:
    """Return the expected calibration error and the Brier score of each kind of calibration on each table.

    Each calibration is fitted to held-out scores.
    """
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    learned = product(gold, folds)
    results = []
    for name, curve in calibrations(learned).items():
        errors = {}
        for table, truth in tables.items():
            p = curve(learned.score(truth.texts))
            brier = float(((p - (truth.values == 1)) ** 2)[truth.values >= 0].mean())  # unknown cells do not count
            errors[table] = {
                "calibration_error": round(float(calibration_error(p, truth.values)), 4),
                "brier": round(brier, 4),
            }
        results.append({"calibration": name, "tables": errors})
    return results


def calibrations(learned: Learned) -> dict[str, Callable[[Floats], Floats]]:
    """Return functions from scores to probabilities, fitted to held-out scores.

    All but the first two weight rows as the product does, for its share of rows without a frame.
    """
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
    """Fit an isotonic regression (Zadrozny and Elkan 2002): one for all frames together, or one per frame."""
    count = learned.values.shape[1]
    groups = [list(range(count))] if together else [[k] for k in range(count)]
    curves = {k: _isotonic(learned, weights, group) for group in groups for k in group}
    return lambda scores: np.column_stack([curves[k].predict(scores[:, k]) for k in range(count)])


def _isotonic(learned: Learned, weights: Floats, columns: list[int]) -> IsotonicRegression:
    values, scores = learned.values[:, columns], learned.held_out[:, columns]
    known = values >= 0
    cells = np.repeat(weights[:, None], len(columns), axis=1)
    return IsotonicRegression(out_of_bounds="clip").fit(scores[known], values[known] == 1, cells[known])


def show_calibration(results: list[dict[str, Any]]) -> None:
    """Print one row per calibration: expected error / Brier score on each table."""
    tables = list(results[0]["tables"])
    print(f"\n{'calibration: expected error / Brier score':44} " + " ".join(f"{name:>20}" for name in tables))
    for row in results:
        cells = [
            f"{row['tables'][name]['calibration_error']:.3f} / {row['tables'][name]['brier']:.4f}" for name in tables
        ]
        print(f"  {row['calibration']:42} " + " ".join(f"{cell:>20}" for cell in cells))
