"""Scores tables: rows in, the same rows out with what the model says of each.

The output appears whole or not at all. No row is dropped: each is scored or refused.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from narratives.codebook.frames import UNSETTLED, UNSETTLED_MEANS, marked_voice
from narratives.errors import UserError
from narratives.model.persistence import load
from narratives.model.scope import outside_in_words
from narratives.scoring.batch_scorer import BatchScorer, Options, RowCounts, ScoredBatch, open_tables
from narratives.scoring.checkpoint import Checkpoint, made_of, read_checkpoint, write_checkpoint
from narratives.scoring.dask_engine import score_on_cluster, scoring_job
from narratives.scoring.output import Destination, OutputWriter, check_destination, choose_destination
from narratives.scoring.row_predictions import COUNTED
from narratives.tables.formats import named_format
from narratives.tables.headers import repeating
from narratives.tables.table import Table
from narratives.tables.writers import OutputFormat

CHECKPOINT_SECONDS = 1.0  # between two checkpoints of a run, each of which waits for the disk
_DEFAULTS = Options()
_OUTPUT_DELIMITERS = ",;\t|"  # which pandas, Excel and DuckDB recognise
Progress = Callable[[int, int | None, int], None]  # bytes read, bytes in total (None: unknown), rows read


class ScoringCancelled(UserError):  # noqa: N818 (not an error: the user asked for it)
    """``should_stop`` cancelled a run."""


class ScoringInterrupted(KeyboardInterrupt):
    """A run was interrupted by a signal; its cause is the original KeyboardInterrupt.

    ``resumable``: the part files and a checkpoint are kept for a run with ``resume``.
    """

    def __init__(self, sentence: str, resumable: bool) -> None:
        super().__init__(sentence)
        self.resumable = resumable


@dataclass(frozen=True)
class Scoring:
    """The summary of a run.

    - ``rows_without_text``: how many of the scored rows have no text.
    - ``rows_cleaned``: how many output rows had links, tags or characters that are not words.
    - ``repeated_headers``: how many lines repeated the names of the columns; they are no rows.
    - ``rows_outside``: how many output rows the model cannot read, by reason.
    - ``frames``: how many output rows have each frame.
    - ``voices``: how many of them promote it, report it, rebut it, or have an unsettled voice.
    - ``refused_path``: the file of refused rows, None if there is none.
    - ``recognised``: for each table, what was recognised.
    - ``warnings``: what a user should look at before using the output.
    """

    rows_read: int
    rows_scored: int
    rows_refused: int
    rows_written: int
    rows_without_text: int
    rows_cleaned: int
    repeated_headers: int
    rows_outside: dict[str, int]
    frames: dict[str, int]
    voices: dict[str, dict[str, int]]
    model: str
    output: str
    refused_path: Path | None
    seconds: float
    recognised: list[dict[str, Any]]
    warnings: list[str]

    @property
    def complete(self) -> bool:
        """Whether every row is accounted for."""
        return self.rows_read == self.rows_scored + self.rows_refused

    def summary(self) -> str:
        """Return one screen of text."""
        refused = f", kept in {self.refused_path}" if self.refused_path else ""
        rows = f"{self.rows_read:,} rows read = {self.rows_scored:,} scored + {self.rows_refused:,} refused{refused}"
        by_count = sorted(self.frames.items(), key=lambda item: -item[1])
        width = len(f"{max(self.frames.values(), default=0):,}")
        name = max(map(len, self.frames), default=0)
        counts = [
            f"  {count:>{width},}  {frame:<{name}}  {self._voices_of(frame)}".rstrip()
            for frame, count in by_count
            if count
        ]
        absent = ", ".join(frame for frame, count in by_count if not count)
        never = [f"  never: {absent}"] if absent else []
        empty = [f"  {self.rows_without_text:,} of them without text"] if self.rows_without_text else []
        empty += [f"  {self.rows_cleaned:,} cleaned of links, tags or hidden characters"] if self.rows_cleaned else []
        warnings = [f"warning: {warning}" for warning in self.warnings]
        last = f"{self.output}: {self.rows_written:,} rows in {self.seconds:.1f} s, model {self.model}"
        unsettled = any(voices[UNSETTLED] for voices in self.voices.values())
        legend = [f"  {UNSETTLED_MEANS}"] if unsettled else []
        return "\n".join([rows, *empty, *counts, *legend, *never, *warnings, last])

    def _voices_of(self, frame: str) -> str:
        counts = [f"{marked_voice(voice)} {count:,}" for voice, count in self.voices[frame].items() if count]
        return " · ".join(counts)

    def outside_in_words(self) -> list[str]:
        """Return a sentence for each reason why rows were not read, the commonest first."""
        by_count = sorted(self.rows_outside.items(), key=lambda item: -item[1])
        return [
            f"{count:,} row{'s were' if count > 1 else ' was'} not read: {outside_in_words(reason)}"
            for reason, count in by_count
        ]

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        refused = str(self.refused_path) if self.refused_path else None
        return asdict(self) | {"refused_path": refused, "seconds": round(self.seconds, 3)}


def score(
    inputs: Sequence[str | Path],
    output: str | Path,
    model_dir: Path,
    options: Options = _DEFAULTS,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Scoring:
    """Open tables and score them as ``score_tables`` does."""
    tables = open_tables([str(path) for path in inputs], options.text_column, options.reading)
    return score_tables(tables, output, model_dir, options, progress, should_stop)


def score_tables(
    tables: Sequence[Table],
    output: str | Path,
    model_dir: Path,
    options: Options = _DEFAULTS,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Scoring:
    """Score tables with the same columns, in order, into ``output`` (``-``: standard output).

    Standard output gets the format of the input; XLSX, Parquet and Arrow become CSV. ``progress`` is called and
    ``should_stop`` is asked after each batch.

    Raises UserError for what the user can correct, where possible before any work, and ScoringCancelled where
    ``should_stop`` says so: no file is left then. So it does if no row was scored, and if most rows have no text in a
    column that the user did not name. Raises ScoringInterrupted, with the sentence to show, when a signal interrupts
    the run. What was done until then, or until the process was killed, stays beside the output for a run with
    ``resume``.
    """
    started = time.monotonic()
    destination = _destination(tables, str(output), options)
    classifier = load(model_dir)
    scorer = BatchScorer(classifier, tables, destination, options)
    origin = made_of([table.path for table in tables], classifier.name, scorer.decisive_options())
    begun = _begun(destination, origin, options)
    tally = _Tally.of_state(classifier.frames, begun.counts) if begun else _Tally(classifier.frames)
    skipped = begun.batches if begun else 0
    if options.engine == "local":
        batches = scorer.score(skipped)
    else:
        batches = score_on_cluster(scoring_job(tables, destination, model_dir, options), tables, skipped)
    with _writer(destination, scorer, tables, begun) as writer, closing(batches):
        keeper = _CheckpointKeeper(destination, origin, writer, tally, begun)
        with keeper.on_interrupt():
            for batch in batches:
                _write(batch, writer, tally)
                keeper.after_batch()
                if progress:
                    progress(*_position(tables, batch), tally.read)
                if should_stop and should_stop():
                    raise ScoringCancelled(f"stopped; {destination.remains()}")
        _check_result(tally, tables[0], destination)
        refused_path = writer.commit()
    seconds = time.monotonic() - started
    return tally.scoring(classifier.name, destination.name, refused_path, seconds, tables)


def _check_result(tally: "_Tally", first: Table, destination: Destination) -> None:
    """Raise UserError if the output would say nothing of the texts: exit status 0 means that they were scored."""
    if not tally.read:
        raise UserError(f"{first.name}: no row was read; {destination.remains()}")
    if not tally.rows.scored:
        raise UserError(
            f"{first.name}: all {tally.refused:,} rows were refused, the first {tally.first_refusal}; "
            f"{destination.remains()}"
        )
    if tally.rows.without_text * 2 > tally.rows.scored and not first.roles.told:
        raise UserError(
            f"{first.name}: {tally.rows.without_text:,} of {tally.rows.scored:,} rows have no text in "
            f"{first.roles.text_in_words()}; name the column with --text COLUMN, also if it is this one; "
            f"{destination.remains()}"
        )


def _write(batch: ScoredBatch, writer: OutputWriter, tally: "_Tally") -> None:
    for piece in batch.rendered:
        writer.write(piece)
    for refusal in batch.refused:
        writer.refuse(batch.table.name, refusal.line, refusal.reason, refusal.raw)
    tally.add(batch)


def _begun(destination: Destination, origin: str, options: Options) -> Checkpoint | None:
    if not options.resume:
        return None
    if destination.output is None:
        raise UserError("cannot resume to standard output; name an output file to use --resume")
    return read_checkpoint(destination.output, origin)


class _CheckpointKeeper:
    """Writes the checkpoint of a run now and then, and when the run is interrupted."""

    def __init__(
        self, destination: Destination, origin: str, writer: OutputWriter, tally: "_Tally", begun: Checkpoint | None
    ) -> None:
        self._destination, self._writer, self._tally = destination, writer, tally
        self._complete = begun or Checkpoint(origin, 0, 0, 0, {})
        self._last = time.monotonic()

    def after_batch(self) -> None:
        """Count a batch; write the checkpoint if the last one is old enough."""
        if self._destination.output is None:
            return
        # In one assignment: a signal can arrive anywhere, and rows, sizes and counts must be those of one moment. What
        # is written of a batch that is not complete is cut off when the run resumes.
        output, refused = self._writer.positions()
        counts, batches = self._tally.state(), self._complete.batches + 1
        self._complete = replace(self._complete, batches=batches, output=output, refused=refused, counts=counts)
        if time.monotonic() - self._last > CHECKPOINT_SECONDS:
            self._write()

    def _write(self) -> None:
        assert self._destination.output is not None
        self._writer.flush()  # so that the checkpoint never names bytes that are not written
        write_checkpoint(self._destination.output, self._complete)
        self._last = time.monotonic()

    @contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Turn a KeyboardInterrupt into ScoringInterrupted, after writing the checkpoint if any batch is done."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            if self._destination.output is None or not self._complete.batches:
                raise ScoringInterrupted(f"stopped; {self._destination.remains()}", resumable=False) from interrupt
            self._write()
            self._writer.suspend()
            read = self._complete.counts["read"]
            rows = f"{read:,} row{'s' * (read != 1)}"
            sentence = f"stopped after {rows}; run the same command with --resume to continue"
            raise ScoringInterrupted(sentence, resumable=True) from interrupt


@dataclass
class _Tally:
    """What a run has counted so far; a checkpoint keeps it."""

    frames: tuple[str, ...]
    read: int = 0
    refused: int = 0
    first_refusal: str = ""
    rows: RowCounts = field(default_factory=RowCounts)

    @classmethod
    def of_state(cls, frames: tuple[str, ...], state: dict[str, Any]) -> "_Tally":
        """Return the tally that ``state`` was of."""
        rows = state["rows"] | {"frames": tuple(map(tuple, state["rows"]["frames"]))}
        return cls(frames, **(state | {"rows": RowCounts(**rows)}))

    def add(self, batch: ScoredBatch) -> None:
        self.read += batch.counts.scored + len(batch.refused)
        self.refused += len(batch.refused)
        self.rows += batch.counts
        if batch.refused and not self.first_refusal:
            self.first_refusal = f"in line {batch.refused[0].line} ({batch.refused[0].reason})"

    def state(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "frames"}

    def scoring(
        self, model: str, output: str, refused_path: Path | None, seconds: float, tables: Sequence[Table]
    ) -> Scoring:
        rows = self.rows
        frames = {frame: sum(row) for frame, row in zip(self.frames, rows.frames, strict=True)}
        voices = {
            frame: dict(zip(COUNTED[1:], row[1:], strict=True))
            for frame, row in zip(self.frames, rows.frames, strict=True)
        }
        numbers = (self.read, rows.scored, self.refused, rows.written, rows.without_text, rows.cleaned, rows.headers)
        recognised = [table.recognised() for table in tables]
        counts = (*numbers, dict(rows.outside), frames, voices)
        done = Scoring(*counts, model, output, refused_path, seconds, recognised, [])
        return replace(done, warnings=[*self._warnings(tables), *done.outside_in_words()])

    def _warnings(self, tables: Sequence[Table]) -> list[str]:
        warnings = [words for table in tables if (words := table.recoded_in_words())]
        if self.rows.headers:
            warnings.append(f"left out: {repeating(self.rows.headers)}")
        if self.refused * 2 > self.read:
            warnings.append(f"more than half of the rows were refused, the first {self.first_refusal}")
        if self.rows.without_text * 2 > self.rows.scored:
            warnings.append("more than half of the rows have no text")
        return warnings


def _destination(tables: Sequence[Table], output: str, options: Options) -> Destination:
    first = tables[0]
    usual = first.delimiter if first.delimiter in _OUTPUT_DELIMITERS else ","
    delimiter = "," if named_format(first.path) == "TSV" else usual or ","
    kind = {"TSV": "TSV", "JSONL": "JSONL", "JSON": "JSONL"}.get(first.format, "CSV")
    piped = OutputFormat(kind, "", usual or ",")
    destination = choose_destination(output, piped, delimiter, options.refused)
    check_destination(destination, [table.path for table in tables], options.overwrite)
    other = next((table for table in tables if table.schema != first.schema), None)
    if other and destination.shape.format in ("Parquet", "Arrow"):
        raise UserError(f"{other.name}: its column types differ from those of {first.name}; write .csv or .jsonl")
    return destination


@contextmanager
def _writer(
    destination: Destination, scorer: BatchScorer, tables: Sequence[Table], begun: Checkpoint | None
) -> Iterator[OutputWriter]:
    """Yield the writer of a run; remove what it wrote if the run fails and cannot be resumed."""
    writer = OutputWriter(destination, scorer.head(), with_file=len(tables) > 1, begun=begun)
    try:
        yield writer
    except ScoringInterrupted as interrupt:
        if not interrupt.resumable:
            writer.discard()
        raise
    except BaseException:
        writer.discard()
        raise
    if destination.output:
        writer.discard()  # the files have their names; this removes the checkpoint


def _position(tables: Sequence[Table], batch: ScoredBatch) -> tuple[int, int | None]:
    """Return the bytes read so far and the bytes in total, None if a table's size is unknown."""
    sizes = [table.size for table in tables]
    before = sum(size or 0 for size in sizes[: tables.index(batch.table)])
    return before + batch.bytes_read, None if None in sizes else sum(size or 0 for size in sizes)
