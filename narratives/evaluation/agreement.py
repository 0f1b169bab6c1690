"""Owns agreement between annotators: how far readings of the same paragraphs say the same. No model, no gold."""

from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES, Codebook
from narratives.evaluation.bootstrap import interval, resampled
from narratives.evaluation.coefficients import cohen_kappa, gwet_ac1, krippendorff_alpha, percent_agreement, tally
from narratives.evaluation.metrics import Floats, mean_of_known
from narratives.evaluation.readings import Readings, read_twice, values_by_annotator
from narratives.evaluation.report import plain, shown
from narratives.labels.gold import UNKNOWN
from narratives.labels.label_set import LABEL_LANGUAGES, LabelSet
from narratives.labels.statistics import markdown_table

LOW = 0.8  # Krippendorff's own border: below it conclusions are tentative
_ENOUGH = 20  # units said yes of by somebody, before a frame in one language is called low


@dataclass(frozen=True)
class AgreementScores:
    """The agreement on one set of units, each with two ratings or more. Intervals hold 95 %; NaN where undefined.

    An interval that resamples no difference has no width: with few units it says less than it seems to.
    """

    units: int
    both_yes: int
    differing: int
    alpha: float
    alpha_interval: tuple[float, float]
    ac1: float
    ac1_interval: tuple[float, float]
    percent: float
    cohen_kappa: float

    @property
    def some_yes(self) -> int:
        """The units that somebody said yes of."""
        return self.both_yes + self.differing


@dataclass(frozen=True)
class Mean:
    """The plain mean over the frames whose alpha is defined, in some paragraphs; counts are sums over all frames."""

    paragraphs: int
    frames: int
    both_yes: int
    differing: int
    alpha: float
    alpha_interval: tuple[float, float]
    ac1: float
    ac1_interval: tuple[float, float]


@dataclass(frozen=True)
class Agreement:
    """All figures of agreement: by frame, by language and frame, means by language (``all`` first), and of voices."""

    paragraphs: int
    annotators: int
    frames: dict[str, AgreementScores]
    cells: dict[str, dict[str, AgreementScores]]
    means: dict[str, Mean]
    voice: AgreementScores

    @property
    def low(self) -> dict[str, float]:
        """The frames whose alpha is below LOW."""
        return {name: found.alpha for name, found in self.frames.items() if found.alpha < LOW}

    @property
    def low_cells(self) -> dict[str, float]:
        """The frames in one language whose alpha is below LOW, where somebody said yes often enough to tell."""
        cells = {f"{frame} in {name}": found for name, row in self.cells.items() for frame, found in row.items()}
        return {name: found.alpha for name, found in cells.items() if found.alpha < LOW and found.some_yes >= _ENOUGH}

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values; what nothing defines (NaN) is None."""
        figures = asdict(self) | {"low": self.low, "low_cells": self.low_cells}
        return {key: plain(value) for key, value in figures.items()}

    def table(self) -> str:
        """Return the figures as Markdown tables, for the terminal and the data card."""
        if not self.paragraphs:
            return "No paragraph is read wholly by two annotators; with a second reading there is something to compare."
        start = f"{self.paragraphs} paragraphs are read wholly by two annotators or more; {self.annotators} took part."
        parts = [start, _frame_table(self), _mean_table(self), _voice_table(self.voice)]
        few = f"Frames in one language ({_ENOUGH} yes or more)"
        return "\n\n".join([*parts, _low_line("Frames", self.low), _low_line(few, self.low_cells)])


@dataclass(frozen=True)
class Pair:
    """How far two annotators agree on the paragraphs both read: Cohen's kappa over all frames, and per cent."""

    first: str
    second: str
    paragraphs: int
    cohen_kappa: float
    percent: float


def measure_pairs(labels: LabelSet, codebook: Codebook) -> list[Pair]:
    """Return a row for each two annotators who read the same paragraphs wholly, those with most in common first."""
    values = values_by_annotator(labels, codebook)
    pairs = [
        _pair(first, second, [np.stack([values[first][key], values[second][key]], axis=1) for key in shared])
        for first, second in combinations(sorted(values), 2)
        if (shared := sorted(values[first].keys() & values[second].keys()))
    ]
    return sorted(pairs, key=lambda pair: (-pair.paragraphs, pair.first, pair.second))


def _pair(first: str, second: str, cells: list[NDArray[np.int8]]) -> Pair:
    ratings = np.concatenate(cells)
    return Pair(first, second, len(cells), cohen_kappa(ratings, 2), float(percent_agreement(tally(ratings, 2))))


def measure_months(labels: LabelSet, codebook: Codebook) -> dict[str, Mean]:
    """Return the mean agreement of the paragraphs whose second reading fell in each month (``2026-11``), in order."""
    last = {key: max(label.labelled_at for label in said)[:7] for key, said in labels.by_paragraph.items()}
    found = {}
    for month in sorted(set(last.values())):
        mine = tuple(label for label in labels.labels if last[label.paragraph_id] == month)
        found[month] = measure_agreement(LabelSet(labels.paragraphs, mine), codebook).means["all"]
    return found


def measure_agreement(labels: LabelSet, codebook: Codebook, seed: int = 0) -> Agreement:
    """Measure the agreement in a label set. Intervals resample paragraphs with ``seed``."""
    return measure(read_twice(labels, codebook), seed)


