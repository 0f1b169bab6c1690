"""Compare kinds of features on real text of sources that were held out whole.

    python benchmarks/features.py [--data FOLDER] [--parts N]

Trains on ``labels/`` and the field readings, with the settings of the shipped model, and scores the readings of each
part of the collections by a model that has seen none of it. The steering figures of a choice of features: the
development tables are too small and too often looked at. The collections are not part of the project.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, hstack

from field import COLLECTIONS, ROOT, field_rows
from narratives.evaluation.metrics import average_precision, mean_of_known
from narratives.labels.gold import Gold
from narratives.model.features import WORD, Features, fold
from narratives.training.features import UNKNOWN, fit_features
from narratives.training.frames import ModelSettings, fit_frames, prior_texts
from narratives.training.train import read_source
from quality import keep

SETTINGS = ModelSettings(strength=2.0)
WITHIN = 3  # content words between which a pair is counted
COMMON = 120  # words of a language that are no content words: the commonest
PAIR_TEXTS, PAIR_WEIGHT = 3, 0.7
Rows = Callable[[Sequence[str]], csr_matrix]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the collections")
    parser.add_argument("--parts", type=int, default=3, help="into how many parts the collections are dealt")
    options = parser.parse_args()
    written, real = read_source(ROOT / "labels")[0], field_rows([options.data / name for name in COLLECTIONS])
    part = dealt(real.streams, options.parts)
    scores = {name: np.zeros(real.values.shape) for name in KINDS}
    for held in range(options.parts):
        known = written.followed_by(real.take(np.flatnonzero(part != held)))
        asked = np.flatnonzero(part == held)
        for name, kind in KINDS.items():
            scores[name][asked] = fitted_scores(kind(known), known, [real.texts[row] for row in asked])
            print(f"part {held + 1} of {options.parts}: {name}", flush=True)
    rows = [{"features": name} | figures(real, scores[name]) for name in KINDS]
    for row in rows:
        print("  ".join(f"{value:.3f}" if isinstance(value, float) else f"{value:52}" for value in row.values()))
    keep({"features": {"paragraphs": len(real), "parts": options.parts, "rows": rows}})


def dealt(streams: Sequence[str], parts: int) -> NDArray[np.int64]:
    """Deal whole streams to parts, the largest first, each to the part that is smallest."""
    sizes = np.zeros(parts)
    part_of: dict[str, int] = {}
    for stream, size in sorted(Counter(streams).items(), key=lambda item: (-item[1], item[0])):
        part_of[stream] = int(sizes.argmin())
        sizes[part_of[stream]] += size
    return np.array([part_of[stream] for stream in streams])


def fitted_scores(rows: Rows, known: Gold, asked: Sequence[str]) -> NDArray[np.float64]:
    model, _ = fit_frames(rows(known.texts), known.values, rows(prior_texts(known.codebook)), SETTINGS)
    return model.scores(rows(asked))


def figures(real: Gold, scores: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean average precision of all, English, and Ukrainian and Russian readings, and the best micro-F1."""
    english = np.array(real.languages) == "en"
    everything = np.ones(len(real), bool)
    parts = {"all": everything, "en": english, "uk, ru": ~english}
    return {name: ranked(real.values[rows], scores[rows]) for name, rows in parts.items()} | {
        "micro-F1": best_micro_f1(real.values, scores)
    }


def ranked(values: NDArray[np.int8], scores: NDArray[np.float64]) -> float:
    columns = zip(values.T, scores.T, strict=True)
    return float(mean_of_known(np.array([average_precision(*column) for column in columns])))


def best_micro_f1(values: NDArray[np.int8], scores: NDArray[np.float64]) -> float:
    """Return the micro-F1 of the one threshold that is best for all frames together."""
    known = values >= 0
    right = values[known][np.argsort(-scores[known])] == 1
    predicted = np.arange(1, len(right) + 1)
    return float((2 * np.cumsum(right) / (predicted + right.sum())).max())


def learned(known: Gold) -> Features:
    terms = prior_texts(known.codebook)
    return fit_features(known.texts, terms, SETTINGS.min_df, documents=known.documents_of_others)


def product(known: Gold) -> Rows:
    return learned(known).transform


