"""Writes the model card: what a model is, what it was trained on, and how far to trust it."""

from typing import Any

import numpy as np

from narratives.evaluation.evaluation import BandMetrics, Evaluation
from narratives.evaluation.reliability import Bin, Word
from narratives.evaluation.report import shown
from narratives.labels.statistics import markdown_table
from narratives.model.classifier import Classifier

_HEAD = """\
# Model card

A linear model (TF-IDF of words 1-2 and characters 3-5, logistic regression for each frame, the codebook as prior) that
predicts which narrative frames of a codebook a paragraph conveys, and whether the paragraph promotes, reports or rebuts
the claim. It finds claims that the codebook names. It does not judge truth, intent, authorship or coordination: a
prediction is a lead for a person, never a verdict on a writer.

## Training data
"""

_FIGURES = """
## Metrics by cross-validation on its own labels
Near-duplicates and rows of one document stay in one fold. Calibration and thresholds of each fold come from the other
folds. The labels are not a sample of a real stream: expect lower scores on real text, and measure them with
`narratives evaluate --on TABLE`.

```
"""

_FIGURES_OF_A_SAMPLE = """
## Metrics on text drawn at random
Of the {n} paragraphs that were drawn at random, each was scored by a model that had seen nothing of its source, where
sources are known. Calibration and thresholds of each fold come from the other folds. A stream of another kind can
differ: measure it with `narratives evaluate --on TABLE`.

```
"""

_FIGURES_OF_CHANGE = """
## Metrics by cross-validation on the labels that are new
Trained from {prior}: only what the new labels change was fitted. The figures are those on the new labels, by models
that have not seen them; without new labels, those of {prior}. Measure real text with `narratives evaluate --on TABLE`.

```
"""

_REAL_TEXT = """\
- real paragraphs of public collections, read by language models by the codebook, one in ten twice; the texts belong to
  others and are not in the model, which holds words, two adjacent words and parts of words that at least three of these
  paragraphs from two documents share, or that the project's own paragraphs have (labels/README.md)
"""

_RELIABILITY = """
## Calibration
All paragraphs and frames by predicted probability, from the same cross-validation (Naeini et al. 2015). Where the two
middle columns agree, the probabilities can be taken at face value; a bin of few cells tells little.
{stream}
"""


# What thresholds rest on, by the manifest's word for it; where a model was trained from another, the second table.
_BASIS = {
    "random": "Thresholds are from {paragraphs:,} paragraphs drawn at random.",
    "table": "Thresholds are from all {paragraphs:,} rows of the table, taken as a sample.",
    "labels": "Thresholds are from all {paragraphs:,} labelled paragraphs, weighted as a stream in which {none:.0%} "
    "have no frame.",
}
_BASIS_OF_CHANGE = {
    "random": "Thresholds are those of the shipped model, moved by {paragraphs:,} new paragraphs drawn at random.",
    "table": "Thresholds are those of the shipped model, moved by all {paragraphs:,} new rows of the table, taken as a "
    "sample.",
    "prior": "Thresholds are kept from the shipped model: {needed} new paragraphs drawn at random would move them, and "
    "there are {paragraphs}.",
}
_BASIS_OF_ADDED = " Those of frames that it lacks ({added}) are from all labelled paragraphs."


_STREAM = """\
Probabilities are calibrated for a stream in which {none:.0%} of the paragraphs have no frame. Fewer of the labelled
paragraphs have none, so the share right is higher among them than the mean predicted.
"""


def model_card(classifier: Classifier, figures: Evaluation, made_from: dict[str, Any]) -> str:
    """Return the model card as Markdown.

    - ``figures``: the cross-validated evaluation
    - ``made_from``: the manifest of the model
    """
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(made_from["libraries"].items()))
    version = classifier.codebook.version or "–"
    lines = [
        f"- {made_from.get('paragraphs', figures.n)} paragraphs",
        f"- {len(classifier.frames)} frames, codebook version {version}",
        *(f"- {name}, SHA-256 {digest}" for name, digest in sorted(made_from["labels"].items())),
        *(
            f"- unlabelled text, for how common words are: {name}, SHA-256 {digest}"
            for name, digest in sorted(made_from["unlabelled"].items())
        ),
        f"- seed {made_from['seed']}; {libraries}",
        *(f"- {remark}" for remark in [thresholds_remark(made_from)] if remark),
        "- development tables of real text were used to choose methods and to look at errors, never to train",
    ]
    licences = made_from.get("licences", {})
    lines += [f"- collection {name}: {licence}" for name, licence in sorted(licences.items())]
    made_of = "\n".join(lines) + "\n" + (_REAL_TEXT if licences else "")
    curve = _curve(figures.reliability, figures.words, made_from["settings"]["frames"]["topical_none"])
    return (
        _HEAD + made_of + _introduction(figures, made_from) + figures.table() + "\n```\n" + curve + _band(figures.band)
    )


def _introduction(figures: Evaluation, made_from: dict[str, Any]) -> str:
    if "prior" in made_from:
        return _FIGURES_OF_CHANGE.format(prior=made_from["prior"])
    return _FIGURES_OF_A_SAMPLE.format(n=figures.n) if made_from.get("random") else _FIGURES


def _curve(bins: tuple[Bin, ...], words: tuple[Word, ...], none_share: float | None) -> str:
    rows = [
        [f"{part.low:.1f} to {part.high:.1f}", shown(part.probability), shown(part.share), part.cells] for part in bins
    ]
    table = markdown_table(["probability", "mean predicted", "share right", "cells"], rows)
    said = [[word.term, shown(word.probability), shown(word.share), word.cells] for word in words]
    by_term = markdown_table(["in words", "mean predicted", "share right", "cells"], said) + "\n" if said else ""
    return _RELIABILITY.format(stream=stream_remark(none_share)) + table + "\n\n" + by_term


def stream_remark(none_share: float | None) -> str:
    """Return the note on probabilities calibrated for a stream with this share of paragraphs without a frame."""
    return "" if none_share is None else _STREAM.format(none=none_share)


def thresholds_remark(made_from: dict[str, Any]) -> str:
    """Return a sentence on what the thresholds of a model rest on; empty if its manifest does not say it.

    ``made_from`` is the manifest. Older ones have only the number of paragraphs drawn at random.
    """
    random = made_from.get("random")
    basis = made_from.get("thresholds") or ({"from": "random", "paragraphs": random} if random else None)
    if basis is None:
        return ""
    none = made_from.get("settings", {}).get("frames", {}).get("broad_none")
    sentence = (_BASIS_OF_CHANGE if "prior" in made_from else _BASIS)[basis["from"]]
    return (sentence + (_BASIS_OF_ADDED if basis.get("added") else "")).format(**basis, none=none)


def _band(band: BandMetrics) -> str:
    return (
        "\n## Cases for a person\n"
        "Cases in the band around a threshold go to a person. Of the decisions *yes* that the model makes itself, "
        f"{_percent(band.precision_of_yes)} are right.\nThey keep {_percent(band.recall_kept)} of the true positives "
        "that thresholds alone would find (cross-validated).\n"
    )


def _percent(share: float) -> str:
    return f"{share:.1%}" if np.isfinite(share) else "–"
