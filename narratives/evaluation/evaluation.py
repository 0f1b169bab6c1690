"""Owns evaluation: predictions against gold, as figures with intervals. Takes arrays, knows no model."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES
from narratives.evaluation.bootstrap import interval, resampled
from narratives.evaluation.metrics import (
    average_precision,
    counts,
    f1,
    f1_by_frame,
    false_alarm_rate,
    macro_f1,
    mean_average_precision,
    mean_of_known,
    micro_f1,
    ratio,
    samples_f1,
    voice_macro_f1,
)
from narratives.evaluation.reliability import Bin, calibration_error, reliability
from narratives.evaluation.report import confusion_table, frame_table, plain, register_table, summary, voice_table

_CONFUSIONS = 20  # kept


@dataclass(frozen=True)
class FrameMetrics:
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
class VoiceMetrics:
    """How often the voice is right, over all gold pairs of paragraph and frame whose voice is settled."""

    n: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class OneVoiceMetrics:
    """The gold pairs of one voice: how many have their frame predicted, and which voice the model says of them.

    The voice is asked of every pair, predicted or not; ``said`` is the pair's row of the 3 × 3 confusion matrix.
    """

    n: int
    frame_recall: float
    voice_recall: float
    said: dict[str, int]


@dataclass(frozen=True)
class RegisterMetrics:
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
class LanguageMetrics:
    """The figures of the rows of one language."""

    n: int
    macro_f1: float
    micro_f1: float


@dataclass(frozen=True)
class BandMetrics:
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
    frames: dict[str, FrameMetrics]
    voice: VoiceMetrics
    languages: dict[str, LanguageMetrics]
    false_alarm_rate: float
    calibration_error: float
    band: BandMetrics
    unsupported: dict[str, int]
    voices: dict[str, OneVoiceMetrics]
    registers: dict[str, RegisterMetrics]
    confusion: tuple[Confusion, ...]
    reliability: tuple[Bin, ...]
    model: str = ""
    codebook: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values; what nothing defines (NaN) is None."""
        return {key: plain(value) for key, value in asdict(self).items()}

    def table(self) -> str:
        """Return the figures as a table for the terminal."""
        parts = (summary, frame_table, voice_table, register_table, confusion_table)
        return "\n\n".join(text for part in parts if (text := part(self)))


