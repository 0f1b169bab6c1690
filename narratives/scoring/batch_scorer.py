"""Owns what is done to each batch of a scoring run: judged, and made into the bytes of the output. Floor 5.

It is the same in a thread of this process and on a worker of a cluster, so both write the same bytes.
"""

import re
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES
from narratives.errors import UserError
from narratives.model.classifier import Classifier, Predictions
from narratives.scoring.output import Destination
from narratives.scoring.row_predictions import RowPredictions, max_pool_paragraphs, predict_rows, read
from narratives.tables.columns import listed
from narratives.tables.rows import Batch, CsvRows, Refusal, Rows
from narratives.tables.table import KeyFault, Table, open_table
from narratives.tables.writers import Renderer

SMALL_BATCHES = 1
SMALL_ROWS = 500  # up to so many, laying out the kernel takes longer than it saves


@dataclass(frozen=True)
class Options:
    """How to score.

    ``by``: ``row`` or ``paragraph``. ``columns``: ``all``, or ``short`` for none of the ``p_`` columns. ``jobs``:
    threads, None for as many as there are cores. ``prefix`` goes before the names of our
    columns. ``refused``: where refused rows go, None for ``OUTPUT.refused.csv`` (standard error if the output is
    standard output). ``overwrite``: replace an existing output.
    ``resume``: go on with an unfinished run, if there is one. ``engine``: ``local``, or ``dask`` at the address
    ``scheduler``.
    """

    text_column: str | None = None
    by: str = "row"
    columns: str = "all"
    jobs: int | None = None
    prefix: str = ""
    refused: Path | None = None
    overwrite: bool = False
    resume: bool = False
    engine: str = "local"
    scheduler: str | None = None


@dataclass(frozen=True)
class ScoredBatch:
    """A batch that was scored: its bytes for the output, what was refused, and what is counted."""

    table: Table
    bytes_read: int
    rendered: Iterable[bytes]
    refused: list[Refusal]
    scored: int
    written: int
    counts: NDArray[np.int64]


class BatchScorer:
    """What is done to each batch, in any thread: judged, and made into the bytes of the output."""

    def __init__(self, classifier: Classifier, tables: Sequence[Table], place: Destination, options: Options) -> None:
        self._classifier, self._reader = classifier, classifier
        self._tables, self._place, self._options = tables, place, options
        self._names = _names(classifier.frames, options)
        _check_names(tables, self._names)
        self._renderer = Renderer(place.shape, tables[0].columns, self._names)

    def compile_now(self) -> None:
        """Lay out the kernel now."""
        self._reader = quick(self._classifier)

    def head(self) -> bytes:
        """Return what the output begins with."""
        return self._renderer.head()

    def decisive(self) -> dict[str, Any]:
        """Return what of the options decides the bytes of the output."""
        own = asdict(self._options)
        return {key: own[key] for key in ("by", "columns", "prefix", "refused", "engine")} | {
            "shape": self._place.shape,
            "texts": [table.text_column for table in self._tables],
        }

    def done(self, left_out: int) -> Generator[ScoredBatch, None, None]:
        """Yield the batches in order, the first ``left_out`` left out; several are done at once where that pays."""
        batches = islice(self._batches(), left_out, None)
        first = list(islice(batches, SMALL_BATCHES + 1))
        if sum(len(batch.texts) for _, batch in first) > SMALL_ROWS:
            self.compile_now()
        jobs = self._options.jobs or (joblib.cpu_count() if len(first) > 1 else 1)
        with ThreadPoolExecutor(jobs) as pool:
            try:
                yield from _in_order(pool, self.do, chain(first, batches), 2 * jobs)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _batches(self) -> Iterator[tuple[Table, Batch]]:
        fault = _key_fault(self._place, self._tables[0].columns, self._names)
        for table in self._tables:
            for batch in table.quick_batches(key_fault=fault):
                yield table, batch

    def do(self, table: Table, batch: Batch) -> ScoredBatch:
        """Score one batch."""
        rendered, written, counts = self._render(batch)
        return ScoredBatch(table, batch.bytes_read, (rendered,), batch.refused, len(batch.texts), written, counts)

    def _render(self, batch: Batch) -> tuple[bytes, int, NDArray[np.int64]]:
        if self._writes_quickly(batch.rows):
            found, _, lengths = read(self._reader, batch.texts)
            rows = max_pool_paragraphs(found, lengths)
            return self._quickly(batch.rows, rows), len(batch.texts), rows.predicted.sum(axis=0, dtype=np.int64)
        verdicts = predict_rows(self._reader, batch.texts, self._options.by == "paragraph")
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
        from narratives.tables.readers.csv_scan import names_of, write_rows

        frames, voices, model = self._classifier.frames, VOICES, (self._classifier.name,)
        names = names_of(frames), names_of(voices), names_of(model)
        form = ord(self._place.shape.delimiter), self._options.columns == "all"
        parts = found.probabilities, found.predicted, found.human, found.voices
        data = write_rows(rows.records.data, (rows.records.starts, rows.records.ends), parts, names, form)
        return self._renderer.packed(data)


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[..., ScoredBatch], items: Iterable[tuple[Table, Batch]], most: int
) -> Iterator[ScoredBatch]:
    """Yield the results in order, with at most so many begun and not yet fetched."""
    waiting: deque[Future[ScoredBatch]] = deque()
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
        from narratives.kernel.kernel import Kernel
    except ImportError:
        warnings.warn("Numba is not installed: scoring goes the plain way, slower by an order", stacklevel=2)
        return classifier
    return Kernel(classifier)


def open_tables(inputs: Sequence[str], text_column: str | None) -> list[Table]:
    """Open the tables of one run. Raises UserError if they do not fit together."""
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


def _names(frames: Sequence[str], options: Options) -> list[str]:
    paragraph = ["paragraph", "paragraph_text"] if options.by == "paragraph" else []
    probabilities = [f"p_{frame}" for frame in frames] if options.columns == "all" else []
    names = [*paragraph, "frames", "voices", "human", *probabilities, "model"]
    return [options.prefix + name for name in names]


def _values(verdicts: RowPredictions, model: str, options: Options) -> list[Sequence[str] | NDArray[Any]]:
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
