"""Owns scoring: tables in, a table out with what the model says of each row. Floor 5.

Whole or not at all: the output gets its name when it is complete. Nothing is dropped: a row is scored or refused.
"""

import re
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from narratives.checkpoint import Checkpoint, made_of, read_checkpoint, write_checkpoint
from narratives.classifier import Classifier, Predictions
from narratives.codebook import VOICES
from narratives.columns import listed
from narratives.destination import Delivery, Destination, check_destination, choose_destination
from narratives.errors import UserError
from narratives.formats import named_format
from narratives.modelfile import load
from narratives.outputs import Renderer, Shape
from narratives.rows import Batch, CsvRows, Refusal, Rows
from narratives.tables import KeyFault, Table, open_table
from narratives.verdicts import Verdicts, judge, read, strongest

SMALL_BATCHES = 1
SMALL_ROWS = 500  # up to so many, laying out the kernel takes longer than it saves
KEEP_EVERY = 0.25  # seconds between two states of a run that are kept
Progress = Callable[[int, int | None, int], None]  # bytes read, bytes in all (None: unknown), rows read


class Stopped(UserError):  # noqa: N818 (a wish, not an error)
    """Scoring was stopped by ``should_stop``."""


@dataclass(frozen=True)
class Options:
    """How to score.

    ``by``: ``row`` or ``paragraph``. ``columns``: ``all``, or ``short`` for none of the ``p_`` columns. ``jobs``:
    threads, None for as many as there are cores. ``prefix`` goes before the names of our
    columns. ``refused``: where refused rows go, None for ``OUTPUT.refused.csv`` (standard error if the output is
    standard output). ``overwrite``: replace an existing output.
    ``resume``: go on with an unfinished run, if there is one.
    """

    text_column: str | None = None
    by: str = "row"
    columns: str = "all"
    jobs: int | None = None
    prefix: str = ""
    refused: Path | None = None
    overwrite: bool = False
    resume: bool = False


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

    XLSX, Parquet and Arrow go to standard output as CSV. ``progress`` is called and ``should_stop`` asked after each
    batch. Raises UserError for what the user can mend, before any work where it can be known, and Stopped; no file is
    left behind then. A KeyboardInterrupt (of its own class) passes with the sentence to show as its argument; what was
    done until then, and until a kill, stays beside the output for a run with ``resume``.
    """
    started = time.monotonic()
    tables = _open_tables([str(path) for path in inputs], options.text_column)
    place = _place(tables, str(output), options)
    classifier = load(model_dir)
    work = _Work(classifier, tables, place, options)
    origin = made_of([table.path for table in tables], classifier.name, work.decisive())
    begun = _begun(place, origin, options)
    tally = _Tally(classifier.frames, **(begun.counts if begun else {}))
    with _delivery(place, work, tables, begun) as delivery, closing(work.done(begun)) as batches:
        keeper = _Keeper(place, origin, delivery, tally, begun.batches if begun else 0)
        with keeper.kept_on_interrupt():
            for done in batches:
                delivery.write(done.rendered)
                for refusal in done.refused:
                    delivery.refuse(done.table.name, refusal.line, refusal.reason, refusal.raw)
                tally.add(done)
                keeper.after_batch()
                if progress:
                    progress(*_position(tables, done), tally.read)
                if should_stop and should_stop():
                    raise Stopped(f"stopped; {place.remains()}")
        refused_path = delivery.commit()
    findings, seconds = [table.findings() for table in tables], time.monotonic() - started
    return tally.scoring(classifier.name, place.name, refused_path, seconds, findings)


def _begun(place: Destination, origin: str, options: Options) -> Checkpoint | None:
    if not options.resume:
        return None
    if place.output is None:
        raise UserError("standard output cannot be gone on with; name an output file to use --resume")
    return read_checkpoint(place.output, origin)


@dataclass(frozen=True)
class _Done:
    """A batch that was scored: its bytes for the output, what was refused, and what is counted."""

    table: Table
    bytes_read: int
    rendered: bytes
    refused: list[Refusal]
    scored: int
    written: int
    counts: NDArray[np.int64]


class _Work:
    """What is done to each batch, in any thread: judged, and made into the bytes of the output."""

    def __init__(self, classifier: Classifier, tables: Sequence[Table], place: Destination, options: Options) -> None:
        self._classifier, self._reader = classifier, classifier
        self._tables, self._place, self._options = tables, place, options
        self._names = _names(classifier.frames, options)
        _check_names(tables, self._names)
        self._renderer = Renderer(place.shape, tables[0].columns, self._names)

    def head(self) -> bytes:
        """Return what the output begins with."""
        return self._renderer.head()

    def decisive(self) -> dict[str, Any]:
        """Return what of the options decides the bytes of the output."""
        own = asdict(self._options)
        return {key: own[key] for key in ("by", "columns", "prefix", "refused")} | {
            "shape": self._place.shape,
            "texts": [table.text_column for table in self._tables],
        }

    def done(self, begun: Checkpoint | None) -> Generator[_Done, None, None]:
        """Yield the batches in order, those of an unfinished run left out; several at once where that pays."""
        batches = islice(self._batches(), begun.batches if begun else 0, None)
        first = list(islice(batches, SMALL_BATCHES + 1))
        if sum(len(batch.texts) for _, batch in first) > SMALL_ROWS:
            self._reader = quick(self._classifier)
        jobs = self._options.jobs or (joblib.cpu_count() if len(first) > 1 else 1)
        with ThreadPoolExecutor(jobs) as pool:
            try:
                yield from _in_order(pool, self._do, chain(first, batches), 2 * jobs)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _batches(self) -> Iterator[tuple[Table, Batch]]:
        fault = _key_fault(self._place, self._tables[0].columns, self._names)
        for table in self._tables:
            for batch in table.quick_batches(key_fault=fault):
                yield table, batch

    def _do(self, table: Table, batch: Batch) -> _Done:
        rendered, written, counts = self._render(batch)
        return _Done(table, batch.bytes_read, rendered, batch.refused, len(batch.texts), written, counts)

    def _render(self, batch: Batch) -> tuple[bytes, int, NDArray[np.int64]]:
        if self._writes_quickly(batch.rows):
            found, _, lengths = read(self._reader, batch.texts)
            rows = strongest(found, lengths)
            return self._quickly(batch.rows, rows), len(batch.texts), rows.predicted.sum(axis=0, dtype=np.int64)
        verdicts = judge(self._reader, batch.texts, self._options.by == "paragraph")
        values = _values(verdicts, self._classifier.name, self._options)
        added = dict(zip(self._names, values, strict=True))
        return self._renderer.body(batch.rows, verdicts.places, added), len(verdicts.places), verdicts.counts

    def _writes_quickly(self, rows: Rows) -> bool:
        """Return whether compiled code can write our cells: a row each, after a record in the output's own form."""
        shape = self._place.shape
        plain = all(re.fullmatch(r"[\w-]+", frame, re.ASCII) for frame in self._classifier.frames)
        same = isinstance(rows, CsvRows) and (rows.delimiter or ",") == shape.delimiter
        of_csv = shape.format in ("CSV", "TSV") and self._options.by == "row"
        return of_csv and same and plain and self._reader is not self._classifier

    def _quickly(self, rows: Any, found: Predictions) -> bytes:
        from narratives.csvscan import names_of, write_rows

        frames, voices, model = self._classifier.frames, VOICES, (self._classifier.name,)
        names = names_of(frames), names_of(voices), names_of(model)
        form = ord(self._place.shape.delimiter), self._options.columns == "all"
        parts = found.probabilities, found.predicted, found.human, found.voices
        data = write_rows(rows.records.data, (rows.records.starts, rows.records.ends), parts, names, form)
        return self._renderer.packed(data)


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[..., _Done], items: Iterable[tuple[Table, Batch]], most: int
) -> Iterator[_Done]:
    """Yield the results in order, with at most so many begun and not yet fetched."""
    waiting: deque[Future[_Done]] = deque()
    for table, batch in items:
        waiting.append(pool.submit(work, table, batch))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def quick(classifier: Classifier) -> Any:
    """Return what reads as the classifier does, compiled where Numba is there; a warning says if it is not."""
    if not isinstance(classifier, Classifier):
        return classifier
    try:
        from narratives.kernel import Kernel
    except ImportError:
        warnings.warn("Numba is not installed: scoring goes the plain way, slower by an order", stacklevel=2)
        return classifier
    return Kernel(classifier)


