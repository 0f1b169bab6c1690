"""Measure the model in force on labelled tables and on six held-out articles; print a table and keep it as JSON.

    python benchmarks/quality.py [--data FOLDER] [--model FOLDER]

The tables of real text are not part of the project; what is missing is said and left out.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from narratives import modelfile
from narratives.classification import classify
from narratives.classifier import Classifier
from narratives.evaluation import Evaluation, evaluate
from narratives.labels import read_simple_table
from narratives.measuring import outcome
from narratives.training import ready_model

HERE = Path(__file__).parent
TABLES = ("real-dev.csv", "real-dev-random.csv", "written-dev.csv")
NAMED = ("attack-from-belarus-threat", "stalemate-fait-accompli")
PARTS = {"English": ("en",), "Ukrainian and Russian": ("uk", "ru"), "all": ("en", "uk", "ru")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--model", type=Path)
    asked = parser.parse_args()
    classifier = modelfile.load(asked.model or ready_model())
    found = [name for name in TABLES if (asked.data / name).exists()]
    for name in sorted(set(TABLES) - set(found)):
        print(f"{asked.data / name} is missing; left out")
    rows = [row for name in found for row in table_rows(classifier, asked.data / name)]
    articles = read_articles(classifier)
    show(rows, articles)
    results = {"model": classifier.name, "tables": rows, "articles": articles}
    if found:
        keep(results)


def table_rows(classifier: Classifier, path: Path) -> list[dict[str, Any]]:
    gold = read_simple_table(path, classifier.codebook)
    rows = []
    for part, languages in PARTS.items():
        wanted = [row for row, language in enumerate(gold.languages) if language in languages]
        if wanted and not (part == "all" and len(set(gold.languages)) == 1):
            rows.append(figures(path.name, part, evaluate(outcome(classifier, gold.take(wanted)))))
    return rows


def figures(table: str, part: str, measured: Evaluation) -> dict[str, Any]:
    document = measured.as_json()
    kept = {key: document[key] for key in ("n", "macro_f1", "macro_f1_interval", "micro_f1", "mean_average_precision")}
    kept |= {key: document[key] for key in ("false_alarm_rate", "calibration_error", "voice")}
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
            here = {r.index: next((x.voice for x in r.found if x.frame == frame), None) for r in readings}
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
    heads = ("macro-F1", "micro-F1", "mAP", "false", "ECE", "voice")
    print(f"{'table':22} {'part':22} {'rows':>5} " + " ".join(f"{head:>8}" for head in heads))
    for row in rows:
        values = [row["macro_f1"], row["micro_f1"], row["mean_average_precision"]]
        values += [row["false_alarm_rate"], row["calibration_error"], row["voice"]["macro_f1"]]
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
    path = HERE / "results" / "quality.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"\nkept in {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
