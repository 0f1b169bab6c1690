"""Measure the learning curve: train on nested random shares of ``labels/``, evaluate on real text.

    python benchmarks/curve.py [--data FOLDER] [--shares 0.05 0.1 …] [--seed N]

Prints macro-F1 and mean average precision for each share, and the average precision of each frame, which shows which
frames would still gain from more labels. Writes the same to ``benchmarks/results/curve.json``.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from narratives.evaluation.evaluation import Evaluation, evaluate
from narratives.evaluation.run import predict_gold
from narratives.labels.gold import Gold
from narratives.labels.simple_table import read_simple_table
from narratives.training.fitting import fit
from narratives.training.train import read_gold

HERE = Path(__file__).parent
TABLES = ("real-dev.csv", "real-dev-random.csv")
SHARES = (0.0625, 0.125, 0.25, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    labelled = read_gold(HERE.parent / "labels")
    tables = [options.data / name for name in TABLES if (options.data / name).exists()]
    if not tables:
        raise SystemExit(f"{options.data} has neither {' nor '.join(TABLES)}; name their folder with --data")
    order = np.random.default_rng(options.seed).permutation(len(labelled))
    rows = [point(labelled.take(order[: round(share * len(order))]), tables) for share in sorted(options.shares)]
    show(rows)
    path = HERE / "results" / "curve.json"
    path.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"\nwritten to {path.relative_to(HERE.parent)}")


def point(part: Gold, tables: list[Path]) -> dict[str, Any]:
    """Train on a part of the labels and return its figures on the English rows of each table."""
    classifier, _ = fit(part)
    measured = {}
    for path in tables:
        truth = read_simple_table(path, part.codebook)
        english = np.flatnonzero(np.array(truth.languages) == "en")
        measured[path.name] = figures(evaluate(predict_gold(classifier, truth.take(english))))
    print(f"{len(part)} paragraphs done", flush=True)
    return {"paragraphs": len(part), "tables": measured}


def figures(measured: Evaluation) -> dict[str, Any]:
    frames = {frame: round(metrics.average_precision, 4) for frame, metrics in measured.frames.items()}
    return {
        "macro_f1": round(measured.macro_f1, 4),
        "mean_average_precision": round(measured.mean_average_precision, 4),
        "average_precision": frames,
    }


def show(rows: list[dict[str, Any]]) -> None:
    for table in rows[0]["tables"]:
        print(f"\n{table}, English{'':20}" + " ".join(f"{row['paragraphs']:>7}" for row in rows))
        for name in ("macro_f1", "mean_average_precision"):
            print(f"{name:40}" + " ".join(f"{row['tables'][table][name]:7.3f}" for row in rows))
        for frame in rows[-1]["tables"][table]["average_precision"]:
            values = [row["tables"][table]["average_precision"][frame] for row in rows]
            print(f"  {frame:38}" + " ".join(f"{value:7.3f}" for value in values))


if __name__ == "__main__":
    main()
