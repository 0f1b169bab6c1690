"""Scores tables on a Dask cluster: workers score parts of the tables, and this process takes the results in order.

Workers get paths and byte ranges, never rows. Each loads the model once, reads its part of a table, and writes the
encoded rows into a folder beside the output, which all must reach by the same path. If a worker dies, Dask gives its
parts to others. Dask comes with the extra ``narratives[cluster]``.
"""

import json
import os
import shutil
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from narratives.errors import UserError
from narratives.model.persistence import load
from narratives.scoring.batch_scorer import BatchScorer, Options, ScoredBatch, open_tables
from narratives.scoring.checkpoint import part_of
from narratives.scoring.output import Destination
from narratives.tables.rows import Batch, Refusal
from narratives.tables.sources import is_url
from narratives.tables.table import Table

BATCHES = 8  # of one part
_RETRIES = 3
_TIMEOUT = 30  # seconds for a scheduler and a first worker to answer
_CHUNK_BYTES = 1 << 22
_setup_lock = threading.Lock()


@dataclass(frozen=True)
class ScoringJob:
    """What a worker must know of a run. Paths are absolute: a worker may have another working directory."""

    inputs: tuple[str, ...]
    destination: Destination
    model: Path
    options: Options


def scoring_job(tables: Sequence[Table], destination: Destination, model: Path, options: Options) -> ScoringJob:
    """Return the job of a run. Raises UserError if it reads standard input."""
    inputs = tuple(table.path if is_url(table.path) else str(Path(table.path).resolve()) for table in tables)
    if "-" in [table.path for table in tables]:
        raise UserError("a cluster cannot read standard input; name a file that its workers can read")
    output = replace(destination, output=destination.output.resolve() if destination.output else None)
    return ScoringJob(inputs, output, model.resolve(), options)


@dataclass(frozen=True)
class Part:
    """A part of a run.

    - ``number``: its index in the run.
    - ``table``: the index of its table.
    - ``start``, ``end``: its bytes; the whole table where ``end`` is None.
    - ``line``: the line of its first byte.
    """

    number: int
    table: int
    start: int = 0
    end: int | None = None
    line: int = 1


@dataclass(frozen=True)
class PartResult:
    """What a worker returns for a part.

    - ``scored``, ``written``, ``without_text``, ``headers``: numbers of rows.
    - ``counts``: how many rows have each frame.
    - ``recoded``: how many lines were read in each other encoding.
    """

    scored: int
    written: int
    without_text: int
    headers: int
    counts: list[int]
    recoded: dict[str, int]


def score_on_cluster(job: ScoringJob, tables: Sequence[Table], skipped: int) -> Generator[ScoredBatch, None, None]:
    """Yield the parts in order, without the first ``skipped``, each scored and encoded by a worker.

    Raises UserError if no scheduler or no worker answers, and if a worker fails.
    """
    folder = _folder(job.destination)
    client = _client(job.options.scheduler)
    waiting: deque[tuple[Part, Any]] = deque()
    try:
        folder.mkdir(exist_ok=True)
        # Enough parts to keep all threads busy, few enough for the folder to stay small.
        most = 4 * sum(client.nthreads().values()) + 4
        for part in islice(_parts(tables), skipped, None):
            key = f"narratives-{os.getpid()}-{part.number}"
            waiting.append((part, client.submit(score_part, job, part, key=key, pure=False, retries=_RETRIES)))
            if len(waiting) >= most:
                yield _collect(*waiting.popleft(), tables, folder)
        while waiting:
            yield _collect(*waiting.popleft(), tables, folder)
    finally:
        client.cancel([future for _, future in waiting])
        client.close()
        shutil.rmtree(folder, ignore_errors=True)


def _client(scheduler: str | None) -> Any:
    if not scheduler:
        raise UserError("name the cluster's scheduler with --scheduler tcp://HOST:PORT")
    try:
        from distributed import Client
    except ImportError:
        raise UserError("Dask is not installed; install the extra narratives[cluster]") from None
    try:
        client = Client(scheduler, timeout=_TIMEOUT)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UserError(f"{scheduler}: no Dask scheduler answers there ({type(error).__name__}); start one") from None
    try:
        client.wait_for_workers(1, timeout=_TIMEOUT)
    except TimeoutError:
        client.close()  # type: ignore[no-untyped-call]
        raise UserError(f"{scheduler}: the cluster has no worker; start some with `dask worker {scheduler}`") from None
    return client


