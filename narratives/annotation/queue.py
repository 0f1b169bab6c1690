"""Orders the queue: what to label next, and why. Takes arrays; knows no model and no database."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from narratives.labels.label_set import RANDOM
from narratives.store.assignments import QueueEntry
from narratives.text.near_duplicates import COPY_JACCARD, word_runs

REASONS = {
    "uncertain": "near the threshold of a frame",
    "rare": "candidate for a frame with few labels",
    "differs": "annotators differ",
    "doubtful": "the label may be wrong",
    RANDOM: "random share, never ranked",
}
_TURNS = "rare uncertain random uncertain differs uncertain rare uncertain doubtful random".split()
_RANDOM_SHARE = 0.2  # of the paragraphs as of the turns: random ones are set apart before anything is ranked
_RAREST = 5  # frames that the rare turns look for where all have positives enough
_CANDIDATES = 200  # for a rare frame; further down hardly one conveys it
_WINDOW = 20  # neighbours in the queue among which no two are near-copies
_HEAD = 3000  # entries searched for near-copies; nobody labels more before the next ranking


@dataclass(frozen=True)
class Unread:
    """n paragraphs that nobody has read, with the model's n × k probabilities."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class FrameState:
    """The k frames: ids, thresholds, and how many labelled paragraphs carry each."""

    ids: tuple[str, ...]
    thresholds: NDArray[np.float64]
    positives: NDArray[np.int64]


@dataclass(frozen=True)
class QueueOptions:
    """How to order the queue.

    - ``overlap``: the share of paragraphs that two annotators get.
    - ``young``: the number of positives below which a frame is rare.
    - ``seed``: of every random choice.
    """

    overlap: float = 0.15
    young: int = 30
    seed: int = 0


DEFAULTS = QueueOptions()


def select(
    unread: Unread, frames: FrameState, again: Sequence[QueueEntry] = (), options: QueueOptions = DEFAULTS
) -> list[QueueEntry]:
    """Return every paragraph once, with its reason, in the order in which it is most useful to label them.

    ``again`` are entries chosen elsewhere, in order: paragraphs to be read once more (reasons ``differs`` and
    ``doubtful``), or candidates for a frame that the model does not know (``rare``).

    One unread paragraph in five is random: neither chosen nor put off for what it says, so that estimates on these stay
    unbiased.
    """
    drawn = np.array([in_random_share(paragraph, options.seed) for paragraph in unread.ids], dtype=bool)
    ranked = np.flatnonzero(~drawn)
    kept = {paragraph for paragraph, is_drawn in zip(unread.ids, drawn.tolist(), strict=True) if is_drawn}
    chosen = [entry for entry in again if entry.paragraph_id not in kept]
    by_reason = {reason: [entry for entry in chosen if entry.reason == reason] for reason in REASONS}
    streams = {
        "uncertain": _uncertain(unread, frames, ranked),
        "rare": chain(by_reason["rare"], _rare(unread, frames, ranked, options.young)),
        RANDOM: _in_random_order(unread, np.flatnonzero(drawn), options.seed),
        "differs": iter(by_reason["differs"]),
        "doubtful": iter(by_reason["doubtful"]),
    }
    texts = dict(zip(unread.ids, unread.texts, strict=True))
    return [_with_slots(entry, options) for entry in _apart(_interleaved(streams), texts)]


def in_random_share(paragraph_id: str, seed: int = DEFAULTS.seed) -> bool:
    """Return whether a paragraph is one of the random ones that the queue sets apart; its id alone decides."""
    return chance(seed, RANDOM, paragraph_id) < _RANDOM_SHARE


def margins(probabilities: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance of each probability from its threshold, in log-odds, without sign."""
    clipped = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.asarray(np.abs(logit(clipped) - logit(np.clip(thresholds, 1e-9, 1 - 1e-9))))


def _uncertain(unread: Unread, frames: FrameState, among: NDArray[np.int64]) -> Iterator[QueueEntry]:
    """Yield all of ``among``, nearest to a threshold first; the frames take turns, so that each has its quota."""
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
    remaining = [(iter(order.tolist()), name) for order, name in zip(orders, names, strict=True)]
    while remaining:
        unfinished = []
        for rows, name in remaining:
            row = next((row for row in rows if row not in seen), None)
            if row is not None:
                seen.add(row)
                yield row, name
                unfinished.append((rows, name))
        remaining = unfinished


def _in_random_order(unread: Unread, among: NDArray[np.int64], seed: int) -> Iterator[QueueEntry]:
    ids = sorted((unread.ids[row] for row in among.tolist()), key=lambda paragraph: chance(seed, "order", paragraph))
    return (QueueEntry(paragraph, RANDOM, "") for paragraph in ids)


def _interleaved(streams: dict[str, Iterator[QueueEntry]]) -> Iterator[QueueEntry]:
    """Yield from the streams in the order of ``_TURNS``, every paragraph once; the turns of an ended stream pass on."""
    seen: set[str] = set()
    open_streams = dict(streams)
    while open_streams:
        for name in _TURNS:
            stream = open_streams.get(name) or next(iter(open_streams.values()), None)
            if stream is None:
                return
            entry = next((entry for entry in stream if entry.paragraph_id not in seen), None)
            if entry is None:
                open_streams = {key: value for key, value in open_streams.items() if value is not stream}
            else:
                seen.add(entry.paragraph_id)
                yield entry


def _apart(order: Iterable[QueueEntry], texts: dict[str, str]) -> Iterator[QueueEntry]:
    """Yield the order, with entries that are near-copies of one shortly before moved to the end.

    Random ones stay: without copies, a random share would say that what is copied most is rare.
    """
    rest, later = iter(order), []
    window: deque[set[tuple[str, ...]]] = deque(maxlen=_WINDOW)
    for entry in islice(rest, _HEAD):
        # Paragraphs to be read again have no text here; their id is a copy of nothing.
        runs = word_runs(texts.get(entry.paragraph_id, entry.paragraph_id), 3)
        if entry.reason != RANDOM and any(_alike(runs, other) for other in window):
            later.append(entry)
        else:
            window.append(runs)
            yield entry
    yield from rest
    yield from later


def _alike(runs: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> bool:
    shared = len(runs & other)
    return shared / (len(runs) + len(other) - shared) > COPY_JACCARD


def _with_slots(entry: QueueEntry, options: QueueOptions) -> QueueEntry:
    """Give a share of the entries a second slot; an entry that came with more slots keeps them."""
    second = chance(options.seed, "overlap", entry.paragraph_id) < options.overlap
    return replace(entry, slots=2) if second and entry.slots == 1 else entry


def chance(*parts: str | int) -> float:
    """Return a number in [0, 1) that depends on these parts alone: a paragraph keeps it from ranking to ranking."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64
