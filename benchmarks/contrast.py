"""Measures a model on the contrast sets that are held out: a claim, its opposite, its topic, and who says it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES
from narratives.labels.gold import Gold
from narratives.labels.simple_table import read_simple_table
from narratives.model.classifier import Classifier, Predictions
from narratives.tables.table import read_all

SETS = Path(__file__).parent.parent / "tests" / "data" / "contrast-held-out.csv"
LANGUAGES = ("en", "uk", "ru")


def measure_contrast(classifier: Classifier) -> list[dict[str, Any]]:
    """Return the figures of each kind of text, for all languages and for each."""
    gold, columns = read_simple_table(SETS, classifier.codebook), read_all(SETS)
    predictions = classifier.predict_texts(gold.texts)
    kinds = list(dict.fromkeys(columns["kind"]))
    parts = [("all", LANGUAGES), *((language, (language,)) for language in LANGUAGES)]
    return [
        {"kind": kind, "language": name} | _figures(gold, predictions, _rows(columns, kind, languages))
        for kind in kinds
        for name, languages in parts
    ]


def _rows(columns: dict[str, list[str]], kind: str, languages: Sequence[str]) -> NDArray[np.int64]:
    pairs = zip(columns["kind"], columns["language"], strict=True)
    return np.array([row for row, (own, language) in enumerate(pairs) if own == kind and language in languages])


def _figures(gold: Gold, predictions: Predictions, rows: NDArray[np.int64]) -> dict[str, Any]:
    """Return shares of texts, and of the gold pairs of frame and text.

    - ``decided``: texts with a frame that is not left to a person.
    - ``promotes``: texts with a decided frame whose voice is stated as *promotes*.
    - ``found``: gold pairs whose frame is predicted; ``left``: those that are left to a person, frame or voice.
    - ``voice``: of the found pairs, those with the right voice stated.
    """
    decided = predictions.predicted[rows] & ~predictions.human[rows]
    stated = predictions.stated_voices[rows]
    pairs = gold.values[rows] == 1
    found = pairs & predictions.predicted[rows]
    right = found & (stated == gold.voices[rows])
    left = found & (predictions.human[rows] | predictions.unsettled[rows])
    return {
        "n": len(rows),
        "decided": float(decided.any(axis=1).mean()),
        "promotes": float((decided & (stated == VOICES.index("promotes"))).any(axis=1).mean()),
        "found": _share(found, pairs),
        "left": _share(left, found),
        "voice": _share(right, found),
    }


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float | None:
    return float(part.sum() / whole.sum()) if whole.any() else None


def show_contrast(rows: Sequence[dict[str, Any]]) -> None:
    heads = ("decided", "promotes", "found", "left", "voice")
    print(f"\n{'contrast sets, held out':24} {'texts':>6} " + " ".join(f"{head:>9}" for head in heads))
    for row in rows:
        shown = " ".join("        –" if row[head] is None else f"{row[head]:9.2f}" for head in heads)
        print(f"{row['kind']:14} {row['language']:9} {row['n']:6} {shown}")
