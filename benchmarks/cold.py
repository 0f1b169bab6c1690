"""Measure the cold start: how well a model ranks real paragraphs for a frame that has few labels or none.

    python benchmarks/cold.py [--data FOLDER] [--seed N]

Treats every frame as new: all readings say "no" to it, as readings under an older codebook do. Prints the mean average
precision on real English paragraphs with the definition and cues alone, with the codebook's examples too, and with the
first labels. Writes the same to ``benchmarks/results/cold.json``.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from narratives.codebook.frames import bare
from narratives.labels.gold import UNKNOWN, Gold
from narratives.labels.simple_table import read_simple_table
from narratives.training.data import with_examples
from narratives.training.features import fit_features
from narratives.training.frames import YOUNG, ModelSettings, codebook_rows, fit_frames, prior_texts
from narratives.training.train import read_gold
from steps import mean_average_precision

HERE = Path(__file__).parent
TABLE = "real-dev.csv"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    path = options.data / TABLE
    if not path.exists():
        raise SystemExit(f"{path} does not exist; name the folder of {TABLE} with --data")
    labelled = read_gold(HERE.parent / "labels")
    truth = read_simple_table(path, labelled.codebook)
    rows = measure(labelled, truth.take(np.flatnonzero(np.array(truth.languages) == "en")), options.seed)
    for row in rows:
        print(f"{row['known']:58} {row['mean_average_precision']:.3f}")
    (HERE / "results" / "cold.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def measure(labelled: Gold, truth: Gold, seed: int) -> list[dict[str, str | float]]:
    """Return the mean average precision on ``truth`` for each amount of knowledge."""
    return [
        {"known": name, "mean_average_precision": round(mean_average_precision(truth.values, scores(gold, truth)), 4)}
        for name, gold in states(labelled, seed)
    ]


def states(labelled: Gold, seed: int) -> Iterator[tuple[str, Gold]]:
    """Yield training data that knows more and more of each frame, from the definition alone to all labels."""
    nothing = replace(labelled, values=np.full_like(labelled.values, UNKNOWN))
    older = replace(labelled, values=np.zeros_like(labelled.values))
    yield "definition and cues alone", nothing
    yield "five examples alone, no definition", replace(with_examples(older, YOUNG), codebook=bare(labelled.frames))
    yield "definition, cues and examples; older readings say no", with_examples(older, YOUNG)
    for number in (5, 10, 20, 40, 80):
        first = replace(labelled, values=first_labels(labelled.values, number, seed))
        yield f"the same and {number} labels that carry it", with_examples(first, YOUNG)
    yield "all labels", labelled


def first_labels(values: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Keep ``number`` random positives of each frame; set all other values to no, as older readings do."""
    random, sampled = np.random.default_rng(seed), np.zeros_like(values)
    for k in range(values.shape[1]):
        sampled[random.permutation(np.flatnonzero(values[:, k] == 1))[:number], k] = 1
    return sampled


def scores(gold: Gold, truth: Gold) -> np.ndarray:
    """Train on ``gold`` and return the n × k scores of ``truth``."""
    settings = ModelSettings()
    features = fit_features(gold.texts, prior_texts(gold.codebook), settings.min_df)
    priors = codebook_rows(features, gold.codebook)
    model, _ = fit_frames(features.transform(gold.texts), gold.values, priors, settings)
    return model.scores(features.transform(truth.texts))


if __name__ == "__main__":
    main()
