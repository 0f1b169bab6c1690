"""Resamples rows for the bootstrap and reads intervals from the resampled statistics."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
_AT_ONCE = 4_000_000  # weights held at a time, about 32 MB of floats


def resamples(rows: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield RESAMPLES resamples of ``rows`` rows in chunks: resamples × rows, how often each row is drawn.

    As weights, these turn a sum over a resample into a matrix product. The same ``rows`` and ``seed`` give the same
    resamples, whatever the size of a chunk.
    """
    random = np.random.default_rng(seed)
    step = max(1, min(RESAMPLES, _AT_ONCE // max(1, rows)))
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        # Each resample has its own range of numbers, so that one bincount counts all of them.
        drawn = random.integers(0, max(1, rows), (size, rows)) + np.arange(size)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)


def resampled(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]], rows: int, seed: int
) -> NDArray[np.float64]:
    """Return a statistic on every resample, as an array whose first axis is the resamples (Efron and Tibshirani 1993).

    ``statistic`` takes weights, resamples × rows, and returns a value, or an array of values, for each resample.
    """
    return np.concatenate([statistic(weights) for weights in resamples(rows, seed)])


def interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of the scores that are not NaN; NaN if there are none."""
    known = scores[np.isfinite(scores)]
    return (float(np.percentile(known, 2.5)), float(np.percentile(known, 97.5))) if len(known) else (float("nan"),) * 2
