"""Compares two models on the same rows: differences of their metrics, with intervals of a paired bootstrap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives.evaluation.bootstrap import RESAMPLES, interval, resampled
from narratives.evaluation.evaluation import EvaluationSet
from narratives.evaluation.metrics import (
    f1_by_frame,
    false_alarm_rate,
    mean_average_precision,
    mean_of_known,
    micro_f1,
    samples_f1,
    voice_macro_f1,
)
from narratives.evaluation.reliability import calibration_error
from narratives.evaluation.report import plain, shown, text_table

FIGURES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "samples_f1": "samples-F1",
    "mean_average_precision": "mean average precision",
    "voice_macro_f1": "voice macro-F1",
    "false_alarm_rate": "false alarms",
    "calibration_error": "calibration error",
}
_LOWER_IS_BETTER = ("false_alarm_rate", "calibration_error")
_NO_INTERVAL = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Difference:
    """One metric of models A and B; ``interval`` is that of B - A at 95 %, NaN where nothing was resampled."""

    a: float
    b: float
    interval: tuple[float, float] = _NO_INTERVAL

    @property
    def difference(self) -> float:
        """B - A."""
        return self.b - self.a

    @property
    def none(self) -> bool:
        """Whether A and B are equal in this metric, on all rows and at both ends of the interval."""
        return self.difference == 0 and not any(self.interval)

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval is on one side of zero."""
        low, high = self.interval
        return low > 0 or high < 0

    def as_json(self) -> dict[str, Any]:
        """Return both values, their difference, its interval and whether that excludes zero."""
        return {
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "interval": list(self.interval),
            "excludes_zero": self.excludes_zero,
        }


@dataclass(frozen=True)
class FrameDifference:
    """The F1 of one frame in A and B, and its support.

    ``changed`` is the share of rows on which A and B decide differently, NaN if unknown.
    """

    f1: Difference
    support: int
    changed: float


@dataclass(frozen=True)
class Comparison:
    """Two models side by side.

    - ``n``: rows that both were measured on, 0 where the metrics are those stored with the models
    - ``figures``: overall metrics, with the keys of FIGURES
    - ``frames``: the frames that both models know
    - ``changed``: the share of all decisions, rows × frames, that differ
    - ``rows_changed``: the share of rows with such a decision
    """

    models: tuple[str, str]
    n: int
    figures: dict[str, Difference]
    frames: dict[str, FrameDifference]
    changed: float
    rows_changed: float
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as plain values for JSON; NaN becomes None."""
        frames = {
            name: {"support": frame.support, "f1": frame.f1.as_json(), "changed": frame.changed}
            for name, frame in self.frames.items()
        }
        document = {
            "models": {"a": self.models[0], "b": self.models[1]},
            "n": self.n,
            "resamples": RESAMPLES if self.n else 0,
            "figures": {name: figure.as_json() for name, figure in self.figures.items()},
            "frames": frames,
            "changed": self.changed,
            "rows_changed": self.rows_changed,
            "remarks": list(self.remarks),
            "conclusion": self.conclusion(),
        }
        return {key: plain(value) for key, value in document.items()}

    def table(self) -> str:
        """Return the comparison as tables for the terminal, with the conclusion at the end."""
        parts = [_models(self), _remarks(self), _figure_table(self), _frame_table(self), _changed(self)]
        return "\n\n".join([*filter(None, parts), self.conclusion()])

    def conclusion(self) -> str:
        """Return a sentence that says which differences exclude zero."""
        if not self.n:
            return "Stored figures have no intervals; to see which differences are more than chance, use --on TABLE."
        tested = {name: figure for name, figure in self._named().items() if np.isfinite(figure.interval[0])}
        differ = [name for name, figure in tested.items() if not figure.none]
        sure = {name: figure for name, figure in tested.items() if figure.excludes_zero}
        if not differ:
            return "The two models do not differ in any figure on these rows."
        if not sure:
            return f"None of the {len(differ)} differences excludes zero: neither model is clearly better."
        chance = max(1, round(0.05 * len(differ)))  # 95 % intervals exclude zero in 5 % of equal pairs
        return (
            f"Of {len(differ)} differences {len(sure)} exclude{'s' * (len(sure) == 1)} zero: {_verdict(sure)}. "
            f"By chance alone about {chance} of {len(differ)} would."
        )

    def _named(self) -> dict[str, Difference]:
        frames = {f"F1 of {name}": frame.f1 for name, frame in self.frames.items()}
        return {FIGURES[key]: figure for key, figure in self.figures.items()} | frames


def compare(
    first: EvaluationSet, second: EvaluationSet, models: tuple[str, str], remarks: Sequence[str] = ()
) -> Comparison:
    """Compare the predictions of two models on the same rows and frames.

    Intervals are from a paired bootstrap: both models are measured on the same resamples of the rows (Efron and
    Tibshirani 1993; paired: Koehn 2004). Rows count as independent; where a document has several, true intervals are
    somewhat wider.
    """
    gaps = resampled(lambda weights: _measure(second, weights) - _measure(first, weights), len(first.values), 0)
    differences = [
        Difference(float(a), float(b), interval(gap) if np.isfinite([a, b]).all() else _NO_INTERVAL)
        for a, b, gap in zip(_measure(first), _measure(second), gaps.T, strict=True)
    ]
    differ = first.predicted != second.predicted
    support, shares = (first.values == 1).sum(axis=0), differ.mean(axis=0)
    frames = {
        name: FrameDifference(f1, int(support[k]), float(shares[k]))
        for k, (name, f1) in enumerate(zip(first.frames, differences[len(FIGURES) :], strict=True))
    }
    figures = dict(zip(FIGURES, differences, strict=False))
    shares_changed = float(differ.mean()), float(differ.any(axis=1).mean())
    return Comparison(models, len(first.values), figures, frames, *shares_changed, remarks=tuple(remarks))


def compare_kept(first: dict[str, Any], second: dict[str, Any], remarks: Sequence[str] = ()) -> Comparison:
    """Compare the metrics stored with two models, as ``Evaluation.as_json`` returns them. There are no intervals."""
    figures = {key: Difference(_stored(first, key), _stored(second, key)) for key in FIGURES}
    frames = {
        name: FrameDifference(
            Difference(_number(first["frames"][name]["f1"]), _number(second["frames"][name]["f1"])),
            first["frames"][name]["support"],
            float("nan"),
        )
        for name in first["frames"]
        if name in second["frames"]
    }
    unknown = float("nan"), float("nan")
    return Comparison((first["model"], second["model"]), 0, figures, frames, *unknown, remarks=tuple(remarks))


def _stored(figures: dict[str, Any], key: str) -> float:
    return _number(figures["voice"]["macro_f1"] if key == "voice_macro_f1" else figures[key])


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _measure(data: EvaluationSet, weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return all FIGURES, then the F1 of each frame, along the last axis; with weights, one row for each resample."""
    values, predicted, probabilities = data.values, data.predicted, data.probabilities
    frames = f1_by_frame(values, predicted, weights)
    figures = [
        mean_of_known(frames),
        micro_f1(values, predicted, weights),
        samples_f1(values, predicted, weights),
        mean_average_precision(values, probabilities, weights),
        voice_macro_f1(values, data.gold_voices, data.voices, weights),
        false_alarm_rate(values, predicted, weights),
        calibration_error(probabilities, values, weights),
    ]
    return np.concatenate([np.stack(figures, axis=-1), frames], axis=-1)


