"""Simulate labelling: how many labels reach 90 % of the final F1, in the order of the queue and in random order.

    python benchmarks/queue_gain.py [--data FOLDER] [--seeds 3]

Runs on ``labels/`` and, if the file is there, on the posts of UNLP 2025. One fold is held out; the rest is the pool.
Starts with random paragraphs, then repeats: train a model, order the pool by the queue (or at random), label the first
paragraphs with their gold.

Macro-F1 uses the thresholds of each model. A training set full of uncertain cases, such as the queue selects, distorts
them; therefore "at best" uses the best thresholds for the held-out part, which compares the rankings alone.
Writes the curves to ``benchmarks/results/queue_gain.json``.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from narratives.annotation.queue import FrameState, QueueOptions, Unread, select
from narratives.errors import UserError
from narratives.evaluation.metrics import macro_f1
from narratives.evaluation.run import predict_gold
from narratives.labels.gold import Gold
from narratives.labels.simple_table import read_simple_table
from narratives.model.classifier import Classifier
from narratives.training.fitting import fit
from narratives.training.folds import fold_numbers
from narratives.training.frames import AS_IT_IS, ModelSettings
from narratives.training.train import read_gold
from steps import best_thresholds, mean_average_precision

HERE = Path(__file__).parent
UNLP = "unlp-2025-train.csv"
STEPS = (100, 200, 300, 400, 600, 800, 1100, 1500, 2000)
Rows = np.ndarray
Order = Callable[[Gold, Rows, Rows, Classifier, int], Rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    sets = {"labels/": (read_gold(HERE.parent / "labels"), ModelSettings())}
    if (options.data / UNLP).exists():
        sets["UNLP 2025"] = (read_simple_table(options.data / UNLP), AS_IT_IS)
    else:
        print(f"{options.data / UNLP} is missing; left out")
    results = {name: simulate(gold, settings, options.seeds) for name, (gold, settings) in sets.items()}
    show(results)
    (HERE / "results" / "queue_gain.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def simulate(gold: Gold, settings: ModelSettings, seeds: int, steps: tuple[int, ...] = STEPS) -> dict[str, Any]:
    """Return for each order the mean FIGURES at each number of labels, and the labels that reach 90 % of the final."""
    result: dict[str, Any] = {"steps": list(steps), "orders": {}}
    finals = []
    curves: dict[str, list[list[list[float]]]] = {name: [] for name in ORDERS}
    for seed in range(seeds):
        folds = fold_numbers(gold.texts, gold.groups, gold.values, seed)
        pool, held_out = np.flatnonzero(folds != 0), gold.take(np.flatnonzero(folds == 0))
        finals.append(figures(fit(gold.take(pool), seed, settings=settings)[0], held_out))
        for name, order in ORDERS.items():
            curves[name].append(curve(gold, pool, held_out, order, settings, (seed, steps)))
        print(f"seed {seed} done", flush=True)
    final = np.mean(finals, axis=0)
    result |= {"final": dict(zip(FIGURES, np.round(final, 4).tolist(), strict=True)), "pool": len(pool)}
    for name, points in curves.items():
        means = np.mean(points, axis=0).T
        result["orders"][name] = {
            figure: {
                "curve": np.round(mean, 4).tolist(),
                "labels_to_90_percent": labels_to_reach(0.9 * goal, steps, mean),
            }
            for figure, mean, goal in zip(FIGURES, means, final, strict=True)
        }
    return result


def curve(
    gold: Gold,
    pool: Rows,
    held_out: Gold,
    order: Order,
    settings: ModelSettings,
    plan: tuple[int, tuple[int, ...]],
) -> list[list[float]]:
    """Return the FIGURES on ``held_out`` at each number of labels. ``plan`` is the seed and the numbers of labels."""
    seed, steps = plan
    labelled = np.random.default_rng(seed).permutation(pool)[: steps[0]]
    points: list[list[float]] = []
    for count, following in zip(steps, [*steps[1:], 0], strict=True):
        try:
            classifier = fit(gold.take(labelled), seed, settings=settings)[0]
        except UserError:  # the first few labels may carry no frame at all
            points.append([0.0] * len(FIGURES))
            labelled = np.random.default_rng(seed).permutation(pool)[:following]
            continue
        points.append(figures(classifier, held_out))
        if following:
            rest = np.setdiff1d(pool, labelled)
            labelled = np.concatenate([labelled, order(gold, labelled, rest, classifier, seed)[: following - count]])
    return points


def at_random(gold: Gold, labelled: Rows, rest: Rows, classifier: Classifier, seed: int) -> Rows:
    """Return ``rest`` in random order."""
    return np.random.default_rng(seed + len(labelled)).permutation(rest)


def by_the_queue(gold: Gold, labelled: Rows, rest: Rows, classifier: Classifier, seed: int) -> Rows:
    """Return ``rest`` in the order of the product's queue."""
    texts = tuple(gold.texts[row] for row in rest)
    unread = Unread(tuple(map(str, rest)), texts, classifier.predict_proba(texts))
    positives = (gold.values[labelled] == 1).sum(axis=0)
    state = FrameState(classifier.frames, classifier.thresholds, positives)
    return np.array([int(entry.paragraph_id) for entry in select(unread, state, options=QueueOptions(seed=seed))])


ORDERS: dict[str, Order] = {"random": at_random, "queue": by_the_queue}


def figures(classifier: Classifier, held_out: Gold) -> list[float]:
    """Return the values of FIGURES, in their order."""
    measured = predict_gold(classifier, held_out)
    best = best_thresholds(measured.probabilities, measured.values)
    return [
        float(macro_f1(measured.values, measured.predicted)),
        float(macro_f1(measured.values, measured.probabilities >= best)),
        mean_average_precision(measured.values, measured.probabilities),
    ]


FIGURES = ("macro_f1", "macro_f1_at_best", "mean_average_precision")


def labels_to_reach(goal: float, steps: tuple[int, ...], mean: np.ndarray) -> int | None:
    """Return the number of labels at which the curve first reaches ``goal``, interpolated between two steps.

    None if it never does.
    """
    best = np.maximum.accumulate(mean)
    above = np.flatnonzero(best >= goal)
    if not len(above):
        return None
    first = int(above[0])
    if first == 0:
        return steps[0]
    low, high = best[first - 1], best[first]
    return round(steps[first - 1] + (steps[first] - steps[first - 1]) * (goal - low) / (high - low))


def show(results: dict[str, Any]) -> None:
    for name, result in results.items():
        for figure in FIGURES:
            print(f"\n{name}, {figure}: with all {result['pool']} labels {result['final'][figure]:.3f}")
            print(f"{'labels':10}" + "".join(f"{step:8d}" for step in result["steps"]) + "   to reach 90 %")
            for order, curves in result["orders"].items():
                cells = "".join(f"{point:8.3f}" for point in curves[figure]["curve"])
                print(f"{order:10}{cells}   {curves[figure]['labels_to_90_percent'] or 'not reached'}")


if __name__ == "__main__":
    main()