class _Keeper:
    """Keeps the state of a run beside its output, about once a second."""

    def __init__(self, place: Destination, origin: str, delivery: Delivery, tally: "_Tally", batches: int) -> None:
        self._place, self._origin, self._delivery, self._tally = place, origin, delivery, tally
        self._batches, self._kept, self._at = batches, batches, time.monotonic()

    def after_batch(self) -> None:
        """Count a batch; keep the state if the last time was long enough ago."""
        self._batches += 1
        if self._place.output and time.monotonic() - self._at > KEEP_EVERY:
            self._keep()

    def _keep(self) -> None:
        assert self._place.output is not None
        state = Checkpoint(self._origin, self._batches, *self._delivery.sizes(), self._tally.state())
        write_checkpoint(self._place.output, state)
        self._kept, self._at = self._batches, time.monotonic()

    @contextmanager
    def kept_on_interrupt(self) -> Iterator[None]:
        """Keep what is done when the user interrupts, if there is any, and say so in the interrupt."""
        try:
            yield
        except KeyboardInterrupt as stop:
            if self._place.output is None or not self._batches:
                raise type(stop)(f"stopped; {self._place.remains()}") from None
            self._keep()
            self._delivery.suspend()
            rows = f"{self._tally.read:,} row{'s' * (self._tally.read != 1)}"
            raise type(stop)(f"stopped after {rows}; the same command with --resume goes on from there") from None


