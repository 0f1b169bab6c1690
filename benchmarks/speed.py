"""Measure scoring: whole processes from CSV to CSV, ours against a plain script with the same features, in turns.

    python benchmarks/speed.py TABLE [--rows 10000 100000 1000000] [--runs 3] [--model FOLDER]

The input is TABLE's rows, repeated and shuffled. Each contestant runs as a process of its own, one after the other in
each run, so that a noisy machine is unfair to none; ratios are of the same run. Needs the extra ``bench``. Figures are
kept in ``benchmarks/results/speed.json``.
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
from narratives.tables.table import read_all  # noqa: E402
from servers import CHROMIUM, WAIT, free_port, start  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--slow", type=int, default=100_000, help="rows above which the slow ones run once")
    parser.add_argument("--model", type=Path, default=paths.released_model())
    asked = parser.parse_args()
    found: dict[str, Any] = {"model": persistence.load(asked.model).name, "cores": os.cpu_count(), "tables": []}
    with tempfile.TemporaryDirectory(prefix="narratives-speed-") as name:
        folder = Path(name)
        for rows in asked.rows:
            source = made_table(asked.table, folder / f"{rows}.csv", rows)
            found["tables"].append(race(source, rows, asked, folder))
            print(race_table(found["tables"][-1]), flush=True)
            source.unlink()
        found["one text"] = one_text(asked)
        found["cold"] = cold(asked.model) | {"first page": first_page(asked.model)}
    print(json.dumps({key: found[key] for key in ("one text", "cold")}, indent=1))
    (HERE / "results" / "speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def made_table(table: Path, path: Path, rows: int) -> Path:
    """Write ``rows`` rows of ``table``, repeated and shuffled each time."""
    columns = read_all(table)
    lines, order = list(zip(*columns.values(), strict=True)), random.Random(0)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for left in range(rows, 0, -len(lines)):
            chosen = order.sample(lines, len(lines))
            writer.writerows(chosen[:left])
    return path


def race(source: Path, rows: int, asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run every contestant in turns; return seconds, peak memory and ratios to the plain script of the same run."""
    scored = folder / "scored.csv"
    ours = [sys.executable, "-m", "narratives", "score", source, "-o", scored, "--force", "--model", asked.model]
    contestants = {
        "narratives": ours,
        "narratives, 1 thread": [*ours, "--jobs", "1"],
        "limit: pyarrow reads and writes": script("pyarrow", source, scored, folder / "limit.csv"),
        "limit: Polars scan to sink": script("polars", source, scored, folder / "limit.csv"),
        "fastText, in memory": script("fasttext", source, asked.model),
        "plain script": script("plain", source, asked.model, folder / "plain.csv"),
    }
    run(ours)  # compiles once, and writes what the limits write again
    times: dict[str, list[float]] = {name: [] for name in contestants}
    memory: dict[str, int] = {}
    for number in range(asked.runs):
        for name, command in contestants.items():
            if name == "plain script" and rows > asked.slow and number:
                continue
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


def script(what: str, *words: object) -> list[object]:
    return [sys.executable, HERE / "speed_peers.py", what, *words]


def run(command: list[Any]) -> tuple[float, int]:
    """Run a process under a small parent; return its seconds and its peak memory in MB.

    What a peer prints in the end is its own seconds, which count then. (Under a large parent its memory
    would be counted as the child's.)
    """
    told = subprocess.run([sys.executable, "-c", PARENT, *map(str, command)], capture_output=True, check=False)
    if told.returncode:
        raise SystemExit(told.stderr.decode()[-2000:])
    *own, seconds, memory = told.stdout.split()
    return float(own[0] if len(own) == 1 else seconds), int(memory)


PARENT = """
import os, subprocess, sys, time
begun = time.monotonic()
process = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(process.pid, 0)
print(time.monotonic() - begun, used.ru_maxrss // 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def spread(values: list[float]) -> list[float]:
    """Return the least, the median and the greatest."""
    return [round(value, 3) for value in (min(values), statistics.median(values), max(values))]


def race_table(found: dict[str, Any]) -> str:
    lines = [f"{found['rows']:,} rows, CSV to CSV         seconds   against plain (min/med/max)   of the limit    MB"]
    for row in found["results"]:
        ratio, limit = ("/".join(f"{value:.2f}" for value in row[key]) for key in ("ratio", "limit"))
        lines.append(
            f"{row['name']:32}{statistics.median(row['seconds']):>9.2f}   {ratio:<28}{limit:<16}{row['megabytes']:>6}"
        )
    return "\n".join(lines)


def one_text(asked: argparse.Namespace) -> dict[str, float]:
    """Return p50 and p99 in milliseconds of one paragraph, warm, by the kernel and by the classifier."""
    from narratives.kernel.kernel import Kernel

    classifier = persistence.load(asked.model)
    texts = next(iter(read_all(asked.table)[name] for name in ("text",)))[:2000]
    found = {}
    for name, reader in (("kernel", Kernel(classifier)), ("classifier", classifier)):
        reader.predict_texts(texts[:50])
        times = []
        for text in texts:
            begun = time.perf_counter()
            reader.predict_texts([text])
            times.append(1000 * (time.perf_counter() - begun))
        for share in (50, 99):
            found[f"{name} p{share}, ms"] = round(float(np.percentile(times, share)), 3)
    return found


def cold(model: Path) -> dict[str, float]:
    """Return the seconds of whole processes, the median of five: ``classify``, ``--help``."""
    words = {
        "classify": ["classify", "The war is effectively stalemated.", "--model", str(model)],
        "--help": ["--help"],
    }
    return {
        name: round(statistics.median(run([sys.executable, "-m", "narratives", *rest])[0] for _ in range(5)), 2)
        for name, rest in words.items()
    }


def first_page(model: Path) -> float | None:
    """Return the seconds from a server that is up to its first page, in Chromium that is open; None where it is not."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        return None
    port = free_port()
    server = start(port, paths.labels_folder(), model.resolve().parent)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page()
            begun = time.monotonic()
            page.goto(f"http://127.0.0.1:{port}")
            page.wait_for_selector("textarea", timeout=WAIT)
            return round(time.monotonic() - begun, 2)
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