def _verdict(sure: dict[str, Difference]) -> str:
    sides: dict[str, list[str]] = {"better": [], "worse": []}
    for name, figure in sure.items():
        sides["better" if _better(name, figure) else "worse"].append(f"{name} ({figure.difference:+.2g})")
    return "B is " + ", and ".join(f"{side} in {', '.join(names)}" for side, names in sides.items() if names)


def _better(name: str, figure: Difference) -> bool:
    lower_is_better = name in [FIGURES[key] for key in _LOWER_IS_BETTER]
    return (figure.difference < 0) == lower_is_better


def _models(comparison: Comparison) -> str:
    return "\n".join(f"{letter}  {name}" for letter, name in zip("AB", comparison.models, strict=True))


def _remarks(comparison: Comparison) -> str:
    rows = (
        f"{comparison.n} rows, the same for both; {RESAMPLES:,} resamples of them give the intervals; * excludes zero"
    )
    return "\n".join([*([rows] if comparison.n else []), *comparison.remarks])


def _figure_table(comparison: Comparison) -> str:
    rows = [[FIGURES[key], *_cells(figure, comparison)] for key, figure in comparison.figures.items()]
    return text_table(["figure", *_heads(comparison)], rows)


def _frame_table(comparison: Comparison) -> str:
    rows = [
        [name, *_cells(frame.f1, comparison), frame.support, *([f"{frame.changed:.1%}"] if comparison.n else [])]
        for name, frame in comparison.frames.items()
    ]
    tail = ["support", *(["changed"] if comparison.n else [])]
    return text_table(["F1 of frame", *_heads(comparison), *tail], rows)


def _changed(comparison: Comparison) -> str:
    if not comparison.n:
        return ""
    return (
        f"{comparison.changed:.1%} of all decisions (rows × frames) changed; "
        f"{comparison.rows_changed:.1%} of the rows have a decision that changed"
    )


def _heads(comparison: Comparison) -> list[str]:
    return ["A", "B", "B - A", *(["95 % interval", ""] if comparison.n else [])]


def _cells(figure: Difference, comparison: Comparison) -> list[str]:
    """Return the cells of one figure under ``_heads``."""
    change = f"{figure.difference:+.3f}" if np.isfinite(figure.difference) else "–"
    cells = [shown(figure.a), shown(figure.b), "=" if figure.none else change]
    if not comparison.n:
        return cells
    low, high = figure.interval
    between = f"{low:+.3f} to {high:+.3f}" if np.isfinite(low) else "–"
    return [*cells, "" if figure.none else between, "*" if figure.excludes_zero else ""]
