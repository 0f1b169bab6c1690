"""Owns agreement between annotators: how far readings of the same paragraphs say the same. No model, no gold."""

from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narratives.codebook.frames import VOICES, Codebook
from narratives.evaluation.bootstrap import interval, resampled
from narratives.evaluation.metrics import mean_of_known, ratio, weighted_sum
from narratives.evaluation.report import plain, shown
from narratives.labels.gold import UNKNOWN, gold
from narratives.labels.label_set import LABEL_LANGUAGES, Label, LabelledParagraph, LabelSet
from narratives.labels.statistics import markdown_table

Floats = NDArray[np.float64]
LOW = 0.8  # Krippendorff's own border: below it conclusions are tentative
_ENOUGH = 20  # units said yes of by somebody, before a frame in one language is called low


@dataclass(frozen=True)
class Readings:
    """What the readers of n paragraphs said of k frames; n × readers × k, UNKNOWN where a reader said nothing.

    A reader is a place (first, second, …), not a person: those who read the whole codebook come first, by time.
    """

    frames: tuple[str, ...]
    languages: tuple[str, ...]
    values: NDArray[np.int8]
    voices: NDArray[np.int8]
    annotators: int = 0

    def take(self, rows: NDArray[np.bool_]) -> "Readings":
        """Return the readings of these paragraphs only."""
        languages = tuple(np.array(self.languages)[rows].tolist())
        return replace(self, languages=languages, values=self.values[rows], voices=self.voices[rows])


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
    words: dict[str, dict[str, NDArray[np.int8]]] = defaultdict(dict)
    for paragraph, said in labels.resolve_retired(codebook).by_paragraph.items():
        for own in _turns(said):
            if _whole(own):
                words[own[0].annotator][paragraph] = _values(own, codebook)
    names = sorted(words)
    both = [(a, b, sorted(words[a].keys() & words[b].keys())) for n, a in enumerate(names) for b in names[n + 1 :]]
    pairs = [
        _pair(a, b, [np.stack([words[a][one], words[b][one]], axis=1) for one in shared])
        for a, b, shared in both
        if shared
    ]
    return sorted(pairs, key=lambda pair: (-pair.paragraphs, pair.first, pair.second))


def _pair(first: str, second: str, cells: list[NDArray[np.int8]]) -> Pair:
    ratings = np.concatenate(cells)
    return Pair(first, second, len(cells), cohen_kappa(ratings, 2), float(percent_agreement(tally(ratings, 2))))


def _values(own: list[Label], codebook: Codebook) -> NDArray[np.int8]:
    last = max(label.labelled_at for label in own)
    seen = {label.frame: label.value for label in own if label.labelled_at == last}
    words = [seen.get(frame, "no") for frame in codebook.ids]
    return np.array([{"yes": 1, "no": 0}.get(word, UNKNOWN) for word in words], dtype=np.int8)


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


def read_twice(labels: LabelSet, codebook: Codebook) -> Readings:
    """Return the readings of the paragraphs that two annotators or more read wholly. Decisions are no readings.

    An annotator's last word counts, *unsure* is missing, and a label of kind ``single`` speaks of its frame only.
    """
    labels = labels.resolve_retired(codebook)
    turns = {paragraph: _turns(said) for paragraph, said in labels.by_paragraph.items()}
    turns = {paragraph: said for paragraph, said in turns.items() if len(said) > 1 and _whole(said[1])}
    kept = [paragraph for paragraph in labels.paragraphs if paragraph.paragraph_id in turns]
    places = range(max(map(len, turns.values()), default=2))
    heard = [_heard(kept, turns, place, codebook) for place in places]
    return Readings(
        codebook.ids,
        tuple(paragraph.language for paragraph in kept),
        np.stack([values for values, _ in heard], axis=1),
        np.stack([voices for _, voices in heard], axis=1),
        len({own[0].annotator for said in turns.values() for own in said}),
    )


