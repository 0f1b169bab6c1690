"""Owns evaluation: predictions against gold, as figures with intervals. Takes arrays, knows no model."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from narratives.calibration import calibration_error
from narratives.codebook import VOICES

_RESAMPLES = 1000


@dataclass(frozen=True)
class FrameFigures:
    """The figures of one frame; ``support`` is the number of rows that convey it. NaN where nothing defines one."""

    support: int
    precision: float
    recall: float
    f1: float
    average_precision: float
    threshold: float
    calibration_error: float


@dataclass(frozen=True)
class VoiceFigures:
    """How often the voice is right, over all gold pairs of paragraph and frame whose voice is settled."""

    n: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class LanguageFigures:
    """The figures of the rows of one language."""

    n: int
    macro_f1: float
    micro_f1: float


@dataclass(frozen=True)
class BandFigures:
    """What the band for a human leaves: precision of the decisions *yes*, and their share of the recall."""

    precision_of_yes: float
    recall_kept: float


@dataclass(frozen=True)
class Evaluation:
    """All figures of one model on one table. Shares and scores are between 0 and 1; intervals hold 95 %."""

    n: int
    macro_f1: float
    micro_f1: float
    samples_f1: float
    mean_average_precision: float
    macro_f1_interval: tuple[float, float]
    frames: dict[str, FrameFigures]
    voice: VoiceFigures
    languages: dict[str, LanguageFigures]
    false_alarm_rate: float
    calibration_error: float
    band: BandFigures
    unsupported: dict[str, int]
    model: str = ""
    codebook: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values; what nothing defines (NaN) is None."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    def table(self) -> str:
        """Return the figures as a table for the terminal."""
        return "\n".join([*_summary_lines(self), "", *_frame_lines(self)])


@dataclass(frozen=True)
class Outcome:
    """What was predicted and what is gold, n × k: the input of every figure. Values below 0 are not counted."""

    frames: tuple[str, ...]
    values: NDArray[np.int8]
    probabilities: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    human: NDArray[np.bool_]
    gold_voices: NDArray[np.int8]
    voices: NDArray[np.int8]
    languages: tuple[str, ...]
    thresholds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def take(self, rows: NDArray[np.int64]) -> "Outcome":
        """Return the outcome of these rows only."""
        return Outcome(
            self.frames,
            self.values[rows],
            self.probabilities[rows],
            self.predicted[rows],
            self.human[rows],
            self.gold_voices[rows],
            self.voices[rows],
            tuple(self.languages[int(row)] for row in rows),
            self.thresholds,
        )


def evaluate(outcome: Outcome, model: str = "", codebook: str = "", seed: int = 0) -> Evaluation:
    """Measure an outcome. ``macro_f1`` is over the frames with support; the interval resamples rows with ``seed``."""
    support = (outcome.values == 1).sum(axis=0)
    frames = {name: _frame(outcome, k) for k, name in enumerate(outcome.frames) if support[k]}
    predictions = outcome.predicted & (outcome.values >= 0)
    precisions = [figures.average_precision for figures in frames.values()]
    return Evaluation(
        n=len(outcome.values),
        macro_f1=macro_f1(outcome.values, outcome.predicted),
        micro_f1=micro_f1(outcome.values, outcome.predicted),
        samples_f1=samples_f1(outcome.values, outcome.predicted),
        mean_average_precision=float(np.mean(precisions)) if precisions else float("nan"),
        macro_f1_interval=_bootstrap(outcome, seed),
        frames=frames,
        voice=_voice(outcome),
        languages=_languages(outcome),
        false_alarm_rate=false_alarm_rate(outcome.values, outcome.predicted),
        calibration_error=calibration_error(outcome.probabilities, outcome.values),
        band=_band(outcome),
        unsupported={name: int(predictions[:, k].sum()) for k, name in enumerate(outcome.frames) if not support[k]},
        model=model,
        codebook=codebook,
    )


def f1_by_frame(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the F1 of each column; NaN for one without support."""
    right, found, there = _counts(values, predicted)
    return np.where(there > 0, 2 * right / np.maximum(1, found + there), np.nan)


def macro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the mean F1 of the frames with support; NaN if none has."""
    scores = f1_by_frame(values, predicted)
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")


def micro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the F1 of all cells together; NaN if nothing is gold and nothing predicted."""
    right, found, there = (int(count.sum()) for count in _counts(values, predicted))
    return 2 * right / (found + there) if found + there else float("nan")


def samples_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the mean F1 over rows, as SemEval-2025 Task 10: a row without frame has the class ``other``."""
    truth, guess = values == 1, predicted & (values >= 0)
    truth = np.column_stack([truth, ~truth.any(axis=1)])
    guess = np.column_stack([guess, ~guess.any(axis=1)])
    scores = 2 * (truth & guess).sum(axis=1) / (truth.sum(axis=1) + guess.sum(axis=1))
    return float(scores.mean()) if len(scores) else float("nan")


def false_alarm_rate(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the share of rows without a gold frame that get one; NaN if every row has a frame."""
    empty = (values <= 0).all(axis=1)
    return float(predicted[empty].any(axis=1).mean()) if empty.any() else float("nan")


