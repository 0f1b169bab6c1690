"""Owns scoring on a cluster: parts of tables scored and written by Dask workers, taken up in their order.

Workers are told paths and bytes, never rows. Each loads the model once, reads its part of a table, and writes what
becomes of it into a folder beside the output, which all must reach by the same path. A lost worker's parts are done
again by others. Dask is an extra: ``narratives[cluster]``.
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
_WAIT = 30  # seconds for a scheduler and a first worker to answer
_CHUNK = 1 << 22
_ready_once = threading.Lock()


@dataclass(frozen=True)
class ScoringJob:
    """What a worker must know of a run; paths are absolute, since it may stand elsewhere."""

    inputs: tuple[str, ...]
    place: Destination
    model: Path
    options: Options


def scoring_job(tables: Sequence[Table], place: Destination, model: Path, options: Options) -> ScoringJob:
    """Return the order of a run."""
    inputs = tuple(table.path if is_url(table.path) else str(Path(table.path).resolve()) for table in tables)
    if "-" in [table.path for table in tables]:
        raise UserError("a cluster cannot read standard input; name a file that its workers reach")
    output = replace(place, output=place.output.resolve() if place.output else None)
    return ScoringJob(inputs, output, model.resolve(), options)


@dataclass(frozen=True)
class Part:
    """A part of a run: its number, that of its table, and the bytes it is; the whole table where ``end`` is None.

    ``line`` is the line of its first byte; ``header`` tells that the first record is the header.
    """

    number: int
    table: int
    start: int = 0
    end: int | None = None
    line: int = 1
    header: bool = True


@dataclass(frozen=True)
class PartResult:
    """What a worker tells of a part that it wrote."""

    scored: int
    written: int
    counts: list[int]


def done_on_cluster(order: ScoringJob, tables: Sequence[Table], left_out: int) -> Generator[ScoredBatch, None, None]:
    """Yield the parts in order, the first ``left_out`` left out, each written by a worker.

    Raises UserError if no scheduler or no worker answers, and where a worker cannot go on.
    """
    folder = _folder(order.place)
    client = _client(order.options.scheduler)
    waiting: deque[tuple[Part, Any]] = deque()
    try:
        folder.mkdir(exist_ok=True)
        most = 4 * sum(client.nthreads().values()) + 4
        for part in islice(_parts(tables), left_out, None):
            key = f"narratives-{os.getpid()}-{part.number}"
            waiting.append((part, client.submit(score_part, order, part, key=key, pure=False, retries=_RETRIES)))
            if len(waiting) >= most:
                yield _taken(*waiting.popleft(), tables, folder)
        while waiting:
            yield _taken(*waiting.popleft(), tables, folder)
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
        client = Client(scheduler, timeout=_WAIT)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise UserError(f"{scheduler}: no Dask scheduler answers there ({type(error).__name__}); start one") from None
    try:
        client.wait_for_workers(1, timeout=_WAIT)
    except TimeoutError:
        client.close()  # type: ignore[no-untyped-call]
        raise UserError(f"{scheduler}: the cluster has no worker; start some with `dask worker {scheduler}`") from None
    return client


def _folder(place: Destination) -> Path:
    if place.output is None:
        raise UserError("a cluster cannot write to standard output; name an output file that its workers reach")
    return part_of(place.output, "parts")


def _parts(tables: Sequence[Table]) -> Iterator[Part]:
    """Yield the parts of all tables: so many batches each of a plain CSV in UTF-8, other tables whole."""
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
    start, line, header = reader.position, reader.line, True
    for number, _ in enumerate(reader.batches(), 1):
        if number % BATCHES == 0:
            yield Part(0, index, start, reader.position, line, header)
            start, line, header = reader.position, reader.line, False
    if header or reader.position > start:
        yield Part(0, index, start, reader.position, line, header)


def score_part(order: ScoringJob, part: Part) -> PartResult:
    """Score a part on a worker: write its rows, and what is refused of it, into the folder beside the output."""
    with _ready_once:
        tables, work = _ready(order)
    table, path = tables[part.table], _folder(order.place) / f"{part.number:06}"
    told, refused = PartResult(0, 0, []), []
    try:
        with path.with_suffix(".writing").open("wb") as file:
            for batch in _batches(table, part):
                done = work.do(table, batch)
                for piece in done.rendered:
                    file.write(piece)
                refused += [(one.line, one.reason, one.raw) for one in done.refused]
                counts = (np.array(told.counts or 0) + done.counts).tolist()
                told = PartResult(told.scored + done.scored, told.written + done.written, counts)
        path.with_suffix(".refused").write_text(json.dumps(refused), encoding="utf-8")
        os.replace(path.with_suffix(".writing"), path)
    except OSError as error:
        raise UserError(f"{path.parent}: a worker cannot write there ({error}); all must reach it") from None
    return told


def _batches(table: Table, part: Part) -> Iterator[Batch]:
    if part.end is None:
        return table.quick_batches()
    reader = table.block_reader((part.start, part.end))
    if reader is None:
        raise UserError("a worker has no Numba; give all of them the same packages")
    reader.line, reader.header = part.line, part.header
    return reader.batches()


@lru_cache(maxsize=1)
def _ready(order: ScoringJob) -> tuple[list[Table], BatchScorer]:
    tables = open_tables(list(order.inputs), order.options.text_column)
    work = BatchScorer(load(order.model), tables, order.place, order.options)
    work.compile_now()
    return tables, work


def _taken(part: Part, future: Any, tables: Sequence[Table], folder: Path) -> ScoredBatch:
    from distributed.scheduler import KilledWorker

    try:
        told = future.result()
    except KilledWorker:
        raise UserError(
            f"part {part.number + 1} was lost with its worker {_RETRIES + 1} times, perhaps for want of memory; "
            "give workers more of it"
        ) from None
    table, path = tables[part.table], folder / f"{part.number:06}"
    refused = [Refusal(*one) for one in json.loads(path.with_suffix(".refused").read_text(encoding="utf-8"))]
    position = (table.size or 0) if part.end is None else part.end
    counts = np.array(told.counts, dtype=np.int64)
    return ScoredBatch(table, position, _pieces(path), refused, told.scored, told.written, counts)


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes that a worker wrote, and remove them."""
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
    path.unlink()
    path.with_suffix(".refused").unlink()
