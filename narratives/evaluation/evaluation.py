"""Evaluates predictions against gold: overall, and by frame, voice, language and register, with intervals.

Takes arrays and knows no model.
"""

import math
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
from narratives.evaluation.reliability import Bin, Word, by_word, calibration_error, reliability
from narratives.evaluation.report import (
    confusion_table,
    frame_table,
    plain,
    register_table,
    source_table,
    summary,
    voice_table,
)

_CONFUSIONS = 20  # the commonest pairs that an evaluation keeps


@dataclass(frozen=True)
class FrameMetrics:
    """Metrics of one frame; ``support`` is the number of rows whose gold has it. NaN where undefined."""

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
    """Accuracy and macro-F1 of voices, over the ``n`` gold pairs of paragraph and frame whose voice is settled."""

    n: int
    accuracy: float
    macro_f1: float


@dataclass(frozen=True)
class OneVoiceMetrics:
    """Metrics of the ``n`` gold pairs of one voice.

    - ``frame_recall``: the share whose frame is predicted
    - ``voice_recall``: the share whose voice is right; every pair has a predicted voice, whether or not its frame does
    - ``said``: predicted voices of these pairs, a row of the confusion matrix
    """

    n: int
    frame_recall: float
    voice_recall: float
    said: dict[str, int]


@dataclass(frozen=True)
class PartMetrics:
    """Metrics of the rows of one register or source.

    ``wrong_promotes`` is the share of rows that the model, without a person, says promote a claim, and they do not.
    """

    n: int
    macro_f1: float
    micro_f1: float
    false_alarm_rate: float
    wrong_promotes: float = math.nan


@dataclass(frozen=True)
class Confusion:
    """The number of rows with a false negative of ``gold`` and a false positive of ``predicted``."""

    gold: str
    predicted: str
    count: int


@dataclass(frozen=True)
class LanguageMetrics:
    """Metrics of the rows of one language."""

    n: int
    macro_f1: float
    micro_f1: float


@dataclass(frozen=True)
class BandMetrics:
    """Metrics of the decisions that the band leaves to the model, with the cases in the band going to a person.

    - ``precision_of_yes``: precision of its decisions *yes*
    - ``recall_kept``: the share of all true positives that are still decided by the model
    """

    precision_of_yes: float
    recall_kept: float


@dataclass(frozen=True)
class Evaluation:
    """All metrics of one model on one table. Shares and scores are between 0 and 1; intervals are at 95 %.

    ``frames`` holds the frames with support, ``unsupported`` how often each of the others is predicted.
    """

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
    registers: dict[str, PartMetrics]
    confusion: tuple[Confusion, ...]
    reliability: tuple[Bin, ...]
    model: str = ""
    codebook: str = ""
    sources: dict[str, PartMetrics] = field(default_factory=dict)
    words: tuple[Word, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the metrics as plain values for JSON; NaN becomes None."""
        return {key: plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Evaluation":
        """Return the metrics that ``as_json`` wrote. Raises KeyError or TypeError for a document without them."""
        values = {key: _unplain(value) for key, value in document.items()}
        for frame in values["frames"].values():
            frame["f1_interval"] = tuple(frame["f1_interval"])
        # Figures of an older version have no sources and no words.
        values |= {name: _of_each(kind, values.get(name, {})) for name, kind in _PARTS_BY_NAME.items()}
        values |= {name: tuple(kind(**part) for part in values.get(name, ())) for name, kind in _LISTS.items()}
        values |= {"voice": VoiceMetrics(**values["voice"]), "band": BandMetrics(**values["band"])}
        return cls(**{**values, "macro_f1_interval": tuple(values["macro_f1_interval"])})

    def table(self) -> str:
        """Return the metrics as tables for the terminal."""
        parts = (summary, frame_table, voice_table, register_table, source_table, confusion_table)
        return "\n\n".join(text for part in parts if (text := part(self)))


_PARTS_BY_NAME = {
    "frames": FrameMetrics,
    "languages": LanguageMetrics,
    "voices": OneVoiceMetrics,
    "registers": PartMetrics,
    "sources": PartMetrics,
}
_LISTS = {"confusion": Confusion, "reliability": Bin, "words": Word}


def _of_each(kind: Any, parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: kind(**part) for name, part in parts.items()}


def _unplain(value: Any) -> Any:
    """Undo ``plain``: None is NaN again."""
    if isinstance(value, dict):
        return {key: _unplain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unplain(item) for item in value]
    return math.nan if value is None else value


@dataclass(frozen=True)
class EvaluationSet:
    """Predictions and gold of n rows and k frames; the arrays are n × k.

    - ``values``, ``gold_voices``: gold as in ``Gold``; cells below 0 are unsettled and not counted
    - ``predicted``, ``human``: whether the frame is predicted, and whether the case goes to a person
    - ``voices``: the predicted voice of every gold pair
    - ``thresholds``: one for each frame, or empty
    - ``registers``, ``sources``: one for each row, or empty if the table does not name them
    - ``stated``: the voice of every predicted pair, the index after the last of VOICES if it is unsettled; None if
      nobody asked
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
    sources: tuple[str, ...] = ()
    stated: NDArray[np.int8] | None = None

    def take(self, rows: NDArray[np.int64]) -> "EvaluationSet":
        """Return these rows only, in this order."""
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
            tuple(self.sources[int(row)] for row in rows) if self.sources else (),
            None if self.stated is None else self.stated[rows],
        )

    def of_frames(self, frames: Sequence[str]) -> "EvaluationSet":
        """Return these frames only, in this order."""
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
            stated=None if self.stated is None else self.stated[:, columns],
        )


