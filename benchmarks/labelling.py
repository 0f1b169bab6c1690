"""Measure the labelling pages as an annotator sees them: a real browser, the real server, the released model.

    python benchmarks/labelling.py [--paragraphs 100000] [--annotators 8]

Prints, for a database of the given number of paragraphs:

- seconds until the server answers and until it shows the first paragraph;
- milliseconds from a key to the next paragraph, for one annotator and for several at once;
- how many paragraphs are stored correctly, and how many are lost, when keys follow each other quickly.

Writes the same to ``benchmarks/results/labelling.json``. Needs Chromium.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from narratives import paths  # noqa: E402
from narratives.labels.label_set import LabelledParagraph  # noqa: E402
from narratives.store.assignments import AssignmentQueue, QueueEntry  # noqa: E402
from narratives.store.events import Store  # noqa: E402
from narratives.text.paragraphs import paragraph_id  # noqa: E402
from servers import CHROMIUM, WAIT, free_port, start  # noqa: E402

SHOWN = """() => {
  const roots = [...document.querySelectorAll('*')].map(element => element.shadowRoot).filter(Boolean);
  return roots.map(root => root.querySelector('.board .text')).find(Boolean)?.innerText ?? '';
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paragraphs", type=int, default=100_000)
    parser.add_argument("--annotators", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="narratives-") as folder:
        labels = Path(folder) / "labels"
        shutil.copytree(paths.labels_folder(), labels, ignore=shutil.ignore_patterns("*.sqlite*"))
        store = filled(labels, options.paragraphs)
        results = {"paragraphs": options.paragraphs, **measured(labels, store, options.annotators)}
        store.close()
    for name, value in results.items():
        print(f"{name:52} {value}")
    (HERE / "results" / "labelling.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def filled(labels: Path, number: int) -> Store:
    """Create a label database with ``number`` paragraphs of ordinary length, all in the queue."""
    store = Store(f"sqlite:///{labels / 'labels.sqlite'}")
    texts = [
        f"Paragraph {n}: " + "the choir meets at the old quay and sings until nine o'clock. " * 4 for n in range(number)
    ]
    rows = [LabelledParagraph(paragraph_id(text), text.strip(), "en", "", "") for text in texts]
    store.add(rows)
    AssignmentQueue(store).order(QueueEntry(row.paragraph_id, "random", "") for row in rows)
    return store


def measured(labels: Path, store: Store, annotators: int) -> dict[str, Any]:
    """Start the server and a browser, and return the figures under the names that are printed."""
    from playwright.sync_api import sync_playwright

    begun, port = time.monotonic(), free_port()
    server = start(port, labels, paths.models_folder())
    answers = time.monotonic() - begun
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = signed_in(browser, port, "first")
            shown = time.monotonic() - begun
            reloaded = time.monotonic()
            page.reload()
            page.wait_for_function(f"() => ({SHOWN})()", timeout=WAIT, polling=5)
            reload = time.monotonic() - reloaded
            waits = work_together([page], 50)
            correct, lost = typed(page, store, "first")
            together = work_together([signed_in(browser, port, f"annotator {n}") for n in range(annotators)], 25)
            browser.close()
    finally:
        server.kill()
        server.wait(10)
    return {
        "server answers after (s)": round(answers, 1),
        "first paragraph shown after (s)": round(shown, 1),
        "page opened again (s)": round(reload, 2),
        "key to next paragraph, p50 / p95 (ms)": quantiles(waits),
        "typed 50 ms a key: right / lost of 30": [correct, lost],
        f"{annotators} annotators at once, p50 / p95 (ms)": quantiles(together),
    }


def signed_in(browser: Any, port: int, name: str) -> Any:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"http://127.0.0.1:{port}/queue")
    page.wait_for_selector("input[aria-label^='Your name']", timeout=WAIT)
    page.fill("input[aria-label^='Your name']", name)
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => ({SHOWN})()", timeout=WAIT, polling=5)
    return page


def typed(page: Any, store: Store, name: str) -> tuple[int, int]:
    """Label thirty paragraphs with one or two frames each, typing quickly; return how many are correct, and lost."""
    frames = ["attack-from-belarus-threat", "russian-victory-inevitable", "ukraine-collapsing"]
    before = len(readings(store, name))
    expected = []
    for number in range(30):
        keys = ["1", "2", "3"][number % 3 : number % 3 + 1 + number % 2]
        expected.append(sorted(frames[int(key) - 1] for key in keys))
        for key in [*keys, "Enter"]:
            page.keyboard.press(key)
            page.wait_for_timeout(50)
    page.wait_for_timeout(4000)  # the last steps may still be on their way
    stored = readings(store, name)[before:]
    correct = sum(frames == typed_frames for frames, typed_frames in zip(stored, expected, strict=False))
    return correct, 30 - len(stored)


def readings(store: Store, name: str) -> list[list[str]]:
    """Return the frames of each reading by an annotator, in the order in which they were stored."""
    events = [event for event in store.history(kind="reading") if event.annotator == name]
    return [sorted(label.frame for label in event.labels) for event in events]


def work_together(pages: list[Any], rounds: int) -> list[float]:
    """Let annotators work at the same time, each pausing at random before a key; return all waits in seconds.

    Each page presses its own keys and measures the time until it shows the next paragraph: measured from Python, the
    pages would wait for each other.
    """
    for page in pages:
        page.evaluate(WORK, rounds)
    for page in pages:
        page.wait_for_function("() => window.finished", timeout=10 * WAIT)
    return [wait / 1000 for page in pages for wait in page.evaluate("() => window.waits")]


WORK = f"""rounds => {{
  const shown = {SHOWN};
  const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));
  window.waits = []; window.finished = false;
  (async () => {{
    for (let round = 0; round < rounds; round++) {{
      await sleep(500 + 1000 * Math.random());
      const before = shown(), begun = performance.now();
      document.dispatchEvent(new KeyboardEvent('keydown', {{ code: 'Enter', key: 'Enter', bubbles: true }}));
      while (shown() === before) await sleep(4);
      window.waits.push(performance.now() - begun);
    }}
    window.finished = true;
  }})();
}}"""


def quantiles(seconds: list[float]) -> list[int]:
    """Return p50 and p95 in milliseconds."""
    return [round(1000 * float(value)) for value in np.percentile(seconds, [50, 95])]


if __name__ == "__main__":
    main()
