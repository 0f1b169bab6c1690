"""Reads damaged tables of all formats until the time is over, and reports what is not a table and not a sentence.

Run it as ``make fuzz SECONDS=600``, with ``SEED=`` for another sequence of damages. Every input has a number; the file
of an input that fails is kept, and its number with the seed makes it again.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from fuzz.mutations import VALID, damaged
from narratives.errors import UserError
from narratives.tables.guard.child import FRUGAL, limit_memory
from narratives.tables.rows import Batch
from narratives.tables.table import Table, open_table

SECONDS_PER_INPUT = 10
MEMORY = 1000  # megabytes beside what Python takes
_ROOT = Path(__file__).parents[2]


@dataclass
class Report:
    """What a run found: how many inputs were read, how many of them refused, and each failure in words."""

    inputs: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)


def write_input(path: Path, name: str, random: Random) -> None:
    """Write a table of this kind, damaged."""
    VALID[name](path)
    path.write_bytes(damaged(path.read_bytes(), random))


def check(path: Path) -> bool:
    """Read a table in each way that there is; return False if it is refused. Raises AssertionError if rows are lost."""
    try:
        table = open_table(path, "text")
    except UserError as error:
        return _is_sentence(error)
    strict, quick = _outcome(table.batches), _outcome(table.quick_batches)
    assert strict == quick, f"strictly {strict} good and refused rows, quickly {quick}"
    rows = _rows(table, path) if strict else None
    assert rows is None or sum(strict) == rows, f"{rows} rows, of which {strict} are good and refused"
    return bool(strict)


def _is_sentence(error: UserError) -> bool:
    """Return False, as what it was raised over is refused. Raises AssertionError if it has several lines."""
    lines = str(error).splitlines()
    assert len(lines) == 1, f"more than one line: {error}"
    return False


def _outcome(batches: Callable[[], Iterator[Batch]]) -> tuple[int, ...]:
    """Return how many rows are good and refused; nothing if the table is refused on the way."""
    try:
        return _counts(batches())
    except UserError as error:
        _is_sentence(error)
        return ()


def _counts(batches: Iterator[Batch]) -> tuple[int, int]:
    """Return how many rows are good and refused; each good one has its cells, its object, its text and its line."""
    good = refused = 0
    for batch in batches:
        parts = (batch.texts, batch.lines, batch.rows.cells(), batch.rows.objects())
        assert {len(part) for part in parts} == {len(batch.texts)}, f"parts of {[len(part) for part in parts]} rows"
        assert batch.rows.arrow().num_rows == len(batch.texts)
        good, refused = good + len(batch.texts) + batch.headers, refused + len(batch.refused)
    return good, refused


def _rows(table: Table, path: Path) -> int | None:
    """Return how many rows a table has by another count; None where there is none."""
    if table.format in ("Parquet", "Arrow"):
        return int(table.reader.count())  # type: ignore[attr-defined]
    if table.format == "JSONL" and not table.source.packing and table.encoding == "UTF-8":
        text = path.read_bytes().decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
        return sum(bool(line.strip(" \t\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0")) for line in text.split("\n"))
    return None


def read_whole(folder: Path) -> None:
    """Read all tables undamaged, which loads and compiles what reading takes: that is no memory of an input."""
    for name, write in VALID.items():
        write(folder / name)
        assert check(folder / name), f"{name} is refused"


def read_inputs(seed: int, first: int, folder: Path) -> None:
    """Read inputs one after the other, and say what became of each on standard output; the caller ends this."""
    names = list(VALID)
    for number in count(first):
        random = Random(f"{seed}:{number}")
        name = names[number % len(names)]
        path = folder / name
        print("input", number, name, flush=True)
        write_input(path, name, random)
        signal.alarm(SECONDS_PER_INPUT)  # ends the process, also inside a library
        try:
            print("read" if check(path) else "refused", flush=True)
        except Exception:  # noqa: BLE001  # whatever comes here is what is looked for
            said = traceback.format_exc().strip().splitlines()
            print("failed", " | ".join(map(str.strip, (said[-1], *said[-7:-1]))), flush=True)
        signal.alarm(0)


def fuzz(seconds: float, seed: int = 0, most: int | None = None) -> Report:
    """Read inputs until the time is over, or ``most`` of them, in processes that are replaced when one ends."""
    report, until, kept = Report(), time.monotonic() + seconds, Path(tempfile.mkdtemp(prefix="fuzz-"))
    while time.monotonic() < until and (most is None or report.inputs < most):
        _one_process(report, until, (seed, most), kept)
    return report


def _one_process(report: Report, until: float, order: tuple[int, int | None], kept: Path) -> None:
    (seed, most), number, name = order, report.inputs, ""
    environment = {**os.environ, **FRUGAL, "PYTHONPATH": os.pathsep.join((str(_ROOT), str(_ROOT / "tests")))}
    command = [sys.executable, "-m", "fuzz.fuzzer", "--child", str(report.inputs), "--seed", str(seed)]
    with subprocess.Popen([*command, "--folder", str(kept)], stdout=subprocess.PIPE, env=environment, text=True) as run:
        for line in run.stdout or ():
            word, *rest = line.split(maxsplit=2)
            if word == "input":
                number, name = int(rest[0]), rest[1].strip()
                if time.monotonic() > until or (most is not None and number >= most):
                    run.kill()
                    return
                continue
            report.inputs, report.refused = number + 1, report.refused + (word == "refused")
            if word == "failed":
                _keep(report, kept / name, number, line.removeprefix("failed "))
    ended = signal.Signals(-run.returncode).name if run.returncode < 0 else f"status {run.returncode}"
    _keep(report, kept / name, number, "hangs" if ended == "SIGALRM" else f"ends the process ({ended})")
    report.inputs = number + 1


def _keep(report: Report, path: Path, number: int, what: str) -> None:
    kept = path.with_name(f"{number}-{path.name}")
    kept.write_bytes(path.read_bytes() if path.is_file() else b"")
    report.failures.append(f"{kept}: {what.strip()}")


def main() -> int:
    """Run the fuzzer; the exit status says whether it found something."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    told = options.parse_args()
    if told.child is not None:
        read_whole(told.folder)
        limit_memory(MEMORY, __file__)
        read_inputs(told.seed, told.child, told.folder)
    report = fuzz(told.seconds, told.seed)
    print("\n".join(report.failures))
    print(f"{report.inputs:,} inputs, {report.refused:,} refused in one sentence, {len(report.failures)} failures")
    return bool(report.failures)


if __name__ == "__main__":
    sys.exit(main())
