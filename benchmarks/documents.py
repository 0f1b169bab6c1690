"""Write the generated parts of the documents, or check them with ``--check``: frames, commands, agreement, figures.

A generated part lies between ``<!-- NAME -->`` and ``<!-- end NAME -->``.
"""

import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import click

from narratives.cli.main import commands
from narratives.codebook.frames import Codebook
from narratives.codebook.parsing import read_codebook
from narratives.evaluation.agreement import measure_agreement
from narratives.labels.field.readings import field_tables, read_field
from narratives.labels.files import read_labels
from narratives.labels.statistics import label_tables

ROOT = Path(__file__).parent.parent


def frames_table(codebook: Codebook) -> str:
    lines = ["| frame | the claim | aim |", "| --- | --- | --- |"]
    return "\n".join(
        lines + [f"| {frame.name} (`{frame.id}`) | {frame.claim} | {frame.aim} |" for frame in codebook.frames]
    )


def commands_list() -> str:
    return "\n".join(["```", *_commands(commands, "narratives"), "```"])


def _commands(group: click.Group, path: str) -> list[str]:
    lines: list[str] = []
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            lines += _commands(command, f"{path} {name}")
        else:
            purpose = (command.help or "").split("\n")[0]
            lines.append(f"{path + ' ' + name:33} {purpose}")
    return lines


def results() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((ROOT / "benchmarks" / "results" / "quality.json").read_text(encoding="utf-8"))
    return kept


