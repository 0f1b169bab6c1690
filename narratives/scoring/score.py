"""Owns scoring: tables in, a table out with what the model says of each row. Floor 5.

Whole or not at all: the output gets its name when it is complete. Nothing is dropped: a row is scored or refused.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narratives.errors import UserError
from narratives.model.persistence import load
from narratives.scoring.batch_scorer import BatchScorer, Options, ScoredBatch, open_tables
from narratives.scoring.checkpoint import Checkpoint, made_of, read_checkpoint, write_checkpoint
from narratives.scoring.dask_engine import done_on_cluster, scoring_job
from narratives.scoring.output import Destination, OutputWriter, check_destination, choose_destination
from narratives.tables.formats import named_format
from narratives.tables.table import Table
from narratives.tables.writers import OutputFormat

KEEP_EVERY = 0.25  # seconds between two states of a run that are kept
_PLAIN = Options()
Progress = Callable[[int, int | None, int], None]  # bytes read, bytes in all (None: unknown), rows read


class ScoringCancelled(UserError):  # noqa: N818 (a wish, not an error)
    """Scoring was stopped by ``should_stop``."""


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
    options: Options = _PLAIN,
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
    tables = open_tables([str(path) for path in inputs], options.text_column)
    place = _place(tables, str(output), options)
    classifier = load(model_dir)
    work = BatchScorer(classifier, tables, place, options)
    origin = made_of([table.path for table in tables], classifier.name, work.decisive())
    begun = _begun(place, origin, options)
    tally = _Tally(classifier.frames, **(begun.counts if begun else {}))
    left_out = begun.batches if begun else 0
    if options.engine == "local":
        batches = work.done(left_out)
    else:
        batches = done_on_cluster(scoring_job(tables, place, model_dir, options), tables, left_out)
    with _delivery(place, work, tables, begun) as delivery, closing(batches):
        keeper = _Keeper(place, origin, delivery, tally, left_out)
        with keeper.kept_on_interrupt():
            for done in batches:
                for piece in done.rendered:
                    delivery.write(piece)
                for refusal in done.refused:
                    delivery.refuse(done.table.name, refusal.line, refusal.reason, refusal.raw)
                tally.add(done)
                keeper.after_batch()
                if progress:
                    progress(*_position(tables, done), tally.read)
                if should_stop and should_stop():
                    raise ScoringCancelled(f"stopped; {place.remains()}")
        refused_path = delivery.commit()
    findings, seconds = [table.findings() for table in tables], time.monotonic() - started
    return tally.scoring(classifier.name, place.name, refused_path, seconds, findings)


def _begun(place: Destination, origin: str, options: Options) -> Checkpoint | None:
    if not options.resume:
        return None
    if place.output is None:
        raise UserError("standard output cannot be gone on with; name an output file to use --resume")
    return read_checkpoint(place.output, origin)


class _Keeper:
    """Keeps the state of a run beside its output, about once a second."""

    def __init__(self, place: Destination, origin: str, delivery: OutputWriter, tally: "_Tally", batches: int) -> None:
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

    def add(self, done: ScoredBatch) -> None:
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


def _place(tables: Sequence[Table], output: str, options: Options) -> Destination:
    first = tables[0]
    delimiter = "," if named_format(first.path) == "TSV" else first.delimiter or ","
    piped = OutputFormat(first.format if first.format in ("CSV", "TSV", "JSONL") else "CSV", "", first.delimiter or ",")
    place = choose_destination(output, piped, delimiter, options.refused)
    check_destination(place, [table.path for table in tables], options.overwrite)
    other = next((table for table in tables if table.schema != first.schema), None)
    if other and place.shape.format in ("Parquet", "Arrow"):
        raise UserError(f"{other.name}: its column types are not those of {first.name}; write .csv or .jsonl instead")
    return place


@contextmanager
def _delivery(
    place: Destination, work: BatchScorer, tables: Sequence[Table], begun: Checkpoint | None
) -> Iterator[OutputWriter]:
    delivery = OutputWriter(place, work.head(), with_file=len(tables) > 1, begun=begun)
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


def _position(tables: Sequence[Table], done: ScoredBatch) -> tuple[int, int | None]:
    """Return the bytes read so far and those in all, None if a table's size is unknown."""
    sizes = [table.size for table in tables]
    before = sum(size or 0 for size in sizes[: tables.index(done.table)])
    return before + done.bytes_read, None if None in sizes else sum(size or 0 for size in sizes)
