"""Formats metrics for the terminal and for JSON."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tabulate import tabulate

from narratives.codebook.frames import VOICES

if TYPE_CHECKING:
    from narratives.evaluation.evaluation import Evaluation, PartMetrics

CONFUSIONS_PRINTED = 10


def plain(value: Any) -> Any:
    """Return a value, or nested values, ready for JSON: floats to four decimals, NaN as None, tuples as lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value


def shown(value: float) -> str:
    """Return a metric to three decimals, a dash for NaN."""
    return f"{value:.3f}" if np.isfinite(value) else "–"


def text_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table for the terminal. All columns but the first are aligned to the right."""
    align = ["left", *["right"] * (len(head) - 1)]
    return tabulate(list(rows), head, tablefmt="plain", disable_numparse=True, colalign=align)


def summary(evaluation: "Evaluation") -> str:
    """Return the overall metrics and those of each language, a line each."""
    low, high = evaluation.macro_f1_interval
    voice = evaluation.voice
    rows: list[list[str | int]] = [
        ["rows", evaluation.n],
        ["macro-F1", f"{shown(evaluation.macro_f1)}  (95 %: {shown(low)} to {shown(high)})"],
        ["micro-F1", shown(evaluation.micro_f1)],
        ["samples-F1", shown(evaluation.samples_f1)],
        ["mean average precision", shown(evaluation.mean_average_precision)],
        ["voice", f"accuracy {shown(voice.accuracy)}, macro-F1 {shown(voice.macro_f1)}, {voice.n} pairs"],
        ["false alarms", f"{shown(evaluation.false_alarm_rate)} of the rows without a frame get one"],
        ["calibration error", f"{shown(evaluation.calibration_error)} above a probability of .2"],
    ]
    languages = [
        f"  {name}: {part.n} rows, macro-F1 {shown(part.macro_f1)}, micro-F1 {shown(part.micro_f1)}"
        for name, part in evaluation.languages.items()
    ]
    return "\n".join([tabulate(rows, tablefmt="plain", disable_numparse=True), *languages])


def frame_table(evaluation: "Evaluation") -> str:
    """Return the metrics of each frame, then a line for each frame without support."""
    head = ["frame", "support", "precision", "recall", "F1", "AP", "threshold"]
    rows = [
        [name, row.support, *map(shown, (row.precision, row.recall, row.f1, row.average_precision, row.threshold))]
        for name, row in evaluation.frames.items()
    ]
    rest = [[name, 0, f"no gold row; predicted {count} times"] for name, count in evaluation.unsupported.items()]
    # A table of its own: the long note would widen the column of precision.
    return "\n".join(filter(None, [text_table(head, rows), tabulate(rest, tablefmt="plain", disable_numparse=True)]))


def voice_table(evaluation: "Evaluation") -> str:
    """Return the metrics of each voice; empty if no gold pair has a voice."""
    if not evaluation.voice.n:
        return ""
    head = ["gold voice", "pairs", "frame found", "voice right", *(f"says {name}" for name in VOICES)]
    rows = [
        [name, row.n, shown(row.frame_recall), shown(row.voice_recall), *(row.said[voice] for voice in VOICES)]
        for name, row in evaluation.voices.items()
    ]
    return text_table(head, rows)


def register_table(evaluation: "Evaluation") -> str:
    """Return the metrics of each register, the largest first; empty if there are no registers."""
    return _part_table("register", evaluation.registers)


def source_table(evaluation: "Evaluation") -> str:
    """Return the metrics of each source, the largest first; empty if there are no sources."""
    return _part_table("source", evaluation.sources)


def _part_table(what: str, parts: "dict[str, PartMetrics]") -> str:
    if not parts:
        return ""
    rows = [
        [name, row.n, *map(shown, (row.macro_f1, row.micro_f1, row.false_alarm_rate, row.wrong_promotes))]
        for name, row in sorted(parts.items(), key=lambda item: -item[1].n)
    ]
    return text_table([what, "rows", "macro-F1", "micro-F1", "false alarms", "wrong promotes"], rows)


def confusion_table(evaluation: "Evaluation") -> str:
    """Return the commonest confusions between frames; empty if there are none."""
    if not evaluation.confusion:
        return ""
    rows = [[pair.gold, pair.count, pair.predicted] for pair in evaluation.confusion[:CONFUSIONS_PRINTED]]
    head = ["frame missed", "rows", "found instead"]
    return tabulate(rows, head, tablefmt="plain", disable_numparse=True, colalign=["left", "right", "left"])
