"""The peers that ``speed.py`` compares with; each prints its seconds.

    python benchmarks/speed_peers.py plain INPUT MODEL OUTPUT      read_csv in chunks, predict_proba, to_csv
    python benchmarks/speed_peers.py pyarrow INPUT SCORED OUTPUT   reads the CSV, writes it with the scored columns
    python benchmarks/speed_peers.py polars INPUT SCORED OUTPUT    the same with a lazy scan and sink
    python benchmarks/speed_peers.py fasttext INPUT MODEL          predicts in memory, words 1-2 and characters 3-5

The plain script's time includes its imports, as ours does. The times of pyarrow, Polars and fastText are those of the
rows only.
"""

import sys
import time
from pathlib import Path
from typing import Any

BEGUN = time.monotonic()
BLOCK = 2 << 20


def plain(source: str, model: str, output: str) -> float:
    """Score as a user's own script would: scikit-learn's TF-IDF vectorizers with the model's terms and weights."""
    import pandas as pd

    from narratives.model import persistence
    from narratives.model.calibration import calibrate

    classifier = persistence.load(Path(model))
    rows = vectorizers(classifier.features)
    weights, bias, curves = classifier.frame_model.weights, classifier.frame_model.bias, classifier.sigmoids
    header = True
    for table in pd.read_csv(source, chunksize=10_000, dtype=str, keep_default_na=False):
        p = calibrate(rows.transform(table["text"]) @ weights + bias, curves)
        table["frames"] = [
            ";".join(f for f, yes in zip(classifier.frames, row, strict=True) if yes)
            for row in p >= classifier.thresholds
        ]
        table[[f"p_{frame}" for frame in classifier.frames]] = p.round(4)
        table.to_csv(output, index=False, mode="w" if header else "a", header=header)
        header = False
    return time.monotonic() - BEGUN


def vectorizers(features: Any) -> Any:
    """Return vectorizers with the model's vocabulary and inverse document frequencies, without fitting them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+", vocabulary=features.word_terms, sublinear_tf=True)
    characters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), vocabulary=features.character_terms, sublinear_tf=True
    )
    border = len(features.word_terms)
    for vectorizer, idf in ((words, features.idf[:border]), (characters, features.idf[border:])):
        vectorizer._validate_vocabulary()
        vectorizer.idf_ = idf
    return FeatureUnion([("words", words), ("characters", characters)])


def pyarrow(source: str, scored: str, output: str) -> float:
    """Read the CSV and write it with the columns that ``scored`` adds, as if predictions cost no time."""
    import pyarrow as pa
    import pyarrow.csv as pc

    added = _added(scored, source)
    parsing = pc.ParseOptions(newlines_in_values=True)
    names = pc.open_csv(source, parse_options=parsing).schema.names
    strings = pc.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    started = time.monotonic()
    start = 0
    with pc.open_csv(source, pc.ReadOptions(block_size=BLOCK), parsing, strings) as reader:
        schema = pa.schema([*reader.schema, *added.schema])
        with pc.CSVWriter(output, schema) as writer:
            for batch in reader:
                scores = added.slice(start, batch.num_rows).combine_chunks()
                columns = [*batch.columns, *(column.combine_chunks() for column in scores.columns)]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))
                start += batch.num_rows
    return time.monotonic() - started


def _added(scored: str, source: str) -> Any:
    import pyarrow.csv as pc

    parsing = pc.ParseOptions(newlines_in_values=True)
    input_names = set(pc.open_csv(source, parse_options=parsing).schema.names)
    table = pc.read_csv(scored, parse_options=parsing)
    return table.select([name for name in table.column_names if name not in input_names])


def polars(source: str, scored: str, output: str) -> float:
    """Do the same as ``pyarrow`` with Polars."""
    import polars as pl

    input_names = pl.scan_csv(source, infer_schema=False).collect_schema().names()
    added = pl.read_csv(scored).drop(input_names)
    started = time.monotonic()
    pl.concat([pl.scan_csv(source, infer_schema=False), added.lazy()], how="horizontal").sink_csv(output)
    return time.monotonic() - started


def fasttext(source: str, model: str) -> float:
    """Train on the shipped labels, one label per frame, and predict every row; the time is that of prediction only."""
    import tempfile

    import fasttext as peer

    from narratives.tables.table import read_all
    from narratives.training.train import read_gold

    gold = read_gold(Path(__file__).parent.parent / "labels")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, values in zip(gold.texts, gold.values, strict=True):
            marks = [f"__label__{k}" for k in (values == 1).nonzero()[0]] or ["__label__none"]
            file.write(f"{' '.join(marks)} {' '.join(text.split())}\n")
        file.flush()
        trained = peer.train_supervised(
            file.name, loss="ova", wordNgrams=2, minn=3, maxn=5, epoch=1, dim=20, bucket=200_000, verbose=0
        )
    texts = [" ".join(text.split()) for text in read_all(source)["text"]]
    started = time.monotonic()
    for start in range(0, len(texts), 10_000):
        trained.predict(texts[start : start + 10_000], k=-1)
    return time.monotonic() - started


if __name__ == "__main__":
    seconds = globals()[sys.argv[1]](*sys.argv[2:])
    print(seconds)
