"""Write the generated parts of the documents, or check them with ``--check``: frames, commands, agreement, figures.

A generated part stands between ``<!-- NAME -->`` and ``<!-- end NAME -->``.
"""

import json
import re
import sys
from pathlib import Path

import click

from narratives import cli
from narratives.agreement import measure_agreement
from narratives.codebook import Codebook, read_codebook
from narratives.labels import read_labels
from narratives.labelstats import label_tables

ROOT = Path(__file__).parent.parent


def frames_table(codebook: Codebook) -> str:
    lines = ["| frame | the claim | aim |", "| --- | --- | --- |"]
    return "\n".join(
        lines + [f"| {frame.name} (`{frame.id}`) | {frame.claim} | {frame.aim} |" for frame in codebook.frames]
    )


def commands_list() -> str:
    return "\n".join(["```", *_commands(cli.commands, "narratives"), "```"])


def _commands(group: click.Group, path: str) -> list[str]:
    lines: list[str] = []
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            lines += _commands(command, f"{path} {name}")
        else:
            said = (command.help or "").split("\n")[0]
            lines.append(f"{path + ' ' + name:28} {said}")
    return lines


def figures_table() -> str:
    results = json.loads((ROOT / "benchmarks" / "results" / "quality.json").read_text(encoding="utf-8"))
    lines = [
        f"Measured on model `{results['model']}` by `python benchmarks/quality.py`:",
        "",
        "| text | rows | macro-F1 | micro-F1 | average precision | false alarms | calibration error | voice F1 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in results["tables"]:
        values = [row["macro_f1"], row["micro_f1"], row["mean_average_precision"], row["false_alarm_rate"]]
        values += [row["calibration_error"], row["voice"]["macro_f1"]]
        shown = " | ".join("–" if value is None else f"{value:.2f}" for value in values)
        lines.append(f"| {TABLES[row['table']]}, {row['part']} | {row['n']} | {shown} |")
    return "\n".join(lines)


TABLES = {
    "real-dev.csv": "real paragraphs, found by keyword",
    "real-dev-random.csv": "real paragraphs, random",
    "written-dev.csv": "written by other hands",
}


def parts() -> dict[Path, dict[str, str]]:
    labels = ROOT / "labels"
    codebook = read_codebook(labels / "codebook.toml")
    found = read_labels(labels, codebook)
    card = {"agreement": measure_agreement(found, codebook).table(), "counts": label_tables(found, codebook)}
    return {
        ROOT / "README.md": {"frames": frames_table(codebook), "commands": commands_list(), "figures": figures_table()},
        labels / "README.md": card,
    }


def filled(text: str, name: str, content: str) -> str:
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"there is no part '{name}' to fill")
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
