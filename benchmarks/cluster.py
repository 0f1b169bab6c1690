"""Compare scoring on a Dask cluster of two workers with a local process of two threads, both on this machine, in turns.

    python benchmarks/cluster.py TABLE [--rows 1000000] [--runs 3] [--model FOLDER]

The first run of each is not counted, because in it the workers load the model. Writes the figures to
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

from narratives.model.releases import model_in_use
from speed import made_table, run, spread

HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", type=Path, default=model_in_use())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="narratives-cluster-") as name, cluster() as address:
        source = made_table(options.table, Path(name) / "in.csv", options.rows)
        common = [
            sys.executable,
            "-m",
            "narratives",
            "score",
            source,
            "--force",
            "--model",
            options.model.resolve(),
            "-o",
        ]
        commands = {
            "local": [*common, Path(name) / "local.csv", "--jobs", "2"],
            "cluster": [*common, Path(name) / "cluster.csv", "--engine", "dask", "--scheduler", address],
        }
        times: dict[str, list[float]] = {engine: [] for engine in commands}
        for number in range(options.runs + 1):
            for engine, command in commands.items():
                seconds, _ = run(command)
                if number:  # run 0 loads the model and compiles
                    times[engine].append(seconds)
        same = filecmp.cmp(Path(name) / "local.csv", Path(name) / "cluster.csv", shallow=False)
    ratios = [local / cluster_seconds for local, cluster_seconds in zip(times["local"], times["cluster"], strict=True)]
    results = {
        "rows": options.rows,
        "seconds": {engine: round(statistics.median(seconds), 1) for engine, seconds in times.items()},
        "cluster against local (min, median, max)": spread(ratios),
        "same bytes": same,
    }
    print(json.dumps(results, indent=1))
    (HERE / "results" / "cluster.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


@contextmanager
def cluster() -> Iterator[str]:
    """Start a scheduler and two workers of one thread each on 127.0.0.1; yield the scheduler's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    arguments = [["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    arguments += [["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]] * 2
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *rest],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for kind, *rest in arguments
    ]
    try:
        yield address
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
