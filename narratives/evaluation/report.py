"""Owns how figures are printed."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tabulate import tabulate

from narratives.codebook.frames import VOICES

if TYPE_CHECKING:
    from narratives.evaluation.evaluation import Evaluation

CONFUSIONS_PRINTED = 10


def plain(value: Any) -> Any:
    """Return a figure, or any nest of them, as JSON takes it: four decimals, None where nothing defines it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value


def shown(value: float) -> str:
    """Return a figure as it is printed, a dash where nothing defines it."""
    return f"{value:.3f}" if np.isfinite(value) else "–"


def text_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table for the terminal; all columns but the first are aligned to the right."""
    align = ["left", *["right"] * (len(head) - 1)]
    return tabulate(list(rows), head, tablefmt="plain", disable_numparse=True, colalign=align)


def summary(evaluation: "Evaluation") -> str:
    """Return the overall figures, a line each."""
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
        ["calibration error", shown(evaluation.calibration_error)],
    ]
    languages = [
        f"  {name}: {part.n} rows, macro-F1 {shown(part.macro_f1)}, micro-F1 {shown(part.micro_f1)}"
        for name, part in evaluation.languages.items()
    ]
    return "\n".join([tabulate(rows, tablefmt="plain", disable_numparse=True), *languages])


def frame_table(evaluation: "Evaluation") -> str:
    """Return the figures of each frame, then a line for each frame without a gold row."""
    head = ["frame", "support", "precision", "recall", "F1", "AP", "threshold"]
    rows = [
        [name, f.support, *map(shown, (f.precision, f.recall, f.f1, f.average_precision, f.threshold))]
        for name, f in evaluation.frames.items()
    ]
    rest = [[name, 0, f"no gold row; predicted {count} times"] for name, count in evaluation.unsupported.items()]
    # A table of its own: the long note would widen the column of precision.
    return "\n".join(filter(None, [text_table(head, rows), tabulate(rest, tablefmt="plain", disable_numparse=True)]))


def voice_table(evaluation: "Evaluation") -> str:
    """Return the figures of each voice; nothing where no gold pair has a voice."""
    if not evaluation.voice.n:
        return ""
    head = ["gold voice", "pairs", "frame found", "voice right", *(f"says {name}" for name in VOICES)]
    rows = [
        [name, f.n, shown(f.frame_recall), shown(f.voice_recall), *(f.said[voice] for voice in VOICES)]
        for name, f in evaluation.voices.items()
    ]
    return text_table(head, rows)


def register_table(evaluation: "Evaluation") -> str:
    """Return the figures of each register, the largest first; nothing where the table names none."""
    if not evaluation.registers:
        return ""
    rows = [
        [name, f.n, shown(f.macro_f1), shown(f.micro_f1), shown(f.false_alarm_rate)]
        for name, f in sorted(evaluation.registers.items(), key=lambda item: -item[1].n)
    ]
    return text_table(["register", "rows", "macro-F1", "micro-F1", "false alarms"], rows)


def confusion_table(evaluation: "Evaluation") -> str:
    """Return the commonest pairs of a frame missed and another predicted instead; nothing where there is none."""
    if not evaluation.confusion:
        return ""
    rows = [[pair.gold, pair.count, pair.predicted] for pair in evaluation.confusion[:CONFUSIONS_PRINTED]]
    head = ["frame missed", "rows", "found instead"]
    return tabulate(rows, head, tablefmt="plain", disable_numparse=True, colalign=["left", "right", "left"])