def short_figures() -> str:
    """The three tables as a whole, with the figures that an analyst asks for first."""
    measured = results()
    lines = [
        "| text | micro-F1 | false alarms | voice F1 | *yes* is right |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    whole = {row["table"]: row for row in measured["tables"]}  # the last part of each table is all of it
    for table, row in whole.items():
        values = row["micro_f1"], row["false_alarm_rate"], row["voice"]["macro_f1"], row["band"]["precision_of_yes"]
        lines.append(f"| {TABLES[table]} | {' | '.join(f'{value:.2f}' for value in values)} |")
    return "\n".join(lines)


def short_speed() -> str:
    measured = json.loads((ROOT / "benchmarks" / "results" / "speed.json").read_text(encoding="utf-8"))
    largest = measured["tables"][-1]
    ours = next(row for row in largest["results"] if row["name"] == "narratives")
    cold = measured["cold"]["classify"]
    return (
        f"{largest['rows']:,} rows in {statistics.median(ours['seconds']):.0f} seconds on {measured['cores']} cores, "
        f"{ours['ratio'][1]:.0f} times as fast as a plain scikit-learn script, with {ours['megabytes']} MB of memory. "
        f"One text from the command line: {cold:.1f} s."
    )


def figures_table() -> str:
    measured = results()
    lines = [
        f"Measured on model `{measured['model']}` by `python benchmarks/quality.py`:",
        "",
        "| text | rows | macro-F1 | micro-F1 | average precision | false alarms | calibration | voice F1 | *yes* |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in measured["tables"]:
        values = [row["macro_f1"], row["micro_f1"], row["mean_average_precision"], row["false_alarm_rate"]]
        values += [row["calibration_error"], row["voice"]["macro_f1"], row["band"]["precision_of_yes"]]
        shown = " | ".join("–" if value is None else f"{value:.2f}" for value in values)
        lines.append(f"| {TABLES[row['table']]}, {row['part']} | {row['n']} | {shown} |")
    return "\n".join(lines)


def held_out_table() -> str:
    """The shipped model's figures on random paragraphs of sources that were held out whole, from its manifest."""
    manifest = json.loads((ROOT / "narratives" / "shipped" / "model" / "manifest.json").read_text(encoding="utf-8"))
    found, official = manifest["figures"], results()["official"]
    lines = [
        "| language | paragraphs | micro-F1 | macro-F1 |",
        "| --- | ---: | ---: | ---: |",
        *(
            f"| {name} | {part['n']:,} | {part['micro_f1']:.2f} | {part['macro_f1']:.2f} |"
            for name, part in [*found["languages"].items(), ("all", found)]
        ),
        "",
        f"False alarms {found['false_alarm_rate']:.3f}; mean average precision {found['mean_average_precision']:.2f}; "
        f"macro-F1 of voices {found['voice']['macro_f1']:.2f}; of the decisions *yes*, "
        f"{found['band']['precision_of_yes']:.0%} are right.",
        f"Of {official['paragraphs']:,} paragraphs of Ukraine's president's office that nobody read, "
        f"{official['promotes']:.1%} get a finding with *promotes*, {official['decided']:.2%} a decided one.",
    ]
    return "\n".join(lines)


def sources_table() -> str:
    """The same figures for each source."""
    manifest = json.loads((ROOT / "narratives" / "shipped" / "model" / "manifest.json").read_text(encoding="utf-8"))
    parts = sorted(manifest["figures"]["sources"].items(), key=lambda item: -item[1]["n"])
    lines = [
        "| source | paragraphs | micro-F1 | false alarms | wrongly decided *promotes* |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, part in parts:
        values = part["micro_f1"], part["false_alarm_rate"]
        shown = " | ".join("–" if value is None else f"{value:.2f}" for value in values)
        lines.append(f"| {name} | {part['n']:,} | {shown} | {part['wrong_promotes']:.1%} |")
    return "\n".join(lines)


def words_table() -> str:
    """How often each word of probability was right, on the same paragraphs."""
    manifest = json.loads((ROOT / "narratives" / "shipped" / "model" / "manifest.json").read_text(encoding="utf-8"))
    lines = ["| in words | said | mean probability | right |", "| --- | ---: | ---: | ---: |"]
    for word in manifest["figures"]["words"]:
        shown = " | ".join("–" if word[key] is None else f"{word[key]:.2f}" for key in ("probability", "share"))
        lines.append(f"| {word['term']} | {word['cells']:,} | {shown} |")
    return "\n".join(lines)


def contrast_table() -> str:
    """Each kind of text of the contrast sets that are held out, all languages together."""
    lines = [
        "| text | texts | decided | decided *promotes* | found | voice stated and right |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in results()["contrast"]:
        if row["language"] == "all":
            values = (row[name] for name in ("decided", "promotes", "found", "voice"))
            shown = " | ".join("–" if value is None else f"{value:.2f}" for value in values)
            lines.append(f"| {row['kind']} | {row['n']} | {shown} |")
    return "\n".join(lines)


def steps_table() -> str:
    measured = results()
    steps = measured["steps"]
    note = "" if steps["model"] == measured["model"] else f", measured on model `{steps['model']}`"
    lines = [
        f"English text, trained on {steps['paragraphs']:,} labelled paragraphs{note}; average precision / macro-F1:",
        "",
        f"| step | {' | '.join(TABLES[table['table']] for table in steps['tables'])} |",
        "| --- | " + " | ".join("---:" for _ in steps["tables"]) + " |",
    ]
    for place, row in enumerate(steps["tables"][0]["rows"]):
        rows = [table["rows"][place] for table in steps["tables"]]
        cells = [f"{each['mean_average_precision']:.2f} / {each['macro_f1']:.2f}" for each in rows]
        lines.append(f"| {row['step']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def speed_table() -> str:
    measured = json.loads((ROOT / "benchmarks" / "results" / "speed.json").read_text(encoding="utf-8"))
    lines = [
        f"CSV to CSV, whole processes on {measured['cores']} cores, in turns by `python benchmarks/speed.py TABLE`;",
        "ratios are those of one run, the limit is that pyarrow reads the table and writes the scored one:",
        "",
        "| rows | | seconds | against the plain script | share of the limit | peak memory |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for table in measured["tables"]:
        for row in table["results"]:
            cells = f"{statistics.median(row['seconds']):.1f} | {row['ratio'][1]:.1f} × | {row['limit'][1]:.0%}"
            lines.append(f"| {table['rows']:,} | {row['name']} | {cells} | {row['megabytes']} MB |")
    one, cold = measured["one text"], measured["cold"]
    told = f"One paragraph, warm: {one['kernel p50, ms']:.2f} ms, 99 of 100 within {one['kernel p99, ms']:.2f} ms. "
    told += f"`narratives classify`, cold: {cold['classify']:.1f} s; `--help`: {cold['--help']:.2f} s."
    if cold.get("first page"):
        told += f" The app's first page, the server being up: {cold['first page']:.1f} s."
    return "\n".join([*lines, "", told])


TABLES = {
    "real-dev.csv": "real paragraphs, found by keyword",
    "real-dev-random.csv": "real paragraphs, random",
    "written-dev.csv": "written by other hands",
}


def parts() -> dict[Path, dict[str, str]]:
    labels, docs = ROOT / "labels", ROOT / "docs"
    codebook = read_codebook(labels / "codebook.toml")
    found = read_labels(labels, codebook)
    field = read_field(labels, codebook)
    card = {"agreement": measure_agreement(found, codebook).table(), "counts": label_tables(found, codebook)}
    card |= {
        "field agreement": measure_agreement(field.as_labels(), codebook).table(),
        "field counts": field_tables(field, codebook),
    }
    return {
        ROOT / "README.md": {"figures": short_figures(), "speed": short_speed()},
        docs / "frames.md": {"frames": frames_table(codebook)},
        docs / "commands.md": {"commands": commands_list()},
        docs / "figures.md": {
            "figures": figures_table(),
            "held out": held_out_table(),
            "words": words_table(),
            "sources": sources_table(),
            "contrast": contrast_table(),
            "steps": steps_table(),
        },
        docs / "speed.md": {"speed": speed_table()},
        labels / "README.md": card,
    }


def filled(text: str, name: str, content: str) -> str:
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"no part '{name}' to fill: a document needs <!-- {name} --> and <!-- end {name} -->")
    return pattern.sub(lambda found: found.group(1) + content + "\n" + found.group(2), text)


def main() -> None:
    check = "--check" in sys.argv[1:]
    stale = []
    for path, contents in parts().items():
        old = new = path.read_text(encoding="utf-8")
        for name, content in contents.items():
            new = filled(new, name, content)
        if new != old and check:
            stale.append(path.relative_to(ROOT))
        elif new != old:
            path.write_text(new, encoding="utf-8")
    if stale:
        raise SystemExit(f"out of date: {', '.join(map(str, stale))}; run `python benchmarks/documents.py`")


if __name__ == "__main__":
    main()