@dataclass
class _Tally:
    frames: tuple[str, ...]
    read: int = 0
    refused: int = 0
    scored: int = 0
    written: int = 0
    counts: Any = 0

    def add(self, done: _Done) -> None:
        self.read += done.scored + len(done.refused)
        self.refused += len(done.refused)
        self.scored += done.scored
        self.written += done.written
        self.counts = np.asarray(self.counts) + done.counts

    def state(self) -> dict[str, Any]:
        own = {key: value for key, value in asdict(self).items() if key != "frames"}
        return own | {"counts": np.asarray(self.counts).tolist()}

    def scoring(
        self, model: str, output: str, refused_path: Path | None, seconds: float, findings: list[str]
    ) -> Scoring:
        counts = dict(zip(self.frames, np.broadcast_to(self.counts, len(self.frames)).tolist(), strict=True))
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
    if other and place.shape.format in ("Parquet", "Arrow"):
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
def _delivery(place: Destination, work: _Work, tables: Sequence[Table], begun: Checkpoint | None) -> Iterator[Delivery]:
    delivery = Delivery(place, work.head(), with_file=len(tables) > 1, begun=begun)
    try:
        yield delivery
    except KeyboardInterrupt as stop:
        if "--resume" not in str(stop):
            delivery.discard()
        raise
    except BaseException:
        delivery.discard()
        raise
    if place.output:
        delivery.discard()


def _position(tables: Sequence[Table], done: _Done) -> tuple[int, int | None]:
    """Return the bytes read so far and those in all, None if a table's size is unknown."""
    sizes = [table.size for table in tables]
    before = sum(size or 0 for size in sizes[: tables.index(done.table)])
    return before + done.bytes_read, None if None in sizes else sum(size or 0 for size in sizes)
