"""Owns evaluation: predictions against gold, as figures with intervals. Takes arrays, knows no model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives.calibration import Bin, calibration_error, reliability
from narratives.codebook import VOICES

RESAMPLES = 1000
_AT_ONCE = 4_000_000  # cells of resampled weights held at a time: 32 MB
_CONFUSIONS = 20  # kept; half of them are printed


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
    f1_interval: tuple[float, float]


@dataclass(frozen=True)
class VoiceFigures:
    """How often the voice is right, over all gold pairs of paragraph and frame whose voice is settled."""

    n: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class OneVoiceFigures:
    """The gold pairs of one voice: how many have their frame predicted, and which voice the model says of them.

    The voice is asked of every pair, predicted or not; ``said`` is the pair's row of the 3 × 3 confusion matrix.
    """

    n: int
    frame_recall: float
    voice_recall: float
    said: dict[str, int]


@dataclass(frozen=True)
class RegisterFigures:
    """The figures of the rows of one register."""

    n: int
    macro_f1: float
    micro_f1: float
    false_alarm_rate: float


@dataclass(frozen=True)
class Confusion:
    """On how many rows the ``gold`` frame is missed while ``predicted``, which is not gold there, is found."""

    gold: str
    predicted: str
    count: int


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
    voices: dict[str, OneVoiceFigures]
    registers: dict[str, RegisterFigures]
    confusion: tuple[Confusion, ...]
    reliability: tuple[Bin, ...]
    model: str = ""
    codebook: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values; what nothing defines (NaN) is None."""
        return {key: plain(value) for key, value in asdict(self).items()}

    def table(self) -> str:
        """Return the figures as a table for the terminal."""
        parts = (_summary_lines, _frame_lines, _voice_lines, _register_lines, _confusion_lines)
        return "\n\n".join("\n".join(lines) for part in parts if (lines := part(self)))


@dataclass(frozen=True)
class Outcome:
    """What was predicted and what is gold, n × k: the input of every figure. Values below 0 are not counted.

    ``registers`` is empty where nobody named them.
    """

    frames: tuple[str, ...]
    values: NDArray[np.int8]
    probabilities: NDArray[np.float64]
    predicted: NDArray[np.bool_]
    human: NDArray[np.bool_]
    gold_voices: NDArray[np.int8]
    voices: NDArray[np.int8]
    languages: tuple[str, ...]
    thresholds: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    registers: tuple[str, ...] = ()

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
            tuple(self.registers[int(row)] for row in rows) if self.registers else (),
        )

    def of_frames(self, frames: Sequence[str]) -> "Outcome":
        """Return the outcome of these frames only, in this order."""
        columns = [self.frames.index(name) for name in frames]
        return replace(
            self,
            frames=tuple(frames),
            values=self.values[:, columns],
            probabilities=self.probabilities[:, columns],
            predicted=self.predicted[:, columns],
            human=self.human[:, columns],
            gold_voices=self.gold_voices[:, columns],
            voices=self.voices[:, columns],
            thresholds=self.thresholds[columns] if len(self.thresholds) else self.thresholds,
        )


def evaluate(outcome: Outcome, model: str = "", codebook: str = "", seed: int = 0) -> Evaluation:
    """Measure an outcome. ``macro_f1`` is over the frames with support; intervals resample rows with ``seed``."""
    support, drawn = (outcome.values == 1).sum(axis=0), _resampled_f1(outcome, seed)
    frames = {name: _frame(outcome, k, interval(drawn[:, k])) for k, name in enumerate(outcome.frames) if support[k]}
    predictions = outcome.predicted & (outcome.values >= 0)
    precisions = [figures.average_precision for figures in frames.values()]
    return Evaluation(
        n=len(outcome.values),
        macro_f1=macro_f1(outcome.values, outcome.predicted),
        micro_f1=micro_f1(outcome.values, outcome.predicted),
        samples_f1=samples_f1(outcome.values, outcome.predicted),
        mean_average_precision=float(np.mean(precisions)) if precisions else float("nan"),
        macro_f1_interval=interval(mean_of_known(drawn)),
        frames=frames,
        voice=_voice(outcome),
        languages=_languages(outcome),
        false_alarm_rate=false_alarm_rate(outcome.values, outcome.predicted),
        calibration_error=calibration_error(outcome.probabilities, outcome.values),
        band=_band(outcome),
        unsupported={name: int(predictions[:, k].sum()) for k, name in enumerate(outcome.frames) if not support[k]},
        voices=_voices(outcome),
        registers=_registers(outcome),
        confusion=_confusion(outcome),
        reliability=reliability(outcome.probabilities, outcome.values),
        model=model,
        codebook=codebook,
    )


