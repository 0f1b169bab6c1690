"""Owns the model card: a page, made from the manifest and the figures, on what a model is and how far to trust it."""

from typing import Any

import numpy as np

from narratives.evaluation.evaluation import BandMetrics, Evaluation
from narratives.evaluation.reliability import Bin
from narratives.evaluation.report import shown
from narratives.labels.statistics import markdown_table
from narratives.model.classifier import Classifier

_HEAD = """\
# Model card

A linear model (TF-IDF of words 1-2 and characters 3-5, logistic regression for each frame, the codebook as prior) that
says which narrative frames of a codebook a paragraph conveys, and whether the paragraph promotes, reports or rebuts
the claim. It finds claims that a codebook names. It does not judge truth, intent, authorship or coordination: a hit is
a lead for a person, never a verdict on a writer.

## What it was made from
"""

_FIGURES = """
## Figures by cross-validation on its own labels
Five folds; near-copies and rows of one document stay together; calibration and thresholds of each fold come from the
other folds. The labels are not a sample of a real stream: on real text expect less, and measure it with
`narratives evaluate --on TABLE`.

```
"""

_RELIABILITY = """
## How far its probabilities keep their word
All paragraphs and frames in ten bins of the predicted probability, by the same cross-validation (Naeini et al. 2015).
Where the two middle columns agree, a probability is what it says; a bin of few cells says little.
{stream}
"""


_STREAM = """\
Probabilities are made for a stream in which {none:.0%} of the paragraphs carry no frame. The labels hold fewer such
paragraphs, so that among them the share right is higher than what is predicted.
"""


def model_card(classifier: Classifier, figures: Evaluation, made_from: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(made_from["libraries"].items()))
    version = classifier.codebook.version or "–"
    lines = [
        f"- {figures.n} paragraphs, {len(classifier.frames)} frames, codebook version {version}",
        *(f"- {name}, SHA-256 {digest}" for name, digest in sorted(made_from["labels"].items())),
        *(
            f"- unlabelled text, for how common words are: {name}, SHA-256 {digest}"
            for name, digest in sorted(made_from["unlabelled"].items())
        ),
        f"- seed {made_from['seed']}; {libraries}",
        "- the development tables of real text were used to choose methods and to look at errors, never to train",
    ]
    made_of = "\n".join(lines) + "\n"
    curve = _curve(figures.reliability, made_from["settings"]["frames"]["topical_none"])
    return _HEAD + made_of + _FIGURES + figures.table() + "\n```\n" + curve + _band(figures.band)


def _curve(bins: tuple[Bin, ...], none_share: float | None) -> str:
    rows = [
        [f"{part.low:.1f} to {part.high:.1f}", shown(part.probability), shown(part.share), part.cells] for part in bins
    ]
    table = markdown_table(["probability", "mean predicted", "share right", "cells"], rows)
    return _RELIABILITY.format(stream=stream_remark(none_share)) + table + "\n"


def stream_remark(none_share: float | None) -> str:
    """Return what to know of probabilities that are made for a stream with this share of paragraphs without a frame."""
    return "" if none_share is None else _STREAM.format(none=none_share)


def _band(band: BandMetrics) -> str:
    return (
        "\n## What it leaves to a person\n"
        "Cases in the band around a threshold go to a person. Of what the model decides *yes* by itself, "
        f"{_percent(band.precision_of_yes)} is right;\nthat keeps {_percent(band.recall_kept)} of the right finds "
        "of the thresholds alone (cross-validated).\n"
    )


def _percent(share: float) -> str:
    return f"{share:.1%}" if np.isfinite(share) else "–"
