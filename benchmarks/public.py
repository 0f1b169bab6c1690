"""Cross-validates the product with its defaults on the train files of two public tasks that have their own taxonomies.

SemEval-2025 Task 10 (narratives of news articles, coarse and fine) and UNLP 2025 (manipulation techniques of posts).
"""

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives.evaluation.metrics import macro_f1, micro_f1, samples_f1
from narratives.evaluation.report import plain
from narratives.labels.gold import Gold
from narratives.labels.simple_table import read_simple_table
from narratives.model.calibration import calibrate
from narratives.tables.table import read_all
from narratives.text.paragraphs import split
from narratives.training.folds import fold_numbers
from narratives.training.train import settings_for
from steps import mean_average_precision, product, stream_rule

SEMEVAL, UNLP = "semeval-2025-task10-train.csv", "unlp-2025-train.csv"
COARSE, FINE, TECHNIQUES = "SemEval-2025 Task 10, coarse", "SemEval-2025 Task 10, fine", "UNLP 2025, ten techniques"
FIGURES = {"samples_f1": "samples-F1", "macro_f1": "macro-F1", "micro_f1": "micro-F1"}
# How the scores of paragraphs, sorted in descending order for each frame, become those of a document.
COMBINED = {
    "by paragraph, the highest": lambda scores: scores[0],
    "by paragraph, mean of the three highest": lambda scores: scores[:3].mean(axis=0),
    "by paragraph, mean": lambda scores: scores.mean(axis=0),
}
PUBLISHED = {
    (COARSE, "en"): "samples-F1, development set: XLM-R .491, another encoder .402, TF-IDF .524; test set, second .55",
    (COARSE, "ru"): "samples-F1, development set: XLM-R .587, another encoder .536, TF-IDF .569",
    (FINE, "en"): "samples-F1, development set: XLM-R .317, another encoder .349; test set, second .43",
    (FINE, "ru"): "samples-F1, development set: XLM-R .291, another encoder .348",
    (TECHNIQUES, "all"): "macro-F1: TF-IDF .32-.37, XLM-R large .43-.46, winner .49 (hidden test)",
}


def measure_public(data: Path) -> list[dict[str, Any]]:
    """Return the figures of each task whose file is in the folder; print which file is missing."""
    rows = []
    for name in (SEMEVAL, UNLP):
        path = data / name
        if not path.exists():
            print(f"{path} is missing; left out")
        elif name == UNLP:
            rows += task_rows(TECHNIQUES, path)
        else:
            rows += task_rows(COARSE, path)
            with tempfile.TemporaryDirectory() as folder:
                rows += task_rows(FINE, fine_table(path, Path(folder)))
    return rows


def fine_table(path: Path, folder: Path) -> Path:
    """Write the table to ``folder`` with its sub-narratives as frames."""
    columns = read_all(path)
    columns["frames"] = columns.pop("subframes")
    with (folder / "fine.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return folder / "fine.csv"


def task_rows(task: str, path: Path) -> list[dict[str, Any]]:
    """Return the cross-validated figures of one table: for all rows, and for each language."""
    gold = read_simple_table(path)
    predicted = held_out_decisions(gold, path)
    parts = {"all": np.ones(len(gold), bool)}
    parts |= {language: np.array(gold.languages) == language for language in sorted(set(gold.languages))}
    rows = []
    for part, selected in parts.items():
        both = gold.values[selected], predicted[selected]
        metrics = {"samples_f1": samples_f1, "macro_f1": macro_f1, "micro_f1": micro_f1}
        figures = {name: float(metric(*both)) for name, metric in metrics.items()}
        head = {"task": task, "part": part, "n": int(selected.sum()), "frames": len(gold.frames)}
        rows.append(head | plain(figures) | {"published": PUBLISHED.get((task, part), "")})
    print(f"{task}: done", flush=True)
    return rows


def held_out_decisions(gold: Gold, path: Path) -> NDArray[np.bool_]:
    """Return for each row the decisions of a model whose weights and thresholds have not seen it.

    ``narratives.training.fitting.fit`` makes the same decisions, but its figures have no samples-F1 by language.
    """
    settings = settings_for(path)
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    scores = product(gold, folds, settings).held_out
    predicted = np.zeros(gold.values.shape, bool)
    for fold in np.unique(folds):
        held = folds == fold
        sigmoids, thresholds = stream_rule(scores[~held], gold.values[~held], settings)
        predicted[held] = calibrate(scores[held], sigmoids) >= thresholds
    return predicted


def measure_documents(path: Path) -> dict[str, float]:
    """Return the held-out mean average precision of ways to score a document, whole or by paragraph.

    The model is trained on whole documents each time.
    """
    gold, settings = read_simple_table(path), settings_for(path)
    folds = fold_numbers(gold.texts, gold.groups, gold.values, 0)
    scores = {name: np.zeros(gold.values.shape) for name in ("whole", *COMBINED)}
    for fold in np.unique(folds):
        score = product(gold.take(np.flatnonzero(folds != fold)), folds[folds != fold], settings).score
        for row in np.flatnonzero(folds == fold).tolist():
            by_paragraph = score([paragraph.text for paragraph in split(gold.texts[row])] or [""])
            scores["whole"][row] = score([gold.texts[row]])[0]
            for name, combine in COMBINED.items():
                scores[name][row] = combine(np.sort(by_paragraph, axis=0)[::-1])
    return {name: round(mean_average_precision(gold.values, ranked), 4) for name, ranked in scores.items()}


def show_documents(precision: dict[str, float]) -> None:
    """Print the ways to score a document side by side."""
    ways = ", ".join(f"{name} {value:.3f}" for name, value in precision.items())
    print(f"\n{COARSE}: trained on whole documents, mean average precision when scored: {ways}")


def show_public(rows: list[dict[str, Any]]) -> None:
    """Print the figures of the public tasks beside published ones."""
    print(f"\n{'public tasks, five-fold on the train file':42} {'rows':>5} ", end="")
    print(" ".join(f"{head:>10}" for head in FIGURES.values()) + "  published")
    for row in rows:
        values = " ".join("         –" if row[key] is None else f"{row[key]:10.3f}" for key in FIGURES)
        name = f"{row['task']}, {row['part']}"
        print(f"{name:42} {row['n']:5} {values}  {row['published']}")
