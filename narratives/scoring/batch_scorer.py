"""Scores batches of rows: predicts, and encodes the rows of the output.

A thread of this process and a worker of a cluster use the same class, so both write the same bytes.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, count, islice, zip_longest
from operator import add
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import UNSETTLED, VOICES
from narratives.documents.document import is_document
from narratives.documents.document_table import DocumentReader, open_document
from narratives.errors import UserError
from narratives.model.classifier import Classifier, Predictions, Predictor
from narratives.scoring.output import Destination
from narratives.scoring.row_predictions import (
    COUNTED,
    RowPredictions,
    count_frames,
    max_pool_paragraphs,
    predict_rows,
    scope_of,
)
from narratives.tables.columns import listed
from narratives.tables.reading import AS_RECOGNISED, Reading
from narratives.tables.rows import Batch, CsvRows, KeyFault, Refusal, Rows, without_text
from narratives.tables.table import Table, open_table, read_head
from narratives.tables.writers import Renderer

SMALL_BATCHES = 1
SMALL_ROWS = 500  # up to this number of rows, laying out the kernel takes longer than it saves


@dataclass(frozen=True)
class Options:
    """How to score.

    - ``text_column``: the column with the text, None to recognise it.
    - ``reading``: how to read the tables, where the user says it.
    - ``by``: ``row``, or ``paragraph`` for an output row per paragraph.
    - ``columns``: ``all``, or ``short`` to leave out the ``p_`` columns.
    - ``jobs``: threads, None for one per core.
    - ``prefix``: goes before the names of our columns.
    - ``refused``: the file of refused rows, None for ``OUTPUT.refused.csv`` (standard error if the output is standard
      output).
    - ``overwrite``: replace an existing output.
    - ``resume``: continue an unfinished run if there is one.
    - ``engine``: ``local``, or ``dask`` for the cluster at the address ``scheduler``.
    """

    text_column: str | None = None
    reading: Reading = AS_RECOGNISED
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
class RowCounts:
    """Counts of rows that add up over batches.

    - ``scored``, ``written``: how many rows were scored, and how many the output gets.
    - ``without_text``: how many of the scored rows have no text.
    - ``headers``: how many rows repeated the names of the columns and were left out.
    - ``cleaned``: how many output rows had links, tags or characters that are not words.
    - ``outside``: how many output rows the model cannot read, by reason.
    - ``frames``: how many output rows have each frame, by voice (``count_frames``).
    """

    scored: int = 0
    written: int = 0
    without_text: int = 0
    headers: int = 0
    cleaned: int = 0
    outside: Mapping[str, int] = field(default_factory=dict)
    frames: tuple[tuple[int, ...], ...] = ()

    def __add__(self, other: "RowCounts") -> "RowCounts":
        """Return the counts of both together."""
        pairs = zip_longest(self.frames, other.frames, fillvalue=(0,) * len(COUNTED))
        return RowCounts(
            self.scored + other.scored,
            self.written + other.written,
            self.without_text + other.without_text,
            self.headers + other.headers,
            self.cleaned + other.cleaned,
            dict(Counter(self.outside) + Counter(other.outside)),
            tuple(tuple(map(add, first, second)) for first, second in pairs),
        )


@dataclass(frozen=True)
class ScoredBatch:
    """A scored batch.

    - ``bytes_read``: how far the table was read, in bytes as stored.
    - ``rendered``: the bytes for the output, in pieces.
    - ``refused``: the rows that were refused.
    """

    table: Table
    bytes_read: int
    rendered: Iterable[bytes]
    refused: list[Refusal]
    counts: RowCounts


class BatchScorer:
    """Scores batches of ``tables`` for one destination; any thread may call ``score_batch``."""

    def __init__(
        self, classifier: Classifier, tables: Sequence[Table], destination: Destination, options: Options
    ) -> None:
        self._classifier = classifier
        self._predictor: Predictor = classifier
        if isinstance(tables[0].reader, DocumentReader):
            options = replace(options, by="row")  # the rows are paragraphs already
        self._tables, self._destination, self._options = tables, destination, options
        self._names = _names(classifier.frames, options)
        _check_names(tables, self._names)
        self._renderer = Renderer(destination.shape, tables[0].columns, self._names)

    def compile_now(self) -> None:
        """Lay out the kernel and predict with it from now on."""
        from narratives.kernel.kernel import Kernel  # loads Numba, which a small table need not wait for

        self._predictor = Kernel(self._classifier)

    def head(self) -> bytes:
        """Return what the output begins with."""
        return self._renderer.head()

    def decisive_options(self) -> dict[str, Any]:
        """Return the options that decide the bytes of the output."""
        own = asdict(self._options)
        return {key: own[key] for key in ("by", "columns", "prefix", "refused", "engine")} | {
            "shape": self._destination.shape,
            "reading": self._options.reading,
            "names": self._names,
            "texts": [table.roles.text for table in self._tables],
        }

    def score(self, skipped: int) -> Generator[ScoredBatch, None, None]:
        """Yield the scored batches in order, without the first ``skipped``; threads score several at a time."""
        batches = islice(self._batches(), skipped, None)
        first = list(islice(batches, SMALL_BATCHES + 1))
        if sum(len(batch.texts) for _, batch in first) > SMALL_ROWS:
            self.compile_now()
        jobs = self._options.jobs or (joblib.cpu_count() if len(first) > 1 else 1)
        with ThreadPoolExecutor(jobs) as pool:
            try:
                yield from _in_order(pool, self.score_batch, chain(first, batches), 2 * jobs)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _batches(self) -> Iterator[tuple[Table, Batch]]:
        fault = _key_fault(self._destination, self._tables[0].columns, self._names)
        for table in self._tables:
            for batch in table.quick_batches(key_fault=fault):
                yield table, batch

    def score_batch(self, table: Table, batch: Batch) -> ScoredBatch:
        """Score one batch of ``table``."""
        rendered, predictions = self._render(batch)
        counts = RowCounts(
            len(batch.texts),
            len(predictions.predicted),
            len(without_text(batch.texts)),
            batch.headers,
            len(predictions.cleaned),
            Counter(predictions.outside.values()),
            tuple(map(tuple, count_frames(predictions).tolist())),
        )
        return ScoredBatch(table, batch.bytes_read, (rendered,), batch.refused, counts)

    def _render(self, batch: Batch) -> tuple[bytes, Predictions]:
        """Return the bytes for the output and the predictions on its rows."""
        if self._renders_compiled(batch.rows):
            predictions, _, lengths = self._predictor.predict_paragraphs(batch.texts)
            pooled = max_pool_paragraphs(predictions, lengths)
            return self._render_compiled(batch.rows, pooled), pooled
        rows = predict_rows(self._predictor, batch.texts, self._options.by == "paragraph")
        values = _values(rows, self._classifier.name, self._options)
        added = dict(zip(self._names, values, strict=True))
        return self._renderer.body(batch.rows, rows.rows, added), rows.predictions

    def _renders_compiled(self, rows: Rows) -> bool:
        """Return whether compiled code can write our cells.

        It writes one row for each CSV record that keeps its bytes, and names that need no quotes.
        """
        shape = self._destination.shape
        plain = all(re.fullmatch(r"[\w-]+", frame, re.ASCII) for frame in self._classifier.frames)
        same = isinstance(rows, CsvRows) and rows.delimiter == shape.delimiter
        by_row = shape.format in ("CSV", "TSV") and self._options.by == "row"
        return by_row and same and plain and self._predictor is not self._classifier

    def _render_compiled(self, rows: Any, pooled: Predictions) -> bytes:
        from narratives.tables.csv_cells import names_of, write_rows

        frames, voices, model = self._classifier.frames, (*VOICES, UNSETTLED), (self._classifier.name,)
        reasons = tuple(dict.fromkeys(pooled.outside.values()))
        scopes = np.full(len(pooled.predicted), -1, np.int64)
        scopes[list(pooled.outside)] = [reasons.index(reason) for reason in pooled.outside.values()]
        names = names_of(frames), names_of(voices), names_of(model), names_of(tuple(map(scope_of, reasons)))
        form = ord(self._destination.shape.delimiter), self._options.columns == "all"
        parts = pooled.probabilities, pooled.predicted, pooled.human, pooled.stated_voices, scopes
        data = write_rows(rows.records.data, (rows.records.starts, rows.records.ends), parts, names, form)
        return self._renderer.packed(data)


def _in_order(
    pool: ThreadPoolExecutor,
    score_batch: Callable[..., ScoredBatch],
    batches: Iterable[tuple[Table, Batch]],
    most: int,
) -> Iterator[ScoredBatch]:
    """Yield the results in order. At most ``most`` batches wait at a time, so that memory stays flat."""
    waiting: deque[Future[ScoredBatch]] = deque()
    for table, batch in batches:
        waiting.append(pool.submit(score_batch, table, batch))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def open_tables(inputs: Sequence[str], text_column: str | None, reading: Reading = AS_RECOGNISED) -> list[Table]:
    """Open the tables of one run, or its documents, each as a table with a row for each paragraph.

    Raises UserError if they do not have the same columns.
    """
    if not inputs:
        raise UserError("there is nothing to score; name a table, or - for standard input")
    if inputs.count("-") > 1:
        raise UserError("standard input can be read only once; name - a single time")
    documents = [is_document(path) for path in inputs]
    if all(documents):
        return [open_document(path) for path in inputs]
    if any(documents):
        raise UserError(f"{inputs[documents.index(True)]}: a document among tables; score documents by themselves")
    tables = [open_table(inputs[0], text_column, reading)]
    for path in inputs[1:]:
        tables.append(read_head(path, reading).with_roles_of(tables[0]))
    if all(table.format in ("JSONL", "JSON") for table in tables):
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
    lacks = f"has no {listed(missing)}" if missing else ""
    adds = f"has {listed(extra)} as well" if extra else ""
    difference = " and ".join(part for part in (lacks, adds) if part) or "has the same columns in another order"
    raise UserError(f"{other.name}: unlike {first.name} it {difference}; score tables with the same columns together")


def free_prefix(columns: Sequence[str], frames: Sequence[str]) -> str:
    """Return a prefix for the names of our columns with which none is that of a column; empty if none is needed."""
    candidates = chain([""], ("narratives" + "_" * length for length in count(1)))
    return next(prefix for prefix in candidates if not {*columns} & {*_names(frames, Options(prefix=prefix))})


def _names(frames: Sequence[str], options: Options) -> list[str]:
    paragraph = ["paragraph", "paragraph_text"] if options.by == "paragraph" else []
    probabilities = [f"p_{frame}" for frame in frames] if options.columns == "all" else []
    names = [*paragraph, "frames", "voices", "human", "scope", *probabilities, "model"]
    return [options.prefix + name for name in names]


def _values(rows: RowPredictions, model: str, options: Options) -> list[Sequence[str] | NDArray[Any]]:
    paragraph = [np.array(rows.paragraphs, dtype=np.int32), rows.texts] if options.by == "paragraph" else []
    probabilities = list(rows.probabilities.T) if options.columns == "all" else []
    return [*paragraph, rows.frames, rows.voices, rows.human, rows.scopes, *probabilities, [model] * len(rows.rows)]


def _check_names(tables: Sequence[Table], names: Sequence[str]) -> None:
    for table in tables:
        taken = [column for column in table.columns if column in names]
        if taken:
            raise UserError(
                f"{table.name}: it already has a column '{taken[0]}', a name that the output needs; {_USE_PREFIX}"
            )


_USE_PREFIX = "put something before our names with --prefix PREFIX"


def _key_fault(destination: Destination, columns: Sequence[str], names: Sequence[str]) -> KeyFault:
    """Return a function that says why a JSON object with a key not seen in the head is refused."""
    ours, known = frozenset(names), frozenset(columns)
    if destination.shape.format == "JSONL":
        return lambda key: f"the key '{key}' is a name that the output needs; {_USE_PREFIX}" if key in ours else ""
    late = "is not among those in the beginning of the file; write .jsonl to keep it"
    return lambda key: "" if key in known else f"the key '{key}' {late}"
