"""Check that the kernel agrees with the classifier on the first rows of a table: probabilities, decisions, voices.

    python benchmarks/exact.py TABLE [--rows 10000] [--model FOLDER]

Exit status 1 if a probability differs by more than the tolerance.
"""

import argparse
from itertools import islice
from pathlib import Path

import numpy as np

from narratives.kernel.kernel import Kernel
from narratives.model import persistence
from narratives.model.releases import model_in_use
from narratives.tables.table import open_table

TOLERANCE = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--model", type=Path, default=model_in_use())
    options = parser.parse_args()
    classifier = persistence.load(options.model)
    batches = (batch.texts for batch in open_table(options.table).batches())
    texts = list(islice((text for part in batches for text in part), options.rows))
    compiled, reference = Kernel(classifier).predict_texts(texts), classifier.predict_texts(texts)
    largest = float(np.abs(compiled.probabilities - reference.probabilities).max())
    differ = {
        name: int((getattr(compiled, name) != getattr(reference, name)).sum())
        for name in ("predicted", "human", "voices")
    }
    print(
        f"{len(texts):,} rows, {reference.predicted.sum():,} predicted frames; largest difference {largest:.1e};",
        end=" ",
    )
    print(", ".join(f"{count} {name} differ" for name, count in differ.items()))
    if largest > TOLERANCE:
        raise SystemExit(f"the largest difference is above {TOLERANCE}")


if __name__ == "__main__":
    main()