@dataclass(frozen=True)
class EvaluationSet:
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

    def take(self, rows: NDArray[np.int64]) -> "EvaluationSet":
        """Return the outcome of these rows only."""
        return EvaluationSet(
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

    def of_frames(self, frames: Sequence[str]) -> "EvaluationSet":
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


def evaluate(outcome: EvaluationSet, model: str = "", codebook: str = "", seed: int = 0) -> Evaluation:
    """Measure an outcome. ``macro_f1`` is over the frames with support; intervals resample rows with ``seed``."""
    values, predicted = outcome.values, outcome.predicted
    scores = resampled(lambda weights: f1_by_frame(values, predicted, weights), len(values), seed)
    _, predictions, support = counts(values, predicted)
    return Evaluation(
        n=len(values),
        macro_f1=float(macro_f1(values, predicted)),
        micro_f1=float(micro_f1(values, predicted)),
        samples_f1=float(samples_f1(values, predicted)),
        mean_average_precision=float(mean_average_precision(values, outcome.probabilities)),
        macro_f1_interval=interval(mean_of_known(scores)),
        frames={
            name: _frame(outcome, k, interval(scores[:, k])) for k, name in enumerate(outcome.frames) if support[k]
        },
        voice=_voice(outcome),
        languages=_languages(outcome),
        false_alarm_rate=float(false_alarm_rate(values, predicted)),
        calibration_error=float(calibration_error(outcome.probabilities, values)),
        band=_band(outcome),
        unsupported={name: int(predictions[k]) for k, name in enumerate(outcome.frames) if not support[k]},
        voices=_voices(outcome),
        registers=_registers(outcome),
        confusion=_confusion(outcome),
        reliability=reliability(outcome.probabilities, values),
        model=model,
        codebook=codebook,
    )


def _frame(outcome: EvaluationSet, k: int, f1_interval: tuple[float, float]) -> FrameMetrics:
    values, probabilities = outcome.values[:, k], outcome.probabilities[:, k]
    counted = counts(values, outcome.predicted[:, k])
    return FrameMetrics(
        support=int(counted.support),
        precision=float(ratio(counted.tp, counted.predicted)),
        recall=float(ratio(counted.tp, counted.support)),
        f1=float(f1(counted)),
        average_precision=float(average_precision(values, probabilities)),
        threshold=float(outcome.thresholds[k]) if len(outcome.thresholds) else float("nan"),
        calibration_error=float(calibration_error(probabilities, values)),
        f1_interval=f1_interval,
    )


def _voice(outcome: EvaluationSet) -> VoiceMetrics:
    pairs = (outcome.gold_voices >= 0) & (outcome.values == 1)
    right = pairs & (outcome.gold_voices == outcome.voices)
    return VoiceMetrics(
        int(pairs.sum()),
        float(ratio(right.sum(), pairs.sum())),
        float(voice_macro_f1(outcome.values, outcome.gold_voices, outcome.voices)),
    )


def _voices(outcome: EvaluationSet) -> dict[str, OneVoiceMetrics]:
    found = {}
    for number, name in enumerate(VOICES):
        pairs = (outcome.gold_voices == number) & (outcome.values == 1)
        said, n = outcome.voices[pairs], int(pairs.sum())
        counts = {voice: int((said == place).sum()) for place, voice in enumerate(VOICES)}
        seen = int(outcome.predicted[pairs].sum())
        recalls = (seen / n, counts[name] / n) if n else (float("nan"), float("nan"))
        found[name] = OneVoiceMetrics(n, *recalls, counts)
    return found


def _languages(outcome: EvaluationSet) -> dict[str, LanguageMetrics]:
    return {
        name: LanguageMetrics(
            len(part.values),
            float(macro_f1(part.values, part.predicted)),
            float(micro_f1(part.values, part.predicted)),
        )
        for name, part in _parts(outcome, outcome.languages)
    }


def _registers(outcome: EvaluationSet) -> dict[str, RegisterMetrics]:
    return {
        name or "not named": RegisterMetrics(
            len(part.values),
            float(macro_f1(part.values, part.predicted)),
            float(micro_f1(part.values, part.predicted)),
            float(false_alarm_rate(part.values, part.predicted)),
        )
        for name, part in (_parts(outcome, outcome.registers) if any(outcome.registers) else ())
    }


def _parts(outcome: EvaluationSet, names: tuple[str, ...]) -> Iterator[tuple[str, EvaluationSet]]:
    for name in sorted(set(names)):
        yield name, outcome.take(np.flatnonzero(np.array(names) == name))


def _confusion(outcome: EvaluationSet) -> tuple[Confusion, ...]:
    missed = ((outcome.values == 1) & ~outcome.predicted).astype(np.int64)
    wrong = ((outcome.values == 0) & outcome.predicted).astype(np.int64)
    counts = missed.T @ wrong
    order = np.argsort(-counts, axis=None, kind="stable")[:_CONFUSIONS]
    places = [divmod(int(place), len(outcome.frames)) for place in order]
    names = outcome.frames
    return tuple(
        Confusion(names[row], names[column], int(counts[row, column])) for row, column in places if counts[row, column]
    )


def _band(outcome: EvaluationSet) -> BandMetrics:
    decided = counts(outcome.values, outcome.predicted & ~outcome.human).total()
    without_band = counts(outcome.values, outcome.predicted).total()
    return BandMetrics(float(ratio(decided.tp, decided.predicted)), float(ratio(decided.tp, without_band.tp)))
