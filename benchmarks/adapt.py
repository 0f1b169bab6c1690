"""Simulate a user whose stream the model has not seen: it is retrained on 100, 300 and 1,000 labels of that stream.

    python benchmarks/adapt.py [--data FOLDER] [--streams NAME ...]

Trains a model without some collections, then retrains it on labels drawn at random from one of them and measures
micro-F1 on the rest of its random paragraphs, with thresholds kept and, from 150 labels on, chosen on these labels.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from field import ROOT, training_rows
from narratives.evaluation.metrics import micro_f1
from narratives.labels.gold import Gold
from narratives.model.classifier import Classifier
from narratives.training.fitting import fit
from narratives.training.frames import ModelSettings
from narratives.training.prior.adapting import Prior, fit_change
from narratives.training.prior.known import fingerprints

STREAMS = ("thinktanks-en", "1tv", "ukr-fake-true-telegram-uk", "vox")
SIZES = (100, 300, 1000)
RUNS = 3  # draws of each size
MEASURED = 0.4  # share of a stream's random paragraphs that is measured and never trained on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the collections")
    parser.add_argument("--streams", nargs="+", default=STREAMS, help="the collections that the model has not seen")
    options = parser.parse_args()
    gold = training_rows(options.data)[0]
    streams = np.array(gold.streams)
    seen = gold.take(np.flatnonzero(~np.isin(streams, options.streams)))
    prior = Prior(fit(seen, settings=ModelSettings(strength=2.0))[0], fingerprints(seen), {})
    rows = [row for name in options.streams for row in simulate(prior, random_part(gold, streams == name), name)]
    print(tabulate(rows, "keys", tablefmt="pipe", floatfmt=".3f"))
    kept = Path(__file__).parent / "results" / "adapt.json"
    kept.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def random_part(gold: Gold, chosen: np.ndarray) -> Gold:
    return gold.take(np.flatnonzero(chosen & (np.array(gold.how) == "random")))


def simulate(prior: Prior, stream: Gold, name: str) -> list[dict[str, Any]]:
    """Return micro-F1 of the known model and, for each number of labels, the mean of the retrained ones."""
    order = np.random.default_rng(0).permutation(len(stream))
    border = int(MEASURED * len(stream))
    measured, pool = stream.take(order[:border]), order[border:]
    before = quality(prior.classifier, measured)
    rows = []
    for size in [size for size in SIZES if size <= len(pool)] or [len(pool)]:
        draws = [np.random.default_rng(run).permutation(pool)[:size] for run in range(RUNS)]
        own = [stream.take(draw) for draw in draws]
        kept, chosen = (
            float(np.mean([quality(fit_change(prior, labels)[0], measured) for labels in sets]))
            for sets in ([replace(labels, how=()) for labels in own], own)
        )
        rows.append(
            {"stream": name, "labels": size, "measured on": border, "shipped": before, "kept": kept, "chosen": chosen}
        )
    return rows


def quality(classifier: Classifier, gold: Gold) -> float:
    return float(micro_f1(gold.values, classifier.predict_texts(gold.texts).predicted))


if __name__ == "__main__":
    main()
