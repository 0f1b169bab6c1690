"""Build the model that ships with the package, from ``labels/``, ``labels/field.csv`` and the collections.

    python benchmarks/field.py [--data FOLDER] [-o FOLDER] [--check]

The collections are not part of the project. The model holds weights of terms: words, two adjacent words or parts of
words, each of which occurs in ``labels/`` or in three field paragraphs of two documents. ``--check`` builds it in
another folder and compares the bytes; a second build gives the same.
"""

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np

from narratives.codebook.parsing import read_codebook
from narratives.files import atomic_write
from narratives.labels.field.hydration import hydrate
from narratives.labels.field.readings import read_field
from narratives.labels.gold import Gold
from narratives.labels.source import Source
from narratives.model.features import Features
from narratives.training.features import count_terms
from narratives.training.train import TrainingOptions, read_source, train

ROOT = Path(__file__).parent.parent
LICENCES = {
    "archive (Propaganda Diary, kremlin.ru, president.gov.ua, 1tv, mfa-telegram, SemEval-2025 Task 10)": "none stated",
    "isw-assessments-en (1wannabebetter1, Anivone, mar4enkom)": "none stated",
    "thinktanks-en (agorahub/pen0)": "none stated",
    "gdelt-five-countries-en (hellaskella33)": "none stated",
    "us-government-en (dxlabskku)": "none stated",
    "cnn-july2024-en (MmdrzaCo/Latest)": "MIT, of the code",
    "wikipedia-war-en (front-lines-org)": "none stated; Wikipedia is CC BY-SA",
    "reddit-comments-en (emocado)": "none stated",
    "rt-tass-headlines-en (lobsterbush)": "research use",
    "resistinua-uk-officials (Amice13)": "CC0",
    "ukr-fake-true-telegram-uk (highbrow-228)": "MIT, of the code",
    "tsn-telegram-uk (highbrow-228)": "MIT, of the code",
    "factcheck-claims-uk (chornamarta)": "MIT",
    "air-threat-telegram-uk (team1dsnaukma)": "none stated",
    "viina-news (wolfgangkrugmo-del)": "ODbL",
    "rbc-2025-ru (mewcrow)": "none stated",
    "inosmi-ru (nicolay-r/RuSentRel)": "MIT",
    "rusentne-news-ru (dialogue-evaluation)": "none stated",
    "nerel-wikinews-ru (nerel-ds)": "none stated",
    "ukrainaru-headlines-ru (Romain-Jaffuel)": "none stated",
}
COUNTS = "term_counts.npz"
COLLECTIONS = ("real-train.csv", "pool.csv.gz", "archive.csv.gz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="the collections")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "narratives" / "shipped" / "model")
    parser.add_argument("--check", action="store_true", help="build elsewhere and compare")
    options = parser.parse_args()
    if not options.check:
        print(build(options.data, options.output))
        return
    with tempfile.TemporaryDirectory() as folder:
        build(options.data, Path(folder) / "model")
        for path in sorted(options.output.iterdir()):
            same = path.read_bytes() == (Path(folder) / "model" / path.name).read_bytes()
            print(f"{path.name}: {'the same' if same else 'DIFFERENT'}")


def build(data: Path, output: Path) -> Path:
    """Train on the labels and the field readings and write the model folder."""
    gold, hashes = training_rows(data)
    # With so many rows C = 2 ranks as well as 10.
    options = TrainingOptions(from_scratch=True, strength=2.0)
    trained = train(gold, Source(hashes, is_sample=False, licences=LICENCES), output, options, show_progress)
    write_counts(trained.classifier.features, gold, output.parent / COUNTS)
    return trained.folder


def write_counts(features: Features, gold: Gold, path: Path) -> None:
    """Write for each term of the vocabulary in how many texts of the project, field paragraphs and documents it is.

    A test checks by them that the model holds no term that is not in ``labels/`` and not in enough field paragraphs.
    """
    counts = count_terms(gold.texts, gold.documents_of_others)
    columns = zip((features.word_terms, features.character_terms), counts, strict=True)
    numbers = [
        (count.own[term], count.borrowed[term], count.documents[term]) for terms, count in columns for term in terms
    ]
    with atomic_write(path) as file:
        np.savez_compressed(file, counts=np.minimum(numbers, np.iinfo(np.uint16).max).astype(np.uint16))


def show_progress(step: str, share: float) -> None:
    print(f"{share:4.0%} {step}", flush=True)


def training_rows(data: Path) -> tuple[Gold, dict[str, str]]:
    """Return the labels and the field readings as gold, and the hashes of what they were made from."""
    written, source = read_source(ROOT / "labels")
    paths = [data / name for name in COLLECTIONS]
    found = field_rows(paths)
    hashes = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in [ROOT / "labels" / "field.csv", *paths]
    }
    return written.followed_by(found), dict(source.hashes) | hashes


def field_rows(paths: list[Path]) -> Gold:
    """Return the field readings as gold."""
    codebook = read_codebook(ROOT / "labels" / "codebook.toml")
    found = hydrate(read_field(ROOT / "labels", codebook), paths, codebook)
    if found.missing:
        raise SystemExit(f"the texts of {found.missing} paragraphs in field.csv are not in {paths[0].parent}")
    return found.gold


if __name__ == "__main__":
    main()
