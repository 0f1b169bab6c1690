"""Owns the order of the queue: what to look at next, and why. Takes arrays; knows no model and no database."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from narratives.store.assignments import QueueEntry
from narratives.text.near_duplicates import COPY_JACCARD, word_runs

REASONS = {
    "uncertain": "near the threshold of a frame",
    "rare": "candidate for a frame with few labels",
    "differs": "annotators differ",
    "doubtful": "the label may be wrong",
    "random": "random share, never ranked",
}
_TURNS = "rare uncertain random uncertain differs uncertain rare uncertain doubtful random".split()
_RANDOM_SHARE = 0.2  # as many of the paragraphs as of the turns: random ones are set apart before anything is ranked
_RAREST = 5  # frames that the rare turns look for where none is below the number of a young one
_CANDIDATES = 200  # for a rare frame; further down hardly one conveys it
_WINDOW = 20  # places in which no two near-copies stand
_HEAD = 3000  # places that are looked through for near-copies; nobody labels more before the next ranking


@dataclass(frozen=True)
class Unread:
    """n paragraphs that nobody has read, and what the model says of them: probabilities n × k."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class FrameState:
    """What is known of the k frames: ids, thresholds, and how many paragraphs carry each so far."""

    ids: tuple[str, ...]
    thresholds: NDArray[np.float64]
    positives: NDArray[np.int64]


@dataclass(frozen=True)
class QueueOptions:
    """``overlap``: share of paragraphs that two annotators get. ``young``: positives below which a frame is rare."""

    overlap: float = 0.15
    young: int = 30
    seed: int = 0


DEFAULTS = QueueOptions()


def select(
    unread: Unread, frames: FrameState, again: Sequence[QueueEntry] = (), wanted: QueueOptions = DEFAULTS
) -> list[QueueEntry]:
    """Return every paragraph once, in the order in which it is most useful to read them, each with its reason.

    ``again`` are paragraphs found elsewhere, in order: to be read once more (reasons ``differs`` and ``doubtful``), or
    candidates for a frame that the model does not know (``rare``). One unread paragraph in five is random: set apart by
    its id and never ranked, so that estimates on them stay honest.
    """
    random = np.array([_chance(wanted.seed, "random", one) < _RANDOM_SHARE for one in unread.ids], dtype=bool)
    ranked = np.flatnonzero(~random)
    streams = {
        "uncertain": _uncertain(unread, frames, ranked),
        "rare": chain((one for one in again if one.reason == "rare"), _rare(unread, frames, ranked, wanted.young)),
        "random": _in_random_order(unread, np.flatnonzero(random), wanted.seed),
        "differs": iter([one for one in again if one.reason == "differs"]),
        "doubtful": iter([one for one in again if one.reason == "doubtful"]),
    }
    texts = dict(zip(unread.ids, unread.texts, strict=True))
    order = _apart(_interleaved(streams), texts)
    return [
        QueueEntry(one.paragraph_id, one.reason, one.detail, _slots(one, wanted)) if one.slots == 1 else one
        for one in order
    ]


def margins(probabilities: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each probability is from its threshold, in log-odds, without sign."""
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.asarray(np.abs(logit(clipped) - logit(np.clip(thresholds, 1e-9, 1 - 1e-9))))


def _uncertain(unread: Unread, frames: FrameState, among: NDArray[np.int64]) -> Iterator[QueueEntry]:
    """Yield all of ``among``, frame by frame in turn, the nearest to its threshold first (a quota for each frame)."""
    distances = margins(unread.probabilities[among], frames.thresholds)
    orders = [among[column] for column in np.argsort(distances, axis=0, kind="stable").T]
    rarest_first = np.argsort(frames.positives, kind="stable").tolist()
    for row, k in _in_turn([orders[k] for k in rarest_first], rarest_first):
        probability, threshold = unread.probabilities[row, k], frames.thresholds[k]
        detail = f"{frames.ids[k]}: {probability:.2f} against threshold {threshold:.2f}"
        yield QueueEntry(unread.ids[row], "uncertain", detail)


def _rare(unread: Unread, frames: FrameState, among: NDArray[np.int64], young: int) -> Iterator[QueueEntry]:
    order = np.argsort(frames.positives, kind="stable").tolist()
    rare = [k for k in order if frames.positives[k] < young] or order[:_RAREST]
    best = [among[np.argsort(-unread.probabilities[among, k], kind="stable")[:_CANDIDATES]] for k in rare]
    for row, k in _in_turn(best, rare):
        detail = f"{frames.ids[k]}: {unread.probabilities[row, k]:.2f}, carried by {frames.positives[k]} so far"
        yield QueueEntry(unread.ids[row], "rare", detail)


def _in_turn(orders: Sequence[NDArray[np.int64]], names: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (row, name) from each order in turn, every row once."""
    seen: set[int] = set()
    left = [(iter(order.tolist()), name) for order, name in zip(orders, names, strict=True)]
    while left:
        going = []
        for rows, name in left:
            row = next((row for row in rows if row not in seen), None)
            if row is not None:
                seen.add(row)
                yield row, name
                going.append((rows, name))
        left = going


def _in_random_order(unread: Unread, among: NDArray[np.int64], seed: int) -> Iterator[QueueEntry]:
    ids = sorted((unread.ids[row] for row in among.tolist()), key=lambda one: _chance(seed, "order", one))
    return (QueueEntry(one, "random", "") for one in ids)


def _interleaved(streams: dict[str, Iterator[QueueEntry]]) -> Iterator[QueueEntry]:
    """Yield from the streams by turns, every paragraph once; a stream that has ended gives its turns to the others."""
    seen: set[str] = set()
    open_streams = dict(streams)
    while open_streams:
        for name in _TURNS:
            stream = open_streams.get(name) or next(iter(open_streams.values()), None)
            if stream is None:
                return
            one = next((one for one in stream if one.paragraph_id not in seen), None)
            if one is None:
                open_streams = {key: value for key, value in open_streams.items() if value is not stream}
            else:
                seen.add(one.paragraph_id)
                yield one


def _apart(order: Iterable[QueueEntry], texts: dict[str, str]) -> Iterator[QueueEntry]:
    """Yield the order with near-copies of what stands just before moved behind the head of the queue."""
    rest, later = iter(order), []
    window: deque[set[tuple[str, ...]]] = deque(maxlen=_WINDOW)
    for one in islice(rest, _HEAD):
        runs = word_runs(texts.get(one.paragraph_id, one.paragraph_id), 3)
        if any(_alike(runs, other) for other in window):
            later.append(one)
        else:
            window.append(runs)
            yield one
    yield from rest
    yield from later


def _alike(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> bool:
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) > COPY_JACCARD


def _slots(one: QueueEntry, wanted: QueueOptions) -> int:
    return 1 + (_chance(wanted.seed, "overlap", one.paragraph_id) < wanted.overlap)


def _chance(seed: int, purpose: str, paragraph: str) -> float:
    """Return a number in [0, 1) that is the same for the same paragraph whenever and wherever it is asked."""
    digest = hashlib.sha256(f"{seed}:{purpose}:{paragraph}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
