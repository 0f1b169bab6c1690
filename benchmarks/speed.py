"""Measure the speed of scoring, whole processes from CSV to CSV, against a plain script with the same features.

    python benchmarks/speed.py TABLE [--rows 10000 100000 1000000] [--runs 3] [--model FOLDER]

The input is TABLE's rows, repeated and shuffled. Each contestant is a separate process. The contestants take turns in
each run, and a ratio compares processes of one run, so that a noisy machine affects all of them alike. Needs the extra
``bench``. Writes the figures to ``benchmarks/results/speed.json``.
"""

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from narratives import paths  # noqa: E402
from narratives.model import persistence  # noqa: E402
from narratives.model.releases import model_in_use  # noqa: E402
from narratives.tables.table import read_all  # noqa: E402
from servers import CHROMIUM, WAIT, free_port, start  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slow", type=int, default=100_000, help="rows above which the plain script runs once")
    parser.add_argument("--model", type=Path, default=model_in_use())
    options = parser.parse_args()
    results: dict[str, Any] = {"model": persistence.load(options.model).name, "cores": os.cpu_count(), "tables": []}
    with tempfile.TemporaryDirectory(prefix="narratives-speed-") as name:
        folder = Path(name)
        for rows in options.rows:
            source = made_table(options.table, folder / f"{rows}.csv", rows)
            results["tables"].append(race(source, rows, options, folder))
            print(race_table(results["tables"][-1]), flush=True)
            source.unlink()
        results["one text"] = one_text(options)
        results["cold"] = cold(options.model) | {"first page": first_page(options.model)}
    print(json.dumps({key: results[key] for key in ("one text", "cold")}, indent=1))
    (HERE / "results" / "speed.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def made_table(table: Path, path: Path, rows: int) -> Path:
    """Write ``rows`` rows to ``path``: the rows of ``table`` again and again, in a new random order each time."""
    columns = read_all(table)
    lines, order = list(zip(*columns.values(), strict=True)), random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for left in range(rows, 0, -len(lines)):
            chosen = order.sample(lines, len(lines))
            writer.writerows(chosen[:left])
    return path


def race(source: Path, rows: int, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run all contestants in turns; return seconds, peak memory, and ratios within a run.

    "ratio" is the plain script's time divided by the contestant's, "limit" that of pyarrow divided by the contestant's.
    """
    scored = folder / "scored.csv"
    ours = [sys.executable, "-m", "narratives", "score", source, "-o", scored, "--force", "--model", options.model]
    contestants = {
        "narratives": ours,
        "narratives, 1 thread": [*ours, "--jobs", "1"],
        "limit: pyarrow reads and writes": script("pyarrow", source, scored, folder / "limit.csv"),
        "limit: Polars scan to sink": script("polars", source, scored, folder / "limit.csv"),
        "fastText, in memory": script("fasttext", source, options.model),
        "plain script": script("plain", source, options.model, folder / "plain.csv"),
    }
    run(ours)  # not measured: compiles the kernel, and writes the scored table that the limits copy
    times: dict[str, list[float]] = {name: [] for name in contestants}
    memory: dict[str, int] = {}
    for turn in range(options.runs):
        for name, command in contestants.items():
            if name == "plain script" and rows > options.slow and turn:
                continue  # it takes minutes; all turns are compared with its only time
            seconds, memory[name] = run(command)
            times[name].append(seconds)
    results = [
        {
            "name": name,
            "seconds": [round(second, 2) for second in seconds],
            "megabytes": memory[name],
            "ratio": spread(
                [times["plain script"][min(n, len(times["plain script"]) - 1)] / s for n, s in enumerate(seconds)]
            ),
            "limit": spread(
                [limit / s for limit, s in zip(times["limit: pyarrow reads and writes"], seconds, strict=False)]
            ),
        }
        for name, seconds in times.items()
    ]
    return {"rows": rows, "results": results}


def script(peer: str, *arguments: object) -> list[object]:
    """Return the command that runs a peer of ``speed_peers.py``."""
    return [sys.executable, HERE / "speed_peers.py", peer, *arguments]


def run(command: list[Any]) -> tuple[float, int]:
    """Run a process under a small parent process; return its seconds and its peak memory in MB.

    If the process prints a number, that number counts as its seconds. The parent is small because a forked child starts
    with the parent's memory, and the peak of this process would be counted as the child's.
    """
    done = subprocess.run([sys.executable, "-c", PARENT, *map(str, command)], capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode()[-2000:])
    *own, seconds, memory = done.stdout.split()
    return float(own[0] if len(own) == 1 else seconds), int(memory)


PARENT = """
import os, subprocess, sys, time
started = time.monotonic()
process = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(process.pid, 0)
print(time.monotonic() - started, used.ru_maxrss // 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def spread(values: list[float]) -> list[float]:
    """Return the minimum, the median and the maximum."""
    return [round(value, 3) for value in (min(values), statistics.median(values), max(values))]


def race_table(result: dict[str, Any]) -> str:
    """Return the results of one race as a text table."""
    lines = [f"{result['rows']:,} rows, CSV to CSV         seconds   against plain (min/med/max)   of the limit    MB"]
    for row in result["results"]:
        ratio, limit = ("/".join(f"{value:.2f}" for value in row[key]) for key in ("ratio", "limit"))
        lines.append(
            f"{row['name']:32}{statistics.median(row['seconds']):>9.2f}   {ratio:<28}{limit:<16}{row['megabytes']:>6}"
        )
    return "\n".join(lines)


def one_text(options: argparse.Namespace) -> dict[str, float]:
    """Return p50 and p99 of scoring one paragraph, warm, in milliseconds, by the kernel and by the classifier."""
    from narratives.kernel.kernel import Kernel

    classifier = persistence.load(options.model)
    texts = next(iter(read_all(options.table)[name] for name in ("text",)))[:2000]
    milliseconds = {}
    for name, predictor in (("kernel", Kernel(classifier)), ("classifier", classifier)):
        predictor.predict_texts(texts[:50])
        times = []
        for text in texts:
            started = time.perf_counter()
            predictor.predict_texts([text])
            times.append(1000 * (time.perf_counter() - started))
        for share in (50, 99):
            milliseconds[f"{name} p{share}, ms"] = round(float(np.percentile(times, share)), 3)
    return milliseconds


def cold(model: Path) -> dict[str, float]:
    """Return the seconds of whole processes, ``classify`` and ``--help``: the median of several runs."""
    commands = {
        "classify": ["classify", "The war is effectively stalemated.", "--model", str(model)],
        "--help": ["--help"],
    }
    return {
        name: round(statistics.median(run([sys.executable, "-m", "narratives", *arguments])[0] for _ in range(5)), 2)
        for name, arguments in commands.items()
    }


def first_page(model: Path) -> float | None:
    """Return the seconds until a running server shows its first page in a running Chromium.

    None if Chromium is not installed.
    """
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        return None
    port = free_port()
    server = start(port, paths.labels_folder(), model.resolve().parent)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            started = time.monotonic()
            page.goto(f"http://127.0.0.1:{port}")
            page.wait_for_selector("textarea", timeout=WAIT)
            return round(time.monotonic() - started, 2)
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
