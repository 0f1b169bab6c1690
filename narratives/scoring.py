"""Owns scoring: tables in, a table out with what the model says of each row. Floor 5.

Whole or not at all: the output gets its name when it is complete. Nothing is dropped: a row is scored or refused.
"""

import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool
from numpy.typing import NDArray

from narratives.classifier import Classifier
from narratives.columns import listed
from narratives.destination import Delivery, Destination, check_destination, choose_destination
from narratives.errors import UserError
from narratives.formats import named_format
from narratives.modelfile import load
from narratives.outputs import Shape
from narratives.rows import Batch
from narratives.tables import KeyFault, Table, open_table
from narratives.verdicts import Verdicts, judge

SMALL_BATCHES = 2  # up to so many, starting processes costs more than it saves
Progress = Callable[[int, int | None, int], None]  # bytes read, bytes in all (None: unknown), rows read


class Stopped(UserError):  # noqa: N818 (a wish, not an error)
    """Scoring was stopped by ``should_stop``."""


@dataclass(frozen=True)
class Options:
    """How to score.

    ``by``: ``row`` or ``paragraph``. ``columns``: ``all``, or ``short`` for none of the ``p_`` columns. ``jobs``:
    processes, None for as many as there are cores unless the table is small. ``prefix`` goes before the names of our
    columns. ``refused``: where refused rows go, None for ``OUTPUT.refused.csv`` (standard error if the output is
    standard output). ``overwrite``: replace an existing output.
    """

    text_column: str | None = None
    by: str = "row"
    columns: str = "all"
    jobs: int | None = None
    prefix: str = ""
    refused: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Scoring:
    """What was done. ``frames``: how many output rows have each. ``findings``: a sentence for each table."""

    rows_read: int
    rows_scored: int
    rows_refused: int
    rows_written: int
    frames: dict[str, int]
    model: str
    output: str
    refused_path: Path | None
    seconds: float
    findings: list[str]

    @property
    def complete(self) -> bool:
        """Whether every row is accounted for."""
        return self.rows_read == self.rows_scored + self.rows_refused

    def summary(self) -> str:
        """Return one screen of text."""
        kept = f", kept in {self.refused_path}" if self.refused_path else ""
        rows = f"{self.rows_read:,} rows read = {self.rows_scored:,} scored + {self.rows_refused:,} refused{kept}"
        width = len(f"{max(self.frames.values(), default=0):,}")
        often = sorted(self.frames.items(), key=lambda item: -item[1])
        counts = [f"  {count:>{width},}  {frame}" for frame, count in often if count]
        silent = ", ".join(frame for frame, count in often if not count)
        never = [f"  never: {silent}"] if silent else []
        last = f"{self.output}: {self.rows_written:,} rows in {self.seconds:.1f} s, model {self.model}"
        return "\n".join([*self.findings, rows, *counts, *never, last])

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        refused = str(self.refused_path) if self.refused_path else None
        return asdict(self) | {"refused_path": refused, "seconds": round(self.seconds, 3)}


