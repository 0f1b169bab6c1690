"""Measures agreement between annotators who read the same paragraphs: by frame, language, voice, pair and month."""

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

LOW = 0.8  # Krippendorff (2004) calls conclusions from a lower alpha tentative
_ENOUGH = 20  # with fewer units with a yes, the alpha of a frame in one language is mostly chance


@dataclass(frozen=True)
class AgreementScores:
    """Agreement on a set of units that have two ratings or more. Intervals are at 95 %; NaN where undefined.

    - ``both_yes``: units on which everybody said yes; of voices, all units
    - ``differing``: units on which raters differ
    - ``percent``: percentage agreement, as a share of 0 to 1

    If no unit differs, the interval has no width. With few units that is no proof of perfect agreement.
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
        """The number of units with at least one yes."""
        return self.both_yes + self.differing


@dataclass(frozen=True)
class Mean:
    """Mean agreement over the frames whose alpha is defined; each frame weighs the same.

    ``frames`` is the number of those frames. ``both_yes`` and ``differing`` are sums over all frames.
    """

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
    """Agreement in a label set.

    - ``frames``: scores by frame
    - ``cells``: scores by language and frame
    - ``means``: means by language, the key ``all`` first
    - ``voice``: scores of voices, where two annotators or more said yes of the same frame
    """

    paragraphs: int
    annotators: int
    frames: dict[str, AgreementScores]
    cells: dict[str, dict[str, AgreementScores]]
    means: dict[str, Mean]
    voice: AgreementScores

    @property
    def low(self) -> dict[str, float]:
        """The alpha of each frame where it is below LOW."""
        return {frame: scores.alpha for frame, scores in self.frames.items() if scores.alpha < LOW}

    @property
    def low_cells(self) -> dict[str, float]:
        """The alpha of each frame in one language where it is below LOW and enough units have a yes."""
        return {
            f"{frame} in {language}": scores.alpha
            for language, row in self.cells.items()
            for frame, scores in row.items()
            if scores.alpha < LOW and scores.some_yes >= _ENOUGH
        }

    def as_json(self) -> dict[str, Any]:
        """Return the scores as plain values for JSON; NaN becomes None."""
        figures = asdict(self) | {"low": self.low, "low_cells": self.low_cells}
        return {key: plain(value) for key, value in figures.items()}

    def table(self) -> str:
        """Return the scores as Markdown tables, for the terminal and the data card."""
        if not self.paragraphs:
            return "No paragraph has been read in full by two annotators; agreement needs a second reading."
        start = f"{self.annotators} annotators; {self.paragraphs} paragraphs were read in full by two of them or more."
        parts = [start, _frame_table(self), _mean_table(self), _voice_table(self.voice)]
        few = f"Frames in one language ({_ENOUGH} yes or more)"
        return "\n\n".join([*parts, _low_line("Frames", self.low), _low_line(few, self.low_cells)])


@dataclass(frozen=True)
class Pair:
    """Agreement of two annotators on the paragraphs that both read in full, over all frames.

    ``percent`` is percentage agreement, as a share of 0 to 1.
    """

    first: str
    second: str
    paragraphs: int
    cohen_kappa: float
    percent: float


def measure_pairs(labels: LabelSet, codebook: Codebook) -> list[Pair]:
    """Measure each pair of annotators who read some of the same paragraphs in full, the most paragraphs first."""
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
    """Return the mean agreement by month (``2026-11``), in order of time.

    A paragraph belongs to the month of its last label: only then could its annotators be compared.
    """
    last = {key: max(label.labelled_at for label in own)[:7] for key, own in labels.by_paragraph.items()}
    means = {}
    for month in sorted(set(last.values())):
        own = tuple(label for label in labels.labels if last[label.paragraph_id] == month)
        means[month] = measure_agreement(LabelSet(labels.paragraphs, own), codebook).means["all"]
    return means


def measure_agreement(labels: LabelSet, codebook: Codebook, seed: int = 0) -> Agreement:
    """Measure the agreement in a label set. Intervals are from a bootstrap over paragraphs with this seed."""
    return measure(read_twice(labels, codebook), seed)


def measure(readings: Readings, seed: int = 0) -> Agreement:
    """Measure the agreement in these readings, over all of them and within each language."""
    languages = np.array(readings.languages, dtype=str)
    parts = {name: readings.take(languages == name) for name in LABEL_LANGUAGES if (languages == name).any()}
    frames, mean = _by_frame(readings, seed)
    by_language = {name: _by_frame(part, seed) for name, part in parts.items()}
    return Agreement(
        paragraphs=len(readings.languages),
        annotators=readings.annotators,
        frames=frames,
        cells={name: row for name, (row, _) in by_language.items()},
        means={"all": mean} | {name: mean for name, (_, mean) in by_language.items()},
        voice=_voice(readings, seed),
    )


def _by_frame(readings: Readings, seed: int) -> tuple[dict[str, AgreementScores], Mean]:
    counts, n = tally(readings.values, 2), len(readings.languages)
    resampled_scores = resampled(lambda weights: _alpha_and_ac1(counts, weights), n, seed)
    columns = range(len(readings.frames))
    frames = [_scores(readings.values[:, :, k], counts[:, k], resampled_scores[..., k]) for k in columns]
    return dict(zip(readings.frames, frames, strict=True)), _mean(n, frames, resampled_scores)


def _voice(readings: Readings, seed: int) -> AgreementScores:
    """Measure voices on the pairs of paragraph and frame to which two readers or more gave a voice."""
    rows, columns = np.nonzero((readings.voices != UNKNOWN).sum(axis=1) >= 2)
    ratings = readings.voices[rows, :, columns]
    counts = tally(ratings, len(VOICES))
    # Paragraphs are resampled, not pairs: the pairs of one paragraph are not independent.
    by_pair = resampled(lambda weights: _alpha_and_ac1(counts, weights[:, rows]), len(readings.languages), seed)
    scores = _scores(ratings, counts, by_pair)
    return replace(scores, both_yes=scores.units)


def _alpha_and_ac1(counts: Floats, weights: Floats) -> Floats:
    return np.stack([krippendorff_alpha(counts, weights), gwet_ac1(counts, weights)], axis=1)


def _scores(ratings: NDArray[np.int8], counts: Floats, resampled_scores: Floats) -> AgreementScores:
    """Score one column of ratings, units × raters; ``resampled_scores`` are its alpha and AC1, resamples × 2."""
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
    alpha, ac1 = (np.array([getattr(scores, name) for scores in frames]) for name in ("alpha", "ac1"))
    alphas, ac1s = resampled_scores.swapaxes(0, 1)
    return Mean(
        paragraphs=paragraphs,
        frames=int(np.isfinite(alpha).sum()),
        both_yes=sum(scores.both_yes for scores in frames),
        differing=sum(scores.differing for scores in frames),
        alpha=float(mean_of_known(alpha)),
        alpha_interval=interval(mean_of_known(alphas)),
        ac1=float(_mean_where_known(ac1, alpha)),
        ac1_interval=interval(_mean_where_known(ac1s, alphas)),
    )


def _mean_where_known(scores: Floats, alphas: Floats) -> Floats:
    # A frame that nobody saw has no alpha but an AC1 of 1, which would lift the mean for nothing.
    return mean_of_known(np.where(np.isfinite(alphas), scores, np.nan))


def _frame_table(agreement: Agreement) -> str:
    rows = [
        [name, scores.units, scores.both_yes, scores.differing, *_with_intervals(scores)]
        for name, scores in agreement.frames.items()
    ]
    return markdown_table(["frame", "read twice", "both yes", "differing", "alpha [95 %]", "AC1 [95 %]"], rows)


def _mean_table(agreement: Agreement) -> str:
    rows = [
        [name, mean.paragraphs, mean.frames, mean.both_yes, mean.differing, *_with_intervals(mean)]
        for name, mean in agreement.means.items()
    ]
    head = ["language", "read twice", "frames", "both yes", "differing", "mean alpha [95 %]", "mean AC1 [95 %]"]
    return markdown_table(head, rows)


def _voice_table(voice: AgreementScores) -> str:
    row = ["voice", voice.units, voice.differing, *_with_intervals(voice), shown(voice.cohen_kappa)]
    head = ["where both said yes", "pairs", "differing", "alpha [95 %]", "AC1 [95 %]", "Cohen's kappa"]
    return markdown_table(head, [row])


def _with_intervals(scores: AgreementScores | Mean) -> list[str]:
    pairs = [(scores.alpha, scores.alpha_interval), (scores.ac1, scores.ac1_interval)]
    return [f"{shown(score)} [{shown(low)}, {shown(high)}]" for score, (low, high) in pairs]


def _low_line(what: str, low: dict[str, float]) -> str:
    names = ", ".join(f"{name} ({shown(alpha)})" for name, alpha in low.items())
    return f"{what} with an alpha below {LOW}: {names or 'none'}."
