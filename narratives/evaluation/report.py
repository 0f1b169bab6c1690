"""Owns how figures are printed."""

from typing import TYPE_CHECKING, Any

import numpy as np

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


def summary_lines(evaluation: "Evaluation") -> list[str]:
    """Return the overall figures, a line each."""
    low, high = evaluation.macro_f1_interval
    languages = [
        f"  {name}: {figures.n} rows, macro-F1 {shown(figures.macro_f1)}, micro-F1 {shown(figures.micro_f1)}"
        for name, figures in evaluation.languages.items()
    ]
    voice = evaluation.voice
    return [
        f"rows                    {evaluation.n}",
        f"macro-F1                {shown(evaluation.macro_f1)}  (95 %: {shown(low)} to {shown(high)})",
        f"micro-F1                {shown(evaluation.micro_f1)}",
        f"samples-F1              {shown(evaluation.samples_f1)}",
        f"mean average precision  {shown(evaluation.mean_average_precision)}",
        f"voice                   accuracy {shown(voice.accuracy)}, macro-F1 {shown(voice.macro_f1)}, {voice.n} pairs",
        f"false alarms            {shown(evaluation.false_alarm_rate)} of the rows without a frame get one",
        f"calibration error       {shown(evaluation.calibration_error)}",
        *languages,
    ]


def frame_lines(evaluation: "Evaluation") -> list[str]:
    """Return the figures of each frame, a line each."""
    width = max([len("frame"), *map(len, evaluation.frames), *map(len, evaluation.unsupported)])
    lines = [f"{'frame':{width}}  support  precision  recall     F1     AP  threshold"]
    lines += [
        f"{name:{width}}  {f.support:7}  {shown(f.precision):>9}  {shown(f.recall):>6}  {shown(f.f1):>5}"
        f"  {shown(f.average_precision):>5}  {shown(f.threshold):>9}"
        for name, f in evaluation.frames.items()
    ]
    lines += [
        f"{name:{width}}  {0:7}  no gold row; predicted {count} times" for name, count in evaluation.unsupported.items()
    ]
    return lines


def voice_lines(evaluation: "Evaluation") -> list[str]:
    """Return the figures of each voice, a line each."""
    if not evaluation.voice.n:
        return []
    heads = "".join(f"  {'says ' + name:>13}" for name in VOICES)
    lines = [f"{'gold voice':10}  pairs  frame found  voice right{heads}"]
    lines += [
        f"{name:10}  {f.n:5}  {shown(f.frame_recall):>11}  {shown(f.voice_recall):>11}"
        + "".join(f"  {f.said[voice]:13}" for voice in VOICES)
        for name, f in evaluation.voices.items()
    ]
    return lines


def register_lines(evaluation: "Evaluation") -> list[str]:
    """Return the figures of each register, a line each."""
    if not evaluation.registers:
        return []
    width = max([len("register"), *map(len, evaluation.registers)])
    lines = [f"{'register':{width}}   rows  macro-F1  micro-F1  false alarms"]
    lines += [
        f"{name:{width}}  {f.n:5}  {shown(f.macro_f1):>8}  {shown(f.micro_f1):>8}  {shown(f.false_alarm_rate):>12}"
        for name, f in sorted(evaluation.registers.items(), key=lambda item: -item[1].n)
    ]
    return lines


def confusion_lines(evaluation: "Evaluation") -> list[str]:
    """Return the frames most often taken for others, a line each."""
    if not evaluation.confusion:
        return []
    printed = evaluation.confusion[:CONFUSIONS_PRINTED]
    width = max([len("frame missed"), *(len(pair.gold) for pair in printed)])
    lines = [f"{'frame missed':{width}}  rows  found instead"]
    return lines + [f"{pair.gold:{width}}  {pair.count:4}  {pair.predicted}" for pair in printed]