def score(
    inputs: Sequence[str | Path],
    output: str | Path,
    model_dir: Path,
    options: Options = Options(),
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Scoring:
    """Score tables of the same columns, in order, into ``output`` (``-``: standard output, in the input's format).

    XLSX and Parquet go to standard output as CSV. ``progress`` is called and ``should_stop`` asked after each batch.
    Raises UserError for what the user can mend, before any work where it can be known, and Stopped. A KeyboardInterrupt
    (of its own class) passes with the sentence to show as its argument. Whatever is raised, no file is left behind.
    """
    started = time.monotonic()
    tables = _open_tables([str(path) for path in inputs], options.text_column)
    place = _place(tables, str(output), options)
    classifier = load(model_dir)
    names = _names(classifier.frames, options)
    _check_names(tables, names)
    tally = _Tally(classifier.frames)
    batches = _batches(tables, _key_fault(place, tables[0].columns, names))
    with _delivery(place, tables) as delivery, closing(_judged(batches, classifier, model_dir, options)) as judged:
        for table, batch, verdicts in judged:
            values = _values(verdicts, classifier.name, options)
            delivery.write(batch.rows, verdicts.places, dict(zip(names, values, strict=True)))
            for refusal in batch.refused:
                delivery.refuse(table.name, refusal.line, refusal.reason, refusal.raw)
            tally.add(batch, verdicts)
            if progress:
                progress(*_position(tables, table, batch), tally.read)
            if should_stop and should_stop():
                raise Stopped(f"stopped; {place.remains()}")
        refused_path = delivery.commit()
    findings, seconds = [table.findings() for table in tables], time.monotonic() - started
    return tally.scoring(classifier.name, place.name, refused_path, seconds, findings)


@dataclass
class _Tally:
    frames: tuple[str, ...]
    read: int = 0
    refused: int = 0
    scored: int = 0
    written: int = 0
    counts: NDArray[np.int64] | int = 0

    def add(self, batch: Batch, verdicts: Verdicts) -> None:
        self.read += len(batch.texts) + len(batch.refused)
        self.refused += len(batch.refused)
        self.scored += len(set(verdicts.places))
        self.written += len(verdicts.places)
        self.counts = self.counts + verdicts.counts

    def scoring(
        self, model: str, output: str, refused_path: Path | None, seconds: float, findings: list[str]
    ) -> Scoring:
        counts = dict(zip(self.frames, np.asarray(self.counts).tolist(), strict=True))
        rows = (self.read, self.scored, self.refused, self.written)
        return Scoring(*rows, counts, model, output, refused_path, seconds, findings)


def _open_tables(inputs: Sequence[str], text_column: str | None) -> list[Table]:
    if not inputs:
        raise UserError("there is nothing to score; name a table, or - for standard input")
    if inputs.count("-") > 1:
        raise UserError("standard input can be read only once; name - a single time")
    tables = [open_table(inputs[0], text_column)]
    for path in inputs[1:]:
        tables.append(open_table(path, tables[0].text_column))
    if all(table.format == "JSONL" for table in tables):
        keys = tuple(dict.fromkeys(key for table in tables for key in table.columns))
        return [replace(table, columns=keys) for table in tables]
    for table in tables[1:]:
        _check_same_columns(tables[0], table)
    return tables


def _check_same_columns(first: Table, other: Table) -> None:
    if first.columns == other.columns:
        return
    missing = [column for column in first.columns if column not in other.columns]
    extra = [column for column in other.columns if column not in first.columns]
    missed = f"has no {listed(missing)}" if missing else ""
    added = f"has {listed(extra)} as well" if extra else ""
    what = " and ".join(part for part in (missed, added) if part) or "has the same columns in another order"
    raise UserError(f"{other.name}: unlike {first.name} it {what}; score tables of the same columns together")


def _place(tables: Sequence[Table], output: str, options: Options) -> Destination:
    first = tables[0]
    delimiter = "," if named_format(first.path) == "TSV" else first.delimiter or ","
    piped = Shape(first.format if first.format in ("CSV", "TSV", "JSONL") else "CSV", "", first.delimiter or ",")
    place = choose_destination(output, piped, delimiter, options.refused)
    check_destination(place, [table.path for table in tables], options.overwrite)
    other = next((table for table in tables if table.schema != first.schema), None)
    if other and place.shape.format == "Parquet":
        raise UserError(f"{other.name}: its column types are not those of {first.name}; write .csv or .jsonl instead")
    return place


def _names(frames: Sequence[str], options: Options) -> list[str]:
    paragraph = ["paragraph", "paragraph_text"] if options.by == "paragraph" else []
    probabilities = [f"p_{frame}" for frame in frames] if options.columns == "all" else []
    names = [*paragraph, "frames", "voices", "human", *probabilities, "model"]
    return [options.prefix + name for name in names]


def _values(verdicts: Verdicts, model: str, options: Options) -> list[Sequence[str] | NDArray[Any]]:
    paragraph = [np.array(verdicts.paragraphs, dtype=np.int32), verdicts.texts] if options.by == "paragraph" else []
    probabilities = list(verdicts.probabilities.T) if options.columns == "all" else []
    said = [verdicts.frames, verdicts.voices, verdicts.human]
    return [*paragraph, *said, *probabilities, [model] * len(verdicts.places)]


def _check_names(tables: Sequence[Table], names: Sequence[str]) -> None:
    for table in tables:
        taken = [column for column in table.columns if column in names]
        if taken:
            raise UserError(f"{table.name}: it already has a column '{taken[0]}', which is a name of ours; {_PREFIX}")


_PREFIX = "put something before the names of ours with --prefix PREFIX"


def _key_fault(place: Destination, columns: Sequence[str], names: Sequence[str]) -> KeyFault:
    """Return what is wrong with a key that was not seen in the head of a JSONL file."""
    ours, known = frozenset(names), frozenset(columns)
    if place.shape.format == "JSONL":
        return lambda key: f"the key '{key}' is one that we would write; {_PREFIX}" if key in ours else ""
    late = "is not among those of the first 1,000 lines; write .jsonl to keep it"
    return lambda key: "" if key in known else f"the key '{key}' {late}"


@contextmanager
def _delivery(place: Destination, tables: Sequence[Table]) -> Iterator[Delivery]:
    delivery = Delivery(place, tables[0].columns, with_file=len(tables) > 1)
    try:
        yield delivery
    except KeyboardInterrupt as stop:
        raise type(stop)(f"stopped; {place.remains()}") from None
    finally:
        delivery.discard()


def _batches(tables: Sequence[Table], key_fault: KeyFault) -> Iterator[tuple[Table, Batch]]:
    for table in tables:
        for batch in table.batches(key_fault=key_fault):
            yield table, batch


def _position(tables: Sequence[Table], table: Table, batch: Batch) -> tuple[int, int | None]:
    """Return the bytes read so far and those in all, None if a table's size is unknown."""
    sizes = [table.size for table in tables]
    before = sum(size or 0 for size in sizes[: tables.index(table)])
    return before + batch.bytes_read, None if None in sizes else sum(size or 0 for size in sizes)


def _judged(
    batches: Iterator[tuple[Table, Batch]], classifier: Classifier, model_dir: Path, options: Options
) -> Generator[tuple[Table, Batch, Verdicts], None, None]:
    """Judge batches in order, in processes if there are several jobs and enough batches."""
    by_paragraph = options.by == "paragraph"
    first = list(islice(batches, SMALL_BATCHES + 1))
    small = options.jobs is None and len(first) <= SMALL_BATCHES
    jobs = 1 if small else options.jobs or joblib.cpu_count()
    if jobs > 1:
        yield from _judged_apart(chain(first, batches), model_dir, by_paragraph, jobs)
        return
    reader = classifier if small else _quick(classifier)
    for table, batch in chain(first, batches):
        yield table, batch, judge(reader, batch.texts, by_paragraph)


def _judged_apart(
    batches: Iterator[tuple[Table, Batch]], model_dir: Path, by_paragraph: bool, jobs: int
) -> Iterator[tuple[Table, Batch, Verdicts]]:
    # joblib.Parallel as a generator does not bound what is done but not yet fetched; two batches a process do.
    pool = ProcessPoolExecutor(jobs, initializer=_leave_signals, env={"OMP_NUM_THREADS": "1"})
    waiting: deque[tuple[Table, Batch, Any]] = deque()
    try:
        for table, batch in batches:
            waiting.append((table, batch, pool.submit(_judge_apart, load, model_dir, batch.texts, by_paragraph)))
            if len(waiting) >= 2 * jobs:
                yield _fetched(*waiting.popleft())
        while waiting:
            yield _fetched(*waiting.popleft())
    finally:
        pool.shutdown(kill_workers=True)


def _fetched(table: Table, batch: Batch, future: Any) -> tuple[Table, Batch, Verdicts]:
    try:
        return table, batch, future.result()
    except BrokenProcessPool:
        raise UserError("a process died, perhaps for want of memory; try again with --jobs 1") from None


def _leave_signals() -> None:
    for wish in (signal.SIGINT, signal.SIGTERM):  # they may reach every process; only the first one answers
        signal.signal(wish, signal.SIG_IGN)


def _judge_apart(read: Callable[[Path], Classifier], folder: Path, texts: list[str], by_paragraph: bool) -> Verdicts:
    return judge(_loaded(read, folder), texts, by_paragraph)


@lru_cache(maxsize=1)
def _loaded(read: Callable[[Path], Classifier], folder: Path) -> Any:
    return _quick(read(folder))


def _quick(classifier: Classifier) -> Any:
    """Return what reads as the classifier does, compiled where Numba is there."""
    if not isinstance(classifier, Classifier):
        return classifier
    try:
        from narratives.kernel import Kernel
    except ImportError:
        return classifier
    return Kernel(classifier)