def evaluate(data: EvaluationSet, model: str = "", codebook: str = "", seed: int = 0) -> Evaluation:
    """Evaluate predictions against gold. Intervals are from a bootstrap over rows with this seed."""
    values, predicted = data.values, data.predicted
    scores = resampled(lambda weights: f1_by_frame(values, predicted, weights), len(values), seed)
    _, predictions, support = counts(values, predicted)
    return Evaluation(
        n=len(values),
        macro_f1=float(macro_f1(values, predicted)),
        micro_f1=float(micro_f1(values, predicted)),
        samples_f1=float(samples_f1(values, predicted)),
        mean_average_precision=float(mean_average_precision(values, data.probabilities)),
        macro_f1_interval=interval(mean_of_known(scores)),
        frames={name: _frame(data, k, interval(scores[:, k])) for k, name in enumerate(data.frames) if support[k]},
        voice=_voice(data),
        languages=_languages(data),
        false_alarm_rate=float(false_alarm_rate(values, predicted)),
        calibration_error=float(calibration_error(data.probabilities, values)),
        band=_band(data),
        unsupported={name: int(predictions[k]) for k, name in enumerate(data.frames) if not support[k]},
        voices=_voices(data),
        registers=_by_part(data, data.registers),
        confusion=_confusion(data),
        reliability=reliability(data.probabilities, values),
        model=model,
        codebook=codebook,
        sources=_by_part(data, data.sources),
        words=by_word(data.probabilities, values),
    )


def _frame(data: EvaluationSet, k: int, f1_interval: tuple[float, float]) -> FrameMetrics:
    values, probabilities = data.values[:, k], data.probabilities[:, k]
    counted = counts(values, data.predicted[:, k])
    return FrameMetrics(
        support=int(counted.support),
        precision=float(ratio(counted.tp, counted.predicted)),
        recall=float(ratio(counted.tp, counted.support)),
        f1=float(f1(counted)),
        average_precision=float(average_precision(values, probabilities)),
        threshold=float(data.thresholds[k]) if len(data.thresholds) else float("nan"),
        calibration_error=float(calibration_error(probabilities, values)),
        f1_interval=f1_interval,
    )


def _voice(data: EvaluationSet) -> VoiceMetrics:
    pairs = (data.gold_voices >= 0) & (data.values == 1)
    right = pairs & (data.gold_voices == data.voices)
    return VoiceMetrics(
        int(pairs.sum()),
        float(ratio(right.sum(), pairs.sum())),
        float(voice_macro_f1(data.values, data.gold_voices, data.voices)),
    )


def _voices(data: EvaluationSet) -> dict[str, OneVoiceMetrics]:
    return {name: _one_voice(data, index) for index, name in enumerate(VOICES)}


def _one_voice(data: EvaluationSet, index: int) -> OneVoiceMetrics:
    pairs = (data.gold_voices == index) & (data.values == 1)
    n, said = int(pairs.sum()), [int((data.voices[pairs] == voice).sum()) for voice in range(len(VOICES))]
    return OneVoiceMetrics(
        n,
        frame_recall=float(ratio(data.predicted[pairs].sum(), n)),
        voice_recall=float(ratio(said[index], n)),
        said=dict(zip(VOICES, said, strict=True)),
    )


def _languages(data: EvaluationSet) -> dict[str, LanguageMetrics]:
    return {
        name: LanguageMetrics(
            len(part.values),
            float(macro_f1(part.values, part.predicted)),
            float(micro_f1(part.values, part.predicted)),
        )
        for name, part in _parts(data, data.languages)
    }


def _by_part(data: EvaluationSet, names: tuple[str, ...]) -> dict[str, PartMetrics]:
    return {
        name or "not named": PartMetrics(
            len(part.values),
            float(macro_f1(part.values, part.predicted)),
            float(micro_f1(part.values, part.predicted)),
            float(false_alarm_rate(part.values, part.predicted)),
            _wrong_promotes(part),
        )
        for name, part in (_parts(data, names) if any(names) else ())
    }


def _wrong_promotes(data: EvaluationSet) -> float:
    if data.stated is None:
        return math.nan
    promotes = VOICES.index("promotes")
    said = data.predicted & ~data.human & (data.stated == promotes)
    other_voice = (data.values == 1) & (data.gold_voices >= 0) & (data.gold_voices != promotes)
    return float((said & ((data.values == 0) | other_voice)).any(axis=1).mean())


def _parts(data: EvaluationSet, names: tuple[str, ...]) -> Iterator[tuple[str, EvaluationSet]]:
    for name in sorted(set(names)):
        yield name, data.take(np.flatnonzero(np.array(names) == name))


def _confusion(data: EvaluationSet) -> tuple[Confusion, ...]:
    missed = ((data.values == 1) & ~data.predicted).astype(np.int64)
    wrong = ((data.values == 0) & data.predicted).astype(np.int64)
    pairs = missed.T @ wrong
    commonest = np.argsort(-pairs, axis=None, kind="stable")[:_CONFUSIONS]  # stable: ties in the order of frames
    cells = [divmod(int(index), len(data.frames)) for index in commonest]
    return tuple(
        Confusion(data.frames[row], data.frames[column], int(pairs[row, column]))
        for row, column in cells
        if pairs[row, column]
    )


def _band(data: EvaluationSet) -> BandMetrics:
    decided = counts(data.values, data.predicted & ~data.human).total()
    without_band = counts(data.values, data.predicted).total()
    return BandMetrics(float(ratio(decided.tp, decided.predicted)), float(ratio(decided.tp, without_band.tp)))
