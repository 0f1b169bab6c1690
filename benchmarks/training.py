"""Measure the time of training, with folds, calibration and thresholds, and check that two runs give the same bytes.

    python benchmarks/training.py [--paragraphs 5000]

Trains twice on random paragraphs of ``labels/``; writes the figures to ``benchmarks/results/training.json``.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from narratives.labels.gold import Gold
from narratives.model.persistence import save
from narratives.training.fitting import fit
from narratives.training.train import read_gold

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paragraphs", type=int, default=5000)
    options = parser.parse_args()
    labelled = read_gold(HERE.parent / "labels")
    rows = np.random.default_rng(0).permutation(len(labelled))[: options.paragraphs]
    runs = [train(labelled.take(np.sort(rows))) for _ in range(2)]
    results = {
        "paragraphs": len(rows),
        "cores": os.cpu_count(),
        "seconds": [round(seconds, 1) for seconds, _ in runs],
        "same_bytes": runs[0][1] == runs[1][1],
    }
    print(json.dumps(results, indent=1))
    (HERE / "results" / "training.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def train(labelled: Gold) -> tuple[float, str]:
    """Return the seconds of one training and the hash of the model folder that it wrote."""
    started = time.monotonic()
    classifier, figures = fit(labelled)
    seconds = time.monotonic() - started
    with tempfile.TemporaryDirectory() as folder:
        return seconds, save(classifier, Path(folder) / "model", {"figures": figures.as_json()}, figures.table())


if __name__ == "__main__":
    main()