def measure(readings: Readings, seed: int = 0) -> Agreement:
    """Measure the agreement in these readings."""
    languages = np.array(readings.languages, dtype=str)
    parts = {name: readings.take(languages == name) for name in LABEL_LANGUAGES if (languages == name).any()}
    found, mean = _by_frame(readings, seed)
    by_language = {name: _by_frame(part, seed) for name, part in parts.items()}
    return Agreement(
        paragraphs=len(readings.languages),
        annotators=readings.annotators,
        frames=found,
        cells={name: row for name, (row, _) in by_language.items()},
        means={"all": mean} | {name: mean for name, (_, mean) in by_language.items()},
        voice=_voice(readings, seed),
    )


def _by_frame(readings: Readings, seed: int) -> tuple[dict[str, AgreementScores], Mean]:
    counts, n = tally(readings.values, 2), len(readings.languages)
    scores = resampled(lambda weights: _alpha_and_ac1(counts, weights), n, seed)
    found = [_figures(readings.values[:, :, k], counts[:, k], scores[..., k]) for k in range(len(readings.frames))]
    return dict(zip(readings.frames, found, strict=True)), _mean(n, found, scores)


def _voice(readings: Readings, seed: int) -> AgreementScores:
    """Measure voices on the pairs of paragraph and frame of which two readers or more said yes, with a voice."""
    rows, columns = np.nonzero((readings.voices != UNKNOWN).sum(axis=1) >= 2)
    ratings = readings.voices[rows, :, columns]
    counts = tally(ratings, len(VOICES))
    scores = resampled(lambda weights: _alpha_and_ac1(counts, weights[:, rows]), len(readings.languages), seed)
    found = _figures(ratings, counts, scores)
    return replace(found, both_yes=found.units)


def _alpha_and_ac1(counts: Floats, weights: Floats) -> Floats:
    return np.stack([krippendorff_alpha(counts, weights), gwet_ac1(counts, weights)], axis=1)


def _figures(ratings: NDArray[np.int8], counts: Floats, resampled_scores: Floats) -> AgreementScores:
    units = counts[counts.sum(axis=1) >= 2]
    rated = units.sum(axis=1)
    return AgreementScores(
        units=len(units),
        both_yes=int((units[:, 1] == rated).sum()),
        differing=int((units.max(axis=1) < rated).sum()),
        alpha=float(krippendorff_alpha(counts)),
        alpha_interval=interval(resampled_scores[:, 0]),
        ac1=float(gwet_ac1(counts)),
        ac1_interval=interval(resampled_scores[:, 1]),
        percent=float(percent_agreement(counts)),
        cohen_kappa=cohen_kappa(ratings, counts.shape[1]),
    )


def _mean(paragraphs: int, frames: list[AgreementScores], resampled_scores: Floats) -> Mean:
    alphas, ac1s = resampled_scores.swapaxes(0, 1)
    alpha, ac1 = (np.array([getattr(found, name) for found in frames]) for name in ("alpha", "ac1"))
    return Mean(
        paragraphs=paragraphs,
        frames=int(np.isfinite(alpha).sum()),
        both_yes=sum(found.both_yes for found in frames),
        differing=sum(found.differing for found in frames),
        alpha=float(mean_of_known(alpha)),
        alpha_interval=interval(mean_of_known(alphas)),
        ac1=float(_mean_where_known(ac1, alpha)),
        ac1_interval=interval(_mean_where_known(ac1s, alphas)),
    )


def _mean_where_known(figures: Floats, alphas: Floats) -> Floats:
    """Return the mean over the frames with an alpha; a frame nobody saw would lift AC1 for nothing."""
    return mean_of_known(np.where(np.isfinite(alphas), figures, np.nan))


def _frame_table(agreement: Agreement) -> str:
    rows = [
        [name, str(found.units), str(found.both_yes), str(found.differing), *_two(found)]
        for name, found in agreement.frames.items()
    ]
    return markdown_table(["frame", "read twice", "both yes", "differing", "alpha [95 %]", "AC1 [95 %]"], rows)


def _mean_table(agreement: Agreement) -> str:
    rows = [
        [name, *map(str, (mean.paragraphs, mean.frames, mean.both_yes, mean.differing)), *_two(mean)]
        for name, mean in agreement.means.items()
    ]
    head = ["language", "read twice", "frames", "both yes", "differing", "mean alpha [95 %]", "mean AC1 [95 %]"]
    return markdown_table(head, rows)


def _voice_table(voice: AgreementScores) -> str:
    row = ["voice", str(voice.units), str(voice.differing), *_two(voice), shown(voice.cohen_kappa)]
    head = ["where both said yes", "pairs", "differing", "alpha [95 %]", "AC1 [95 %]", "Cohen's kappa"]
    return markdown_table(head, [row])


def _two(found: AgreementScores | Mean) -> list[str]:
    figures = [(found.alpha, found.alpha_interval), (found.ac1, found.ac1_interval)]
    return [f"{shown(figure)} [{shown(low)}, {shown(high)}]" for figure, (low, high) in figures]


def _low_line(what: str, low: dict[str, float]) -> str:
    named = ", ".join(f"{name} ({shown(alpha)})" for name, alpha in low.items())
    return f"{what} with an alpha below {LOW}: {named or 'none'}."