def _counts(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    there, found = values == 1, predicted & (values >= 0)
    return [(there & found).sum(axis=0), found.sum(axis=0), there.sum(axis=0)]


def _frame(outcome: Outcome, k: int) -> FrameFigures:
    values, predicted = outcome.values[:, [k]], outcome.predicted[:, [k]]
    right, found, there = (int(count[0]) for count in _counts(values, predicted))
    known = values[:, 0] >= 0
    probabilities = outcome.probabilities[known, k]
    return FrameFigures(
        support=there,
        precision=right / found if found else float("nan"),
        recall=right / there,
        f1=2 * right / (found + there),
        average_precision=float(average_precision_score(values[known, 0], probabilities)),
        threshold=float(outcome.thresholds[k]) if len(outcome.thresholds) else float("nan"),
        calibration_error=calibration_error(probabilities, values[known, 0]),
    )


def _voice(outcome: Outcome) -> VoiceFigures:
    pairs = (outcome.gold_voices >= 0) & (outcome.values == 1)
    gold, said = outcome.gold_voices[pairs], outcome.voices[pairs]
    if not len(gold):
        return VoiceFigures(0, float("nan"), float("nan"))
    classes = range(len(VOICES))
    truth = np.column_stack([gold == voice for voice in classes]).astype(np.int8)
    guess = np.column_stack([said == voice for voice in classes])
    return VoiceFigures(len(gold), float((gold == said).mean()), macro_f1(truth, guess))


def _languages(outcome: Outcome) -> dict[str, LanguageFigures]:
    found = {}
    for name in sorted(set(outcome.languages)):
        part = outcome.take(np.flatnonzero(np.array(outcome.languages) == name))
        f1s = macro_f1(part.values, part.predicted), micro_f1(part.values, part.predicted)
        found[name] = LanguageFigures(len(part.values), *f1s)
    return found


def _band(outcome: Outcome) -> BandFigures:
    yes = outcome.predicted & ~outcome.human
    right, found, _ = (int(count.sum()) for count in _counts(outcome.values, yes))
    kept = int(_counts(outcome.values, outcome.predicted)[0].sum())
    return BandFigures(right / found if found else float("nan"), right / kept if kept else float("nan"))


def _bootstrap(outcome: Outcome, seed: int) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of macro-F1 over resampled rows (Efron and Tibshirani 1993)."""
    rows = np.random.default_rng(seed).integers(0, max(1, len(outcome.values)), (_RESAMPLES, len(outcome.values)))
    scores = [macro_f1(outcome.values[pick], outcome.predicted[pick]) for pick in rows] if len(outcome.values) else []
    finite = [score for score in scores if np.isfinite(score)]
    return (float(np.percentile(finite, 2.5)), float(np.percentile(finite, 97.5))) if finite else (float("nan"),) * 2


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value


def _show(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"


def _summary_lines(evaluation: Evaluation) -> list[str]:
    low, high = evaluation.macro_f1_interval
    languages = [
        f"  {name}: {figures.n} rows, macro-F1 {_show(figures.macro_f1)}, micro-F1 {_show(figures.micro_f1)}"
        for name, figures in evaluation.languages.items()
    ]
    voice = evaluation.voice
    return [
        f"rows                    {evaluation.n}",
        f"macro-F1                {_show(evaluation.macro_f1)}  (95 %: {_show(low)} to {_show(high)})",
        f"micro-F1                {_show(evaluation.micro_f1)}",
        f"samples-F1              {_show(evaluation.samples_f1)}",
        f"mean average precision  {_show(evaluation.mean_average_precision)}",
        f"voice                   accuracy {_show(voice.accuracy)}, macro-F1 {_show(voice.macro_f1)}, {voice.n} pairs",
        f"false alarms            {_show(evaluation.false_alarm_rate)} of the rows without a frame get one",
        f"calibration error       {_show(evaluation.calibration_error)}",
        *languages,
    ]


def _frame_lines(evaluation: Evaluation) -> list[str]:
    width = max([len("frame"), *map(len, evaluation.frames), *map(len, evaluation.unsupported)])
    lines = [f"{'frame':{width}}  support  precision  recall     F1     AP  threshold"]
    lines += [
        f"{name:{width}}  {f.support:7}  {_show(f.precision):>9}  {_show(f.recall):>6}  {_show(f.f1):>5}"
        f"  {_show(f.average_precision):>5}  {_show(f.threshold):>9}"
        for name, f in evaluation.frames.items()
    ]
    lines += [
        f"{name:{width}}  {0:7}  no gold row; predicted {count} times" for name, count in evaluation.unsupported.items()
    ]
    return lines
