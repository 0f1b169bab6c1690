"""Owns the model card: a page, made from the manifest and the figures, on what a model is and how far to trust it."""

from typing import Any

from narratives.classifier import Classifier
from narratives.evaluation import Evaluation

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


def model_card(classifier: Classifier, figures: Evaluation, made_from: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(made_from["libraries"].items()))
    version = classifier.codebook.version or "–"
    lines = [
        f"- {figures.n} paragraphs, {len(classifier.frames)} frames, codebook version {version}",
        *(f"- {name}, SHA-256 {digest}" for name, digest in sorted(made_from["labels"].items())),
        f"- seed {made_from['seed']}; {libraries}",
        "- the development tables of real text were used to choose methods and to look at errors, never to train",
    ]
    return _HEAD + "\n".join(lines) + "\n" + _FIGURES + figures.table() + "\n```\n"
