"""Measure scoring on a Dask cluster of two workers on this machine against a local process of two threads, in turns.

    python benchmarks/cluster.py TABLE [--rows 1000000] [--runs 3] [--model FOLDER]

The workers have loaded the model before the first run that counts. Figures are kept in
``benchmarks/results/cluster.json``.
"""

import argparse
import filecmp
import json
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from narratives import paths
from speed import made_table, run, spread

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", type=Path, default=paths.released_model())
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="narratives-cluster-") as name, cluster() as address:
        source = made_table(asked.table, Path(name) / "in.csv", asked.rows)
        common = [
            sys.executable,
            "-m",
            "narratives",
            "score",
            source,
            "--force",
            "--model",
            asked.model.resolve(),
            "-o",
        ]
        commands = {
            "local": [*common, Path(name) / "local.csv", "--jobs", "2"],
            "cluster": [*common, Path(name) / "cluster.csv", "--engine", "dask", "--scheduler", address],
        }
        times: dict[str, list[float]] = {who: [] for who in commands}
        for number in range(asked.runs + 1):
            for who, command in commands.items():
                seconds, _ = run(command)
                if number:
                    times[who].append(seconds)
        same = filecmp.cmp(Path(name) / "local.csv", Path(name) / "cluster.csv", shallow=False)
    ratios = [local / there for local, there in zip(times["local"], times["cluster"], strict=True)]
    found = {
        "rows": asked.rows,
        "seconds": {who: round(statistics.median(each), 1) for who, each in times.items()},
        "cluster against local (min, median, max)": spread(ratios),
        "same bytes": same,
    }
    print(json.dumps(found, indent=1))
    (HERE / "results" / "cluster.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@contextmanager
def cluster() -> Iterator[str]:
    """Start a scheduler and two workers of one thread each on 127.0.0.1; yield the scheduler's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    words = [["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    words += [["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]] * 2
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *rest],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for kind, *rest in words
    ]
    try:
        yield address
    finally:
        for process in started:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