def _turns(said: list[Label]) -> list[list[Label]]:
    """Return the labels of each annotator of one paragraph: who read it wholly first, then by time."""
    own: dict[str, list[Label]] = defaultdict(list)
    for label in said:
        if label.kind != "decision":
            own[label.annotator].append(label)
    first = {name: min(label.labelled_at for label in rows) for name, rows in own.items()}
    return [own[name] for name in sorted(own, key=lambda name: (not _whole(own[name]), first[name], name))]


def _whole(own: list[Label]) -> bool:
    return any(label.kind == "reading" for label in own)


def _heard(
    kept: list[LabelledParagraph], turns: dict[str, list[list[Label]]], place: int, codebook: Codebook
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the values and voices of the readers in one place; the gold of a sole reader is what that one said."""
    there = np.array([len(turns[paragraph.paragraph_id]) > place for paragraph in kept], dtype=bool)
    chosen = tuple(paragraph for paragraph, present in zip(kept, there, strict=True) if present)
    rows = [label for paragraph in chosen for label in turns[paragraph.paragraph_id][place]]
    said = gold(LabelSet(chosen, tuple(rows)), codebook)
    values, voices = np.full((2, len(kept), len(codebook.ids)), UNKNOWN, dtype=np.int8)
    values[there], voices[there] = said.values, said.voices
    return values, voices


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


def tally(ratings: NDArray[np.int8], categories: int) -> Floats:
    """Count the ratings of each unit by category: n × raters (× k) to n (× k) × categories. UNKNOWN is not counted."""
    counts = [(ratings == category).sum(axis=1) for category in range(categories)]
    return np.stack(counts, axis=-1).astype(np.float64)


def krippendorff_alpha(counts: Floats, weights: Floats | None = None) -> Floats:
    """Return the nominal alpha of units (× k) × categories (Krippendorff 2011); NaN if nobody ever varies."""
    rated = counts.sum(axis=-1)
    by_category = weighted_sum(counts * (rated >= 2)[..., None], weights)
    n = by_category.sum(axis=-1)
    observed = (n - 1) * (n - weighted_sum(_agreeing(counts), weights))
    return 1 - ratio(observed, n * n - np.square(by_category).sum(axis=-1))


def gwet_ac1(counts: Floats, weights: Floats | None = None) -> Floats:
    """Return the AC1 of units (× k) × categories (Gwet 2008); NaN if no unit has two ratings."""
    rated = counts.sum(axis=-1, keepdims=True)
    shares = weighted_sum(counts / np.maximum(1, rated), weights)
    shares = ratio(shares, shares.sum(axis=-1, keepdims=True))
    chance = (shares * (1 - shares)).sum(axis=-1) / (counts.shape[-1] - 1)
    return ratio(percent_agreement(counts, weights) - chance, 1 - chance)


def percent_agreement(counts: Floats, weights: Floats | None = None) -> Floats:
    """Return the share of pairs of ratings of a unit that agree, averaged over units; NaN without a pair."""
    rated = counts.sum(axis=-1)
    agreed = weighted_sum(_agreeing(counts) / np.maximum(1, rated), weights)
    return ratio(agreed, weighted_sum(rated >= 2, weights))


def _agreeing(counts: Floats) -> Floats:
    """Return of each unit how many ratings agree with another one, 0 without a pair: its agreement × its ratings."""
    return np.asarray((counts * (counts - 1)).sum(axis=-1) / np.maximum(1, counts.sum(axis=-1) - 1))


def cohen_kappa(ratings: NDArray[np.int8], categories: int) -> float:
    """Return the kappa of units × raters (Cohen 1960); NaN unless each unit with two ratings has exactly two."""
    rated = (ratings != UNKNOWN).sum(axis=1)
    pairs = ratings[rated >= 2]
    if not len(pairs) or (rated > 2).any():
        return float("nan")
    first, second = pairs[pairs != UNKNOWN].reshape(-1, 2).T
    agreed = (first == second).mean()
    shares = [np.bincount(side, minlength=categories) / len(side) for side in (first, second)]
    chance = shares[0] @ shares[1]
    return float(ratio(agreed - chance, 1 - chance))


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