def with_pairs(known: Gold, kind: Callable[[Gold], Rows] = product) -> Rows:
    """Add a block of unordered pairs of content words that lie within WITHIN content words."""
    plain, common = kind(known), common_words(known)
    counted = [pairs_of(text, common) for text in known.texts]
    extra = [pairs_of(text, common) for text in prior_texts(known.codebook)]
    frequency = Counter(pair for pairs in counted for pair in pairs)
    terms = sorted({pair for pair, texts in frequency.items() if texts >= PAIR_TEXTS} | {p for c in extra for p in c})
    number = len(known)
    idf = np.log((1 + number) / (1 + np.array([frequency[pair] for pair in terms]))) + 1
    columns, unknown = {pair: column for column, pair in enumerate(terms)}, UNKNOWN * (np.log(1 + number) + 1)

    def rows(texts: Sequence[str]) -> csr_matrix:
        block = weighed([pairs_of(text, common) for text in texts], columns, idf, unknown)
        return hstack([plain(texts), PAIR_WEIGHT * block], format="csr")

    return rows


def common_words(known: Gold) -> frozenset[str]:
    counts: dict[str, Counter[str]] = {}
    for text, language in zip(known.texts, known.languages, strict=True):
        counts.setdefault(language, Counter()).update(set(WORD.findall(fold(text))))
    return frozenset(word for counter in counts.values() for word, _ in counter.most_common(COMMON))


def pairs_of(text: str, common: frozenset[str]) -> Counter[tuple[str, str]]:
    words = [word for word in WORD.findall(fold(text)) if word not in common and len(word) > 1]
    counted: Counter[tuple[str, str]] = Counter()
    for place, word in enumerate(words):
        for other in words[place + 1 : place + 1 + WITHIN]:
            if word != other:
                counted[min(word, other), max(word, other)] += 1
    return counted


def weighed(
    counted: Sequence[Counter[tuple[str, str]]],
    columns: dict[tuple[str, str], int],
    idf: NDArray[np.float64],
    unknown: float,
) -> csr_matrix:
    """Return (1 + ln count) · idf, each row scaled to length 1; what is not in the columns counts to the length."""
    known = [[(columns[pair], count) for pair, count in counts.items() if pair in columns] for counts in counted]
    ends = np.cumsum([0, *map(len, known)])
    column = np.array([c for row in known for c, _ in row], dtype=np.int64)
    values = (1 + np.log([n for row in known for _, n in row])) * idf[column] if len(column) else np.zeros(0)
    matrix = csr_matrix((values, column, ends), shape=(len(counted), len(idf)))
    outside = np.array([sum(n for p, n in counts.items() if p not in columns) for counts in counted])
    return scaled(matrix, matrix.multiply(matrix).sum(axis=1).A1 + outside * unknown**2)


def scaled(matrix: csr_matrix, squares: NDArray[np.float64]) -> csr_matrix:
    return diags(1 / np.sqrt(np.maximum(squares, 1e-9))) @ matrix


def by_word(known: Gold) -> Rows:
    """Let characters add up by word: each distinct word has one vector, of its n-grams' counts times squared idf."""
    features = learned(known)
    border = len(features.word_terms)
    idf, unknown = features.idf[border:] ** 2, features.unknown_idf * (np.log(1 + len(known)) + 1)

    def rows(texts: Sequence[str]) -> csr_matrix:
        counted = [Counter(WORD.findall(fold(text))) for text in texts]
        places = {word: place for place, word in enumerate(dict.fromkeys(word for words in counted for word in words))}
        vectors, squares = word_vectors(list(places), features, idf, unknown)
        ends = np.cumsum([0, *map(len, counted)])
        columns = [places[word] for words in counted for word in words]
        values = 1 + np.log([count for words in counted for count in words.values()])
        counts = csr_matrix((values, columns, ends), shape=(len(texts), len(places)))
        block = scaled(counts @ vectors, counts.multiply(counts) @ squares)
        return hstack([features.transform(texts)[:, :border], block], format="csr")

    return rows


def word_vectors(
    words: Sequence[str], features: Features, idf: NDArray[np.float64], unknown: float
) -> tuple[csr_matrix, NDArray[np.float64]]:
    """Return the vector of each word and the square of its length, to which unknown n-grams count."""
    border, parts = len(features.word_terms), [features.characters_of(word) for word in words]
    ends = np.cumsum([0, *(len(known) for known, _ in parts)])
    columns = np.array([column - border for known, _ in parts for column in known], dtype=np.int64)
    vectors = csr_matrix((idf[columns], columns, ends), shape=(len(words), len(idf)))
    vectors.sum_duplicates()
    outside = np.array([number for _, number in parts])
    return vectors, vectors.multiply(vectors).sum(axis=1).A1 + outside * unknown**2


KINDS: dict[str, Callable[[Gold], Rows]] = {
    "product: words 1-2, characters 3-5": product,
    "product and unordered pairs": with_pairs,
    "characters that add up by word": by_word,
    "characters that add up by word, and unordered pairs": lambda known: with_pairs(known, by_word),
}


if __name__ == "__main__":
    main()