def _folder(destination: Destination) -> Path:
    if destination.output is None:
        raise UserError("a cluster cannot write to standard output; name an output file that its workers can write")
    return part_of(destination.output, "parts")


def _parts(tables: Sequence[Table]) -> Iterator[Part]:
    """Yield the parts of all tables: BATCHES batches each of a plain CSV in UTF-8, other tables whole."""
    number = 0
    for index, table in enumerate(tables):
        for part in _parts_of(table, index):
            yield replace(part, number=number)
            number += 1


def _parts_of(table: Table, index: int) -> Iterator[Part]:
    reader = None if table.source.packing or table.size is None else table.block_reader()
    if reader is None:
        yield Part(0, index)
        return
    start, line, begun = reader.position, reader.line, False
    for number, _ in enumerate(reader.batches(), 1):
        if number % BATCHES == 0:
            yield Part(0, index, start, reader.position, line)
            start, line, begun = reader.position, reader.line, True
    if not begun or reader.position > start:
        yield Part(0, index, start, reader.position, line)


def score_part(job: ScoringJob, part: Part) -> PartResult:
    """Score a part on a worker: write its rows and its refusals into the folder beside the output."""
    with _setup_lock:
        tables, scorer = _set_up(job)
    table, path = tables[part.table], _folder(job.destination) / f"{part.number:06}"
    result, refused = PartResult(0, 0, 0, 0, [], {}), []
    try:
        # The part gets its name last: a part that was begun twice, after a worker was lost, is then still whole.
        with path.with_suffix(".writing").open("wb") as file:
            for batch in _batches(table, part):
                scored = scorer.score_batch(table, batch)
                for piece in scored.rendered:
                    file.write(piece)
                refused += [(refusal.line, refusal.reason, refusal.raw) for refusal in scored.refused]
                result = _sum(result, scored)
        path.with_suffix(".refused").write_text(json.dumps(refused), encoding="utf-8")
        os.replace(path.with_suffix(".writing"), path)
    except OSError as error:
        raise UserError(f"{path.parent}: a worker cannot write there ({error}); all must reach it") from None
    return replace(result, recoded=dict(table.source.recoded))


def _sum(result: PartResult, batch: ScoredBatch) -> PartResult:
    counts = (np.array(result.counts or 0) + batch.counts).tolist()
    rows = result.scored + batch.scored, result.written + batch.written, result.without_text + batch.without_text
    return PartResult(*rows, result.headers + batch.headers, counts, {})


def _batches(table: Table, part: Part) -> Iterator[Batch]:
    table.source.recoded.clear()
    reader = None if part.end is None else table.block_reader((part.start, part.end, part.line))
    return table.quick_batches() if reader is None else table.read_blocks(reader)


@lru_cache(maxsize=1)
def _set_up(job: ScoringJob) -> tuple[list[Table], BatchScorer]:
    """Open the tables and load the model once per worker and job."""
    tables = open_tables(list(job.inputs), job.options.text_column, job.options.reading)
    scorer = BatchScorer(load(job.model), tables, job.destination, job.options)
    scorer.compile_now()
    return tables, scorer


def _collect(part: Part, future: Any, tables: Sequence[Table], folder: Path) -> ScoredBatch:
    from distributed.scheduler import KilledWorker

    try:
        result = future.result()
    except KilledWorker:
        raise UserError(
            f"part {part.number + 1} was lost with its worker {_RETRIES + 1} times, perhaps because memory ran out; "
            "give the workers more of it"
        ) from None
    table, path = tables[part.table], folder / f"{part.number:06}"
    refused = [Refusal(*row) for row in json.loads(path.with_suffix(".refused").read_text(encoding="utf-8"))]
    position = (table.size or 0) if part.end is None else part.end
    counts = np.array(result.counts, dtype=np.int64)
    table.source.recoded.update(result.recoded)
    rows = result.scored, result.written, result.without_text, result.headers
    return ScoredBatch(table, position, _pieces(path), refused, *rows, counts)


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes that a worker wrote, then remove them."""
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece
    path.unlink()
    path.with_suffix(".refused").unlink()