def f1_by_frame(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the F1 of each column; NaN for one without support."""
    return f1_of_counts(*_counts(values, predicted))


def f1_of_counts(right: NDArray[Any], found: NDArray[Any], there: NDArray[Any]) -> NDArray[np.float64]:
    """Return F1 from how many are right, found and there, arrays of one shape; NaN where nothing is there."""
    return np.where(there > 0, 2 * right / np.maximum(1, found + there), np.nan)


def macro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the mean F1 of the frames with support; NaN if none has."""
    return float(mean_of_known(f1_by_frame(values, predicted)))


def mean_of_known(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the last axis, leaving NaN out; NaN where nothing is left."""
    known = np.isfinite(scores).sum(axis=-1)
    return np.asarray(np.where(known > 0, np.nansum(scores, axis=-1) / np.maximum(1, known), np.nan))


def micro_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the F1 of all cells together; NaN if nothing is gold and nothing predicted."""
    right, found, there = (int(count.sum()) for count in _counts(values, predicted))
    return 2 * right / (found + there) if found + there else float("nan")


def samples_f1(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the mean F1 over rows, as SemEval-2025 Task 10: a row without frame has the class ``other``."""
    return float(f1_by_row(values, predicted).mean()) if len(values) else float("nan")


def f1_by_row(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the F1 of each row, whose frames, or the class ``other`` where it has none, are what is to be found."""
    truth, guess = values == 1, predicted & (values >= 0)
    truth = np.column_stack([truth, ~truth.any(axis=1)])
    guess = np.column_stack([guess, ~guess.any(axis=1)])
    return np.asarray(2 * (truth & guess).sum(axis=1) / (truth.sum(axis=1) + guess.sum(axis=1)))


def false_alarm_rate(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> float:
    """Return the share of rows without a gold frame that get one; NaN if every row has a frame."""
    empty = (values <= 0).all(axis=1)
    return float(predicted[empty].any(axis=1).mean()) if empty.any() else float("nan")


def _counts(values: NDArray[np.int8], predicted: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    there, found = values == 1, predicted & (values >= 0)
    return [(there & found).sum(axis=0), found.sum(axis=0), there.sum(axis=0)]


def _frame(outcome: Outcome, k: int, f1_interval: tuple[float, float]) -> FrameFigures:
    from sklearn.metrics import average_precision_score  # scikit-learn loads slowly, and no page needs it

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
        f1_interval=f1_interval,
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


def _voices(outcome: Outcome) -> dict[str, OneVoiceFigures]:
    found = {}
    for number, name in enumerate(VOICES):
        pairs = (outcome.gold_voices == number) & (outcome.values == 1)
        said, n = outcome.voices[pairs], int(pairs.sum())
        counts = {voice: int((said == place).sum()) for place, voice in enumerate(VOICES)}
        seen = int(outcome.predicted[pairs].sum())
        recalls = (seen / n, counts[name] / n) if n else (float("nan"), float("nan"))
        found[name] = OneVoiceFigures(n, *recalls, counts)
    return found


def _languages(outcome: Outcome) -> dict[str, LanguageFigures]:
    return {
        name: LanguageFigures(
            len(part.values), macro_f1(part.values, part.predicted), micro_f1(part.values, part.predicted)
        )
        for name, part in _parts(outcome, outcome.languages)
    }


def _registers(outcome: Outcome) -> dict[str, RegisterFigures]:
    return {
        name or "not named": RegisterFigures(
            len(part.values),
            macro_f1(part.values, part.predicted),
            micro_f1(part.values, part.predicted),
            false_alarm_rate(part.values, part.predicted),
        )
        for name, part in (_parts(outcome, outcome.registers) if any(outcome.registers) else ())
    }


def _parts(outcome: Outcome, names: tuple[str, ...]) -> Iterator[tuple[str, Outcome]]:
    for name in sorted(set(names)):
        yield name, outcome.take(np.flatnonzero(np.array(names) == name))


def _confusion(outcome: Outcome) -> tuple[Confusion, ...]:
    missed = ((outcome.values == 1) & ~outcome.predicted).astype(np.int64)
    wrong = ((outcome.values == 0) & outcome.predicted).astype(np.int64)
    counts = missed.T @ wrong
    order = np.argsort(-counts, axis=None, kind="stable")[:_CONFUSIONS]
    places = [divmod(int(place), len(outcome.frames)) for place in order]
    names = outcome.frames
    return tuple(
        Confusion(names[row], names[column], int(counts[row, column])) for row, column in places if counts[row, column]
    )


def _band(outcome: Outcome) -> BandFigures:
    yes = outcome.predicted & ~outcome.human
    right, found, _ = (int(count.sum()) for count in _counts(outcome.values, yes))
    kept = int(_counts(outcome.values, outcome.predicted)[0].sum())
    return BandFigures(right / found if found else float("nan"), right / kept if kept else float("nan"))


def _resampled_f1(outcome: Outcome, seed: int) -> NDArray[np.float64]:
    """Return the F1 of each frame on each resample of the rows, resamples × k (Efron and Tibshirani 1993)."""
    there, found = outcome.values == 1, outcome.predicted & (outcome.values >= 0)
    counts = [part.astype(np.float64) for part in (there & found, found, there)]
    return np.concatenate([f1_of_counts(*(drawn @ part for part in counts)) for drawn in resamples(len(there), seed)])


def resamples(rows: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield 1,000 resamples of so many rows, some at a time, as how often each row is drawn: resamples × rows.

    A sum over the rows of a resample is then one product. The same rows and seed give the same resamples.
    """
    random = np.random.default_rng(seed)
    step = max(1, min(RESAMPLES, _AT_ONCE // max(1, rows)))
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = random.integers(0, max(1, rows), (size, rows)) + np.arange(size)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)


def interval(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 2.5th and 97.5th percentile of the scores that are not NaN; NaN if none is."""
    known = scores[np.isfinite(scores)]
    return (float(np.percentile(known, 2.5)), float(np.percentile(known, 97.5))) if len(known) else (float("nan"),) * 2


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


def _summary_lines(evaluation: Evaluation) -> list[str]:
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


def _frame_lines(evaluation: Evaluation) -> list[str]:
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


def _voice_lines(evaluation: Evaluation) -> list[str]:
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


def _register_lines(evaluation: Evaluation) -> list[str]:
    if not evaluation.registers:
        return []
    width = max([len("register"), *map(len, evaluation.registers)])
    lines = [f"{'register':{width}}   rows  macro-F1  micro-F1  false alarms"]
    lines += [
        f"{name:{width}}  {f.n:5}  {shown(f.macro_f1):>8}  {shown(f.micro_f1):>8}  {shown(f.false_alarm_rate):>12}"
        for name, f in sorted(evaluation.registers.items(), key=lambda item: -item[1].n)
    ]
    return lines


def _confusion_lines(evaluation: Evaluation) -> list[str]:
    if not evaluation.confusion:
        return []
    printed = evaluation.confusion[: _CONFUSIONS // 2]
    width = max([len("frame missed"), *(len(pair.gold) for pair in printed)])
    lines = [f"{'frame missed':{width}}  rows  found instead"]
    return lines + [f"{pair.gold:{width}}  {pair.count:4}  {pair.predicted}" for pair in printed]
