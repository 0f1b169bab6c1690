"""The labels and the codebook that are shipped are under test like code."""

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from narratives.codebook import VOICES, read_codebook
from narratives.labels import gold, read_labels
from narratives.paragraphs import near_copies, word_runs

ROOT = Path(__file__).parent.parent
LABELS = ROOT / "labels"
SHARED = ROOT.parent / "shared" / "data"
IDS = """attack-from-belarus-threat russian-victory-inevitable ukraine-collapsing stalemate-fait-accompli
west-tiring-of-ukraine sanctions-backfire aid-prolongs-war kyiv-corrupt-and-criminal kyiv-refuses-peace
nuclear-escalation-threat nato-provoked-war nazi-regime-in-kyiv donbas-genocide ukraine-not-a-nation
annexation-by-choice kyiv-western-puppet staged-atrocities biolabs-and-dirty-bombs russophobic-west
multipolar-world-backs-russia"""
# Titles and formulas that any two texts may share.
SET_PHRASES = [
    "the president of ukraine and the prime minister of",
    "had a telephone conversation with the prime minister of",
    "провів телефонну розмову з прем єр міністром",
    "an adviser to the head of the office of the president of ukraine",
    "in the autonomous republic of crimea and the city of sevastopol and",
    "the head of state addressed the participants of the",
    "in the donetsk and lugansk people s republics",
    "the ministry of defence of the republic of belarus",
    "decree of the presidium of the supreme soviet of the ussr",
    "on the occasion of the completion of his mission",
    "on the occasion of the day of reunification",
    "in the first nine months of the year",
    "the president had a telephone conversation with the president of",
    "the head of state informed the interlocutor about the",
    "on the day of remembrance of the victims of the holodomor",
    "the meeting of the supreme eurasian economic council and",
    "to the international committee of the red cross and",
    "since the start of the special military operation",
    "and the appointment of the head of the",
    "a special tribunal on the crime of aggression",
    "the objectives of the special military operation are",
    "carried out on the territory of ukraine with",
    "of the use of chemical weapons by the",
    "the right to speak in their native language",
    "to divert attention from the failure of the",
    "we bow our heads to the memory of",
    "of the order for services to the fatherland",
    "the chief of the general staff of the armed forces of ukraine",
    "ukraine s foreign ministry did not immediately comment",
]


@pytest.fixture(scope="module")
def shipped():
    return read_codebook(LABELS / "codebook.toml")


@pytest.fixture(scope="module")
def label_set(shipped):
    return read_labels(LABELS, shipped)


@pytest.fixture(scope="module")
def truth(label_set, shipped):
    return gold(label_set, shipped)


def runs_of(text: str, length: int) -> set[str]:
    """The runs of so many words in a text, set phrases left out."""
    runs = {" ".join(run) for run in word_runs(text, length) if len(run) == length}
    return {run for run in runs if not any(run in phrase for phrase in SET_PHRASES)}


def test_the_codebook_has_the_twenty_frames_in_order(shipped):
    assert list(shipped.ids) == IDS.split()
    assert len(shipped.aims) == 6


def test_each_frame_has_cues_in_three_languages_and_five_examples(shipped):
    for frame in shipped.frames:
        assert [len(frame.cues[name]) >= least for name, least in (("en", 60), ("uk", 40), ("ru", 40))] == [True] * 3
        assert {example.voice for example in frame.examples} == {*VOICES, "none"}


def test_no_cue_stands_for_two_frames(shipped):
    cues = [(language, cue) for frame in shipped.frames for language, all_ in frame.cues.items() for cue in all_]
    assert len(cues) == len(set(cues))


def test_english_is_large_enough(truth):
    english = np.array(truth.languages) == "en"
    assert english.sum() >= 900
    assert ((truth.values[english] == 0).all(axis=1)).sum() >= 250
    for k, frame in enumerate(truth.frames):
        voices = np.bincount(truth.voices[english, k][truth.voices[english, k] >= 0], minlength=3)
        assert (truth.values[english, k] == 1).sum() >= 30, frame
        assert (voices >= [16, 7, 7]).all(), frame


def test_no_run_of_seven_words_is_shared(truth):
    seen: dict[str, int] = {}
    for row, text in enumerate(truth.texts):
        for run in runs_of(text, 7):
            assert seen.setdefault(run, row) == row, f"rows {seen[run]} and {row}: {run}"


def test_no_paragraph_is_a_near_copy_of_another(truth):
    assert near_copies(truth.texts) == list(range(len(truth.texts)))


def test_the_held_out_articles_are_not_in_the_labels(truth):
    articles = [path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks" / "articles").glob("*.txt")]
    assert len(articles) == 6
    runs = {run for article in articles for run in runs_of(article, 8)}
    shared = runs & {run for text in truth.texts for run in runs_of(text, 8)}
    assert not shared


def test_no_machine_path_is_in_the_labels():
    for path in LABELS.iterdir():
        if path.suffix in (".csv", ".toml", ".md"):
            text = path.read_text(encoding="utf-8")
            assert not [folder for folder in ("/work/", "/tmp/", "/root/", "/home/") if folder in text]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the tables of real text are not beside this checkout")
def test_nothing_of_the_real_text_is_in_the_labels(truth):
    ours = {run for text in truth.texts for run in runs_of(text, 8)}
    for path in sorted([*SHARED.glob("*.csv"), *SHARED.glob("*.csv.gz")]):
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        csv.field_size_limit(10_000_000)
        for row in csv.DictReader(io.StringIO(text, newline="")):
            shared = ours & runs_of(row["text"], 8)
            assert not shared, f"{path.name}: {shared}"
