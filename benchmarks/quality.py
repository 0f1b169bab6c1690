"""Measure the released model, each step towards it, and MiniLM for comparison; print tables and write them as JSON.

    python benchmarks/quality.py [--data FOLDER] [--labels FOLDER] [--model FOLDER] [--product-only]

First measures the released model on labelled tables, on six held-out articles and on the held-out contrast sets, which
takes seconds. Then trains every step on ``labels/``, measures it on the same tables, and cross-validates the product on
two public tasks; ``--product-only`` skips this part. The tables of real text are not part of the project; a missing
table is named and left out. MiniLM needs the extra ``bench``.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from choices import ARCHIVE, measure_calibration, measure_choices, show_calibration
from contrast import measure_contrast, show_contrast
from narratives.codebook.frames import VOICES
from narratives.evaluation.evaluation import Evaluation, evaluate
from narratives.evaluation.run import predict_gold
from narratives.labels.field.readings import read_field
from narratives.labels.simple_table import read_simple_table
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.model.document import classify
from narratives.tables.table import read_all
from narratives.text.paragraphs import paragraph_id
from narratives.training.train import read_gold, read_source, ready_model
from public import SEMEVAL, measure_documents, measure_public, show_documents, show_public
from steps import NOT_INSTALLED, measure_steps, minilm, show_steps

HERE = Path(__file__).parent
TABLES = ("real-dev.csv", "real-dev-random.csv", "written-dev.csv")
OFFICIAL = """
president.gov.ua, {paragraphs} unread paragraphs: {promotes:.1%} get a promotes, {decided:.2%} a decided one"""
NAMED = ("attack-from-belarus-threat", "stalemate-fait-accompli")
PARTS = {"English": ("en",), "Ukrainian and Russian": ("uk", "ru"), "all": ("en", "uk", "ru")}


def main() -> None:
    options = read_arguments()
    folder = options.model or ready_model()
    classifier = persistence.load(folder)
    tables = [options.data / name for name in TABLES if (options.data / name).exists()]
    for name in TABLES:
        if options.data / name not in tables:
            print(f"{options.data / name} is missing; left out")
    rows = [row for path in tables for row in table_rows(classifier, path)]
    articles = read_articles(classifier)
    show(rows, articles)
    if tables:
        keep({"model": classifier.name, "tables": rows, "articles": articles})
    contrast = measure_contrast(classifier)
    show_contrast(contrast)
    keep({"contrast": contrast})
    if (options.data / ARCHIVE).exists():
        official = official_promotions(classifier, options.data / ARCHIVE)
        print(OFFICIAL.format(**official))
        keep({"official": official})
    if not options.product_only:
        warn_of_other_labels(folder, options.labels)
        compare_steps(options.labels, tables, classifier.name)
        if tasks := measure_public(options.data):
            show_public(tasks)
            keep({"public": {"model": classifier.name, "tasks": tasks}})
        if (options.data / SEMEVAL).exists():
            documents = measure_documents(options.data / SEMEVAL)
            show_documents(documents)
            keep({"documents": documents})


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="the labelled tables")
    parser.add_argument(
        "--labels", type=Path, default=HERE.parent / "labels", help="the labels that the steps are trained on"
    )
    parser.add_argument("--model", type=Path, help="a model folder; without it the released model")
    parser.add_argument("--product-only", action="store_true", help="measure the released model only")
    return parser.parse_args()


def official_promotions(classifier: Classifier, archive: Path) -> dict[str, Any]:
    """Return how many unread paragraphs of Ukraine's president's office get a *promotes*, and how many a decided one.

    The model has read other paragraphs of that office, but none of these.
    """
    table = read_all(archive)
    read = read_field(HERE.parent / "labels", classifier.codebook).by_paragraph
    rows = zip(table["source"], table["text"], strict=True)
    texts = [text for source, text in rows if source == "president.gov.ua" and paragraph_id(text) not in read]
    predictions = classifier.predict_texts(texts)
    promotes = predictions.stated_voices == VOICES.index("promotes")
    decided = promotes & ~predictions.human
    return {
        "paragraphs": len(texts),
        "promotes": float(promotes.any(axis=1).mean()),
        "decided": float(decided.any(axis=1).mean()),
    }


def warn_of_other_labels(model: Path, labels: Path) -> None:
    """Print a warning if the labels are not those of the model's manifest."""
    if read_source(labels)[1].hashes != persistence.read_manifest(model)["labels"]:
        print(f"\n{model.name} was trained on other labels than {labels}, on which the steps below are trained")


def compare_steps(labels: Path, paths: list[Path], model: str) -> None:
    """Train and measure every step and every choice on the English rows of the tables; print and write the figures."""
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
    """Return the figures of each part of a table that has rows; "all" only where there is more than one language."""
    gold = read_simple_table(path, classifier.codebook)
    rows = []
    for part, languages in PARTS.items():
        selected = [row for row, language in enumerate(gold.languages) if language in languages]
        if selected and not (part == "all" and len(set(gold.languages)) == 1):
            rows.append(figures(path.name, part, evaluate(predict_gold(classifier, gold.take(selected)))))
    return rows


def figures(table: str, part: str, measured: Evaluation) -> dict[str, Any]:
    document = measured.as_json()
    row = {key: document[key] for key in ("n", "macro_f1", "macro_f1_interval", "micro_f1", "mean_average_precision")}
    row |= {key: document[key] for key in ("false_alarm_rate", "calibration_error", "voice", "band")}
    named = {frame: document["frames"][frame]["f1"] for frame in NAMED if frame in document["frames"]}
    return {"table": table, "part": part, **row, "named": named}


def read_articles(classifier: Classifier) -> list[dict[str, Any]]:
    """Return for each article and named frame the paragraphs, with their voices, where it is expected and predicted."""
    texts = sorted((HERE / "articles").glob("*.txt"))
    expected = expected_frames()
    rows = []
    for path in texts:
        readings = classify(classifier, path.read_text(encoding="utf-8")).paragraphs
        for frame in NAMED:
            predicted = {r.index: next((x.voice for x in r.predicted if x.frame == frame), None) for r in readings}
            rows.append(
                {
                    "article": path.stem,
                    "frame": frame,
                    "expected": {str(index): voice for index, voice in expected[path.stem, frame].items()},
                    "found": {str(index): voice for index, voice in predicted.items() if voice},
                }
            )
    return rows


def expected_frames() -> dict[tuple[str, str], dict[int, str]]:
    """Return the voice by paragraph index, for each article and named frame."""
    import csv

    with (HERE / "articles" / "expected.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    expected: dict[tuple[str, str], dict[int, str]] = {
        (line["article"], frame): {} for line in lines for frame in NAMED
    }
    for line in lines:
        for frame, voice in zip(line["frames"].split(";"), line["voices"].split(";"), strict=True):
            if frame in NAMED:
                expected[line["article"], frame][int(line["paragraph"])] = voice
    return expected


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
    print("\narticles: paragraph and voice, expected → predicted")
    for row in articles:
        print(f"  {row['article']} {row['frame']:27} {brief(row['expected'])} → {brief(row['found'])}")


def brief(voices: dict[str, str]) -> str:
    return " ".join(f"{index}:{voice}" for index, voice in voices.items()) or "–"


def keep(results: dict[str, Any]) -> None:
    """Write these keys to the results file; its other keys stay as an earlier run wrote them."""
    path = HERE / "results" / "quality.json"
    path.parent.mkdir(exist_ok=True)
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    text = json.dumps(before | results, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"\nwritten to {path.relative_to(HERE.parent)}: {', '.join(results)}")


if __name__ == "__main__":
    main()
