"""Owns the bootstrap: resamples of rows, and intervals from them."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
_AT_ONCE = 4_000_000  # cells of resampled weights held at a time: 32 MB


def resamples(rows: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield 1,000 resamples of so many rows, some at a time, as how often each row is drawn: resamples × rows.

    A sum over the rows of a resample is then one product. The same rows and seed give the same resamples.
    """
    random = np.random.default_rng(seed)
    step = max(1, min(RESAMPLES, _AT_ONCE // max(1, rows)))
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = random.integers(0, max(1, rows), (size, rows)) + np.arange(size)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)


def resampled(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], rows: int, seed: int
) -> NDArray[np.float64]:
    """Return a statistic of row weights on every resample, resamples × what it returns (Efron and Tibshirani 1993)."""
    return np.concatenate([statistic(weights) for weights in resamples(rows, seed)])


def interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of the scores that are not NaN; NaN if none is."""
    known = scores[np.isfinite(scores)]
    return (float(np.percentile(known, 2.5)), float(np.percentile(known, 97.5))) if len(known) else (float("nan"),) * 2
