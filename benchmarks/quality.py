"""Measure the model in force, each step towards it and MiniLM beside it; print tables and keep them as JSON.

    python benchmarks/quality.py [--data FOLDER] [--labels FOLDER] [--model FOLDER] [--product-only]

The model in force is measured on labelled tables and on six held-out articles, in seconds, which is all that
``--product-only`` does. Then every step is trained on ``labels/`` and measured on the same tables, and the product is
cross-validated on two public tasks. The tables of real text are not part of the project; what is missing is said and
left out. MiniLM needs the extra ``bench``.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from choices import ARCHIVE, measure_calibration, measure_choices, show_calibration
from narratives.evaluation.evaluation import Evaluation, evaluate
from narratives.evaluation.run import predict_gold
from narratives.labels.simple_table import read_simple_table
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.model.document import classify
from narratives.training.train import read_gold, read_source, ready_model
from public import SEMEVAL, measure_documents, measure_public, show_documents, show_public
from steps import NOT_INSTALLED, measure_steps, minilm, show_steps

HERE = Path(__file__).parent
TABLES = ("real-dev.csv", "real-dev-random.csv", "written-dev.csv")
NAMED = ("attack-from-belarus-threat", "stalemate-fait-accompli")
PARTS = {"English": ("en",), "Ukrainian and Russian": ("uk", "ru"), "all": ("en", "uk", "ru")}


def main() -> None:
    asked = read_arguments()
    folder = asked.model or ready_model()
    classifier = persistence.load(folder)
    found = [asked.data / name for name in TABLES if (asked.data / name).exists()]
    for name in TABLES:
        if asked.data / name not in found:
            print(f"{asked.data / name} is missing; left out")
    rows = [row for path in found for row in table_rows(classifier, path)]
    articles = read_articles(classifier)
    show(rows, articles)
    if found:
        keep({"model": classifier.name, "tables": rows, "articles": articles})
    if not asked.product_only:
        warn_of_other_labels(folder, asked.labels)
        compare_steps(asked.labels, found, classifier.name)
        if tasks := measure_public(asked.data):
            show_public(tasks)
            keep({"public": {"model": classifier.name, "tasks": tasks}})
        if (asked.data / SEMEVAL).exists():
            documents = measure_documents(asked.data / SEMEVAL)
            show_documents(documents)
            keep({"documents": documents})


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="the labelled tables")
    parser.add_argument("--labels", type=Path, default=HERE.parent / "labels", help="what the steps are trained on")
    parser.add_argument("--model", type=Path, help="a model folder; without it the model in force")
    parser.add_argument("--product-only", action="store_true", help="measure the model in force and no step")
    return parser.parse_args()


def warn_of_other_labels(model: Path, labels: Path) -> None:
    if read_source(labels)[1].hashes != persistence.read_manifest(model)["labels"]:
        print(f"\n{labels} is not what {model.name} was trained on: the steps below are of other labels")


def compare_steps(labels: Path, paths: list[Path], model: str) -> None:
    gold, embed = read_gold(labels), minilm(HERE / ".cache")
    if embed is None:
        print(f"\n{NOT_INSTALLED}")
    truths = {path.name: read_simple_table(path, gold.codebook) for path in paths}
    english = {name: truth.take(np.flatnonzero(np.array(truth.languages) == "en")) for name, truth in truths.items()}
    if english:
        print(f'\nsteps, trained on {len(gold)} paragraphs; thresholds by the product\'s rule unless it says "by F1"')
        tables = measure_steps(gold, english, embed)
        show_steps(tables)
        keep({"steps": {"model": model, "paragraphs": len(gold), "tables": tables}})
        print("\nchoices, one changed at a time")
        archive = paths[0].parent / ARCHIVE
        changed = measure_choices(gold, english, archive if archive.exists() else None)
        curves = measure_calibration(gold, english)
        show_steps(changed)
        show_calibration(curves)
        keep({"choices": {"model": model, "tables": changed, "calibration": curves}})


def table_rows(classifier: Classifier, path: Path) -> list[dict[str, Any]]:
    gold = read_simple_table(path, classifier.codebook)
    rows = []
    for part, languages in PARTS.items():
        wanted = [row for row, language in enumerate(gold.languages) if language in languages]
        if wanted and not (part == "all" and len(set(gold.languages)) == 1):
            rows.append(figures(path.name, part, evaluate(predict_gold(classifier, gold.take(wanted)))))
    return rows


def figures(table: str, part: str, measured: Evaluation) -> dict[str, Any]:
    document = measured.as_json()
    kept = {key: document[key] for key in ("n", "macro_f1", "macro_f1_interval", "micro_f1", "mean_average_precision")}
    kept |= {key: document[key] for key in ("false_alarm_rate", "calibration_error", "voice", "band")}
    named = {frame: document["frames"][frame]["f1"] for frame in NAMED if frame in document["frames"]}
    return {"table": table, "part": part, **kept, "named": named}


def read_articles(classifier: Classifier) -> list[dict[str, Any]]:
    """Return for each article in which paragraphs each of the two named frames is expected and found, and how."""
    texts = sorted((HERE / "articles").glob("*.txt"))
    expected = expected_frames()
    rows = []
    for path in texts:
        readings = classify(classifier, path.read_text(encoding="utf-8")).paragraphs
        for frame in NAMED:
            here = {r.index: next((x.voice for x in r.predicted if x.frame == frame), None) for r in readings}
            there = expected[path.stem, frame]
            rows.append(
                {
                    "article": path.stem,
                    "frame": frame,
                    "expected": {str(index): voice for index, voice in there.items()},
                    "found": {str(index): voice for index, voice in here.items() if voice},
                }
            )
    return rows


def expected_frames() -> dict[tuple[str, str], dict[int, str]]:
    import csv

    with (HERE / "articles" / "expected.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    there: dict[tuple[str, str], dict[int, str]] = {(line["article"], frame): {} for line in lines for frame in NAMED}
    for line in lines:
        for frame, voice in zip(line["frames"].split(";"), line["voices"].split(";"), strict=True):
            if frame in NAMED:
                there[line["article"], frame][int(line["paragraph"])] = voice
    return there


def show(rows: list[dict[str, Any]], articles: list[dict[str, Any]]) -> None:
    heads = ("macro-F1", "micro-F1", "mAP", "false", "ECE", "voice", "yes", "kept")
    print(f"{'table':22} {'part':22} {'rows':>5} " + " ".join(f"{head:>8}" for head in heads))
    for row in rows:
        values = [row["macro_f1"], row["micro_f1"], row["mean_average_precision"]]
        values += [row["false_alarm_rate"], row["calibration_error"], row["voice"]["macro_f1"]]
        values += [row["band"]["precision_of_yes"], row["band"]["recall_kept"]]
        shown = " ".join("       –" if value is None else f"{value:8.3f}" for value in values)
        print(f"{row['table']:22} {row['part']:22} {row['n']:5} {shown}")
        if row["named"]:
            print("   " + ", ".join(f"{frame}: F1 {f1:.3f}" for frame, f1 in row["named"].items()))
    print("\narticles: paragraph and voice, expected → found")
    for row in articles:
        print(f"  {row['article']} {row['frame']:27} {brief(row['expected'])} → {brief(row['found'])}")


def brief(voices: dict[str, str]) -> str:
    return " ".join(f"{index}:{voice}" for index, voice in voices.items()) or "–"


def keep(results: dict[str, Any]) -> None:
    """Write these keys of the results file; what else it holds stays from an earlier run."""
    path = HERE / "results" / "quality.json"
    path.parent.mkdir(exist_ok=True)
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    text = json.dumps(before | results, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"\nkept in {path.relative_to(HERE.parent)}: {', '.join(results)}")


if __name__ == "__main__":
    main()
