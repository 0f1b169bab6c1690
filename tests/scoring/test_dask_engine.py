"""Scoring on a cluster of real processes writes the bytes of a local run, even if a worker dies during the run."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forked import LETTERS_ONCE, Forked, fork
from narratives.errors import UserError
from narratives.model import persistence
from narratives.scoring import dask_engine
from narratives.scoring.batch_scorer import BatchScorer, Options
from narratives.scoring.score import score
from servers import free_port

pytestmark = pytest.mark.slow
SENTENCES = ("The dam breaks and the river rises!", "A quiet day.", 'Who says ""flood""?', "The mayor lies.\nAnd lies.")


@pytest.fixture(scope="module")
def model(tmp_path_factory, classifier, letters_once):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    persistence.save(classifier, folder, {}, "card")
    return folder


# What a worker of the cluster loads.
LOADED = f"""
import distributed.cli.dask_scheduler, distributed.cli.dask_worker
import narratives.kernel.kernel, narratives.scoring.dask_engine
{LETTERS_ONCE}
"""


def dask(program: str, *arguments: str) -> Forked:
    code = f"import sys; from distributed.cli.dask_{program} import main; sys.argv = {['dask', *arguments]}; main()"
    return fork(code, LOADED, DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="20s")


def end(process: Forked) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def worker(address: str) -> Forked:
    alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--death-timeout", "30")
    return dask("worker", address, *alone)


@contextmanager
def running_scheduler() -> Iterator[str]:
    port = free_port()
    process = dask("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--idle-timeout", "120s")
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        end(process)


@contextmanager
def running_cluster() -> Iterator[tuple[str, list[Forked]]]:
    with running_scheduler() as scheduler:
        processes = [worker(scheduler) for _ in range(2)]
        try:
            yield scheduler, processes
        finally:
            for process in processes:
                if process.runs():
                    end(process)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A scheduler with two workers."""
    with running_cluster() as (scheduler, _):
        yield scheduler


@pytest.fixture
def on_workers(monkeypatch):
    """Return a function that scores on the cluster; this process is made unable to score a batch itself."""

    def run(sources, output, model, scheduler, resume=False, progress=None):
        with pytest.MonkeyPatch.context() as patch:
            patch.delattr(BatchScorer, "score_batch")
            options = Options(engine="dask", scheduler=scheduler, resume=resume)
            return score(sources, output, model, options, progress)

    monkeypatch.setattr("narratives.scoring.dask_engine.BATCHES", 1)
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", 500_000)  # bytes of a batch, and so of a part
    return run


def table(path: Path, rows: int) -> Path:
    lines = (f'{number:06},"{SENTENCES[number % 4]} {number * 7919 % 10007}"\n' for number in range(rows))
    path.write_text("id,text\n" + "".join(lines) + "bad\n" + "7,last", encoding="utf-8")
    return path


def same(folder: Path, name: str) -> bool:
    pairs = [(folder / f"{engine}.{name}{rest}" for engine in ("local", "cluster")) for rest in ("", ".refused.csv")]
    return all(
        local.exists() == remote.exists() and (not local.exists() or local.read_bytes() == remote.read_bytes())
        for local, remote in pairs
    )


def test_parts_of_all_kinds_of_tables_come_back_in_order(tmp_path, model, scheduler, on_workers):
    first = table(tmp_path / "a.csv", 30_000)
    second = tmp_path / "b.csv"
    second.write_text("id;text\n1;Наша дамба. The dam breaks\n", encoding="cp1251")
    pq.write_table(pa.table({"id": ["1", "2"], "text": ["The dam breaks", None]}), tmp_path / "c.parquet")
    for names, output in (
        ([first, second, first], "csv.gz"),
        ([f"file://{first}"], "jsonl"),
        ([tmp_path / "c.parquet"], "parquet"),
    ):
        score(names, tmp_path / f"local.{output}", model, Options())
        done = on_workers(names, tmp_path / f"cluster.{output}", model, scheduler)
        assert done.complete
        assert same(tmp_path, output), output
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_if_a_worker_is_killed_nothing_is_lost(tmp_path, model, on_workers):
    path = table(tmp_path / "a.csv", 120_000)
    score([path], tmp_path / "local.csv", model, Options())
    killed = threading.Event()

    with running_cluster() as (own, workers):

        def kill(done: int, total: int | None, rows: int) -> None:
            if not killed.is_set():
                workers[0].send_signal(signal.SIGKILL)
                killed.set()

        done = on_workers([path], tmp_path / "cluster.csv", model, own, progress=kill)
    assert killed.is_set()
    assert (done.rows_scored, done.rows_refused) == (120_001, 1)
    assert same(tmp_path, "csv")


def test_an_interrupted_run_on_a_cluster_resumes(tmp_path, model, scheduler, on_workers):
    path = table(tmp_path / "a.csv", 40_000)
    score([path], tmp_path / "local.csv", model, Options())

    def stop(done: int, total: int | None, rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="--resume"):
        on_workers([path], tmp_path / "cluster.csv", model, scheduler, progress=stop)
    on_workers([path], tmp_path / "cluster.csv", model, scheduler, resume=True)
    assert same(tmp_path, "csv")


def test_what_a_cluster_cannot_do_is_refused_with_the_reason(tmp_path, model, monkeypatch):
    path = table(tmp_path / "a.csv", 3)
    monkeypatch.setattr("narratives.scoring.dask_engine._TIMEOUT", 5)
    with running_scheduler() as scheduler:
        for options, output, sentence in (
            ({"scheduler": None}, "out.csv", "--scheduler tcp://HOST:PORT"),
            ({"scheduler": f"tcp://127.0.0.1:{free_port()}"}, "out.csv", "no Dask scheduler answers there"),
            ({"scheduler": scheduler}, "out.csv", "the cluster has no worker"),
            ({"scheduler": scheduler}, "-", "name an output file"),
        ):
            with pytest.raises(UserError, match=sentence):
                score([path], output if output == "-" else tmp_path / output, model, Options(engine="dask", **options))
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv"}


def test_an_error_on_a_worker_reaches_the_user(tmp_path, model, scheduler):
    path = table(tmp_path / "a.csv", 10)
    (tmp_path / "gone").mkdir()
    source = tmp_path / "gone" / "a.csv"
    path.rename(source)
    deadline = time.monotonic() + 30
    scoring_job = dask_engine.scoring_job

    def elsewhere(*arguments):
        job = scoring_job(*arguments)
        return type(job)(("/nowhere/a.csv",), job.destination, job.model, job.options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("narratives.scoring.score.scoring_job", elsewhere)
        with pytest.raises(UserError, match=r"/nowhere/a\.csv: there is no such file"):
            score([source], tmp_path / "out.csv", model, Options(engine="dask", scheduler=scheduler))
    assert time.monotonic() < deadline
