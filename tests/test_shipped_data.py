"""Checks the labels and the codebook that come with the project."""

import csv
import gzip
import io
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from narratives.codebook.frames import VOICES
from narratives.codebook.parsing import read_codebook
from narratives.labels.field.hydration import hydrate
from narratives.labels.field.readings import read_field
from narratives.labels.files import read_labels
from narratives.labels.gold import Gold, gold
from narratives.model.features import CHARACTERS
from narratives.model.persistence import load
from narratives.text.near_duplicates import near_copies, word_runs
from narratives.training.features import BORROWED, terms_of
from narratives.training.frames import prior_texts

ROOT = Path(__file__).parent.parent
LABELS = ROOT / "labels"
SHIPPED = ROOT / "narratives" / "shipped"
SHARED = ROOT.parent / "shared" / "data"
IDS = """attack-from-belarus-threat russian-victory-inevitable ukraine-collapsing stalemate-fait-accompli
west-tiring-of-ukraine sanctions-backfire aid-prolongs-war kyiv-corrupt-and-criminal kyiv-refuses-peace
nuclear-escalation-threat nato-provoked-war nazi-regime-in-kyiv donbas-genocide ukraine-not-a-nation
annexation-by-choice kyiv-western-puppet staged-atrocities biolabs-and-dirty-bombs russophobic-west
multipolar-world-backs-russia ukraine-terrorist-state west-profits-from-war foreign-mercenaries-fight
neighbours-take-ukrainian-land"""
KINDS_OF_NONE = ("near miss", "war news", "official statement", "outside the war")
CONTRAST = "contrast"  # the register of texts that say, deny, ask and only touch on one claim
CONTRAST_KINDS = ("claim", "opposite", "topic", "question", "report", "fact-check", "irony", "other-side", "both")
# Titles and set phrases that two independent texts may share.
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
    "the foreign intelligence service of the russian federation",
    "the representative of the russian federation stated that",
    "member of the armed forces of a party",
]


pytestmark = pytest.mark.slow  # reads all labels and the shipped model


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
    """Return the runs of ``length`` words in a text, without those that lie in a set phrase."""
    runs = {" ".join(run) for run in word_runs(text, length) if len(run) == length}
    return {run for run in runs if not any(run in phrase for phrase in SET_PHRASES)}


def test_the_frames_keep_their_ids_and_order_and_name_the_version_that_added_them(shipped):
    assert list(shipped.ids) == IDS.split()
    assert [frame.since for frame in shipped.frames] == [""] * 20 + ["2"] * 4
    assert len(shipped.aims) == 6


def test_each_frame_has_cues_in_three_languages_and_five_examples(shipped):
    for frame in shipped.frames:
        assert [len(frame.cues[name]) >= least for name, least in (("en", 60), ("uk", 40), ("ru", 40))] == [True] * 3
        assert {example.voice for example in frame.examples} == {*VOICES, "none"}


def test_no_cue_belongs_to_two_frames(shipped):
    cues = [(language, cue) for frame in shipped.frames for language, phrases in frame.cues.items() for cue in phrases]
    assert len(cues) == len(set(cues))


def test_the_set_is_large_in_three_languages(truth):
    counts = Counter(truth.languages)
    assert [counts["en"] >= 3600, counts["uk"] >= 700, counts["ru"] >= 700] == [True] * 3


def test_each_frame_has_enough_of_each_voice(truth):
    english = np.array(truth.languages) == "en"
    for k, frame in enumerate(truth.frames):
        positive = truth.values[:, k] == 1
        voices = np.bincount(truth.voices[english & positive, k].clip(0), minlength=3)
        assert (english & positive).sum() >= 130, frame
        assert (voices >= [75, 25, 25]).all(), frame
        assert (~english & positive).sum() >= 40, frame


def test_each_frame_occurs_in_many_registers(truth):
    registers = np.array(truth.registers)
    assert len(set(truth.registers)) >= 15
    for k, frame in enumerate(truth.frames):
        assert len(set(registers[truth.values[:, k] == 1])) >= 8, frame


def set_of(row: int, truth: Gold) -> str:
    """Return the contrast set of a text; one that is in none is alone."""
    return truth.groups[row] if truth.registers[row] == CONTRAST else str(row)


def test_contrast_sets_are_whole_and_of_every_frame_and_language(label_set, truth):
    kinds = {label.paragraph_id: label.note for label in label_set.labels if label.note.startswith("contrast: ")}
    by_set: dict[str, list[str]] = defaultdict(list)
    for paragraph in label_set.paragraphs:
        if paragraph.register == CONTRAST:
            by_set[paragraph.document].append(kinds[paragraph.paragraph_id].removeprefix("contrast: "))
    assert all(sorted(kinds) == sorted(CONTRAST_KINDS) for kinds in by_set.values())
    counts = Counter(tuple(name.removeprefix("contrast ").split("/")[:2]) for name in by_set)
    least = {"en": 10, "uk": 3, "ru": 3}
    assert all(counts[frame, language] >= least[language] for frame in truth.frames for language in least)


def test_held_out_contrast_sets_are_whole_and_not_in_the_labels(label_set, truth):
    with (ROOT / "tests" / "data" / "contrast-held-out.csv").open(encoding="utf-8", newline="") as file:
        held_out = list(csv.DictReader(file))
    kinds = Counter((row["group"], row["kind"]) for row in held_out)
    sets = {row["group"] for row in held_out}
    assert len(sets) == 4 * len(truth.frames)
    assert set(kinds) == {(name, kind) for name in sets for kind in CONTRAST_KINDS}
    assert not {row["text"] for row in held_out} & set(truth.texts)
    assert not {f"contrast {name}" for name in sets} & {row.document for row in label_set.paragraphs}


def test_many_paragraphs_carry_two_frames(truth):
    frames = (truth.values == 1).sum(axis=1)
    assert (frames > 1).sum() >= 0.2 * (frames > 0).sum()


def test_paragraphs_without_a_frame_are_of_every_kind(label_set, truth):
    kinds = {label.paragraph_id: label.note for label in label_set.labels if label.note.startswith(KINDS_OF_NONE)}
    read = [row.paragraph_id for row in label_set.paragraphs if row.paragraph_id in label_set.by_paragraph]
    empty = (truth.values <= 0).all(axis=1) & (np.array(truth.languages) == "en")
    counts = Counter(kinds.get(name, "") for name, none in zip(read, empty, strict=True) if none)
    assert empty.sum() >= 1200
    assert min(counts[f"near miss: {frame}"] for frame in truth.frames) >= 15
    assert [counts[kind] >= least for kind, least in zip(KINDS_OF_NONE[1:], (250, 150, 200), strict=True)] == [True] * 3


def test_lengths_are_distributed_like_real_ones(truth):
    # A contrast set is short or long by design.
    pairs = zip(truth.texts, truth.registers, strict=True)
    lengths = np.array([len(text.split()) for text, register in pairs if register != CONTRAST])
    tenth, median, ninetieth = np.percentile(lengths, [10, 50, 90])
    assert 10 <= tenth <= 22
    assert 44 <= median <= 65
    assert 90 <= ninetieth <= 130


@pytest.mark.slow
def test_no_run_of_seven_words_is_shared(truth):
    seen: dict[str, int] = {}
    # The texts of a contrast set share what the claim says; two sets may not.
    names = [set_of(row, truth) for row in range(len(truth))]
    for row, text in enumerate(truth.texts):
        for run in runs_of(text, 7):
            assert names[seen.setdefault(run, row)] == names[row], f"rows {seen[run]} and {row}: {run}"


@pytest.mark.slow
def test_no_paragraph_is_a_near_copy_of_another(truth):
    assert near_copies(truth.texts) == list(range(len(truth.texts)))


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the tables of real text are not next to this checkout")
def test_nothing_of_the_real_text_is_in_the_labels(truth):
    label_runs = {run for text in truth.texts for run in runs_of(text, 8)}
    for path in sorted([*SHARED.glob("*.csv"), *SHARED.glob("*.csv.gz")]):
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        csv.field_size_limit(10_000_000)
        for row in csv.DictReader(io.StringIO(text, newline="")):
            # The set phrases are out of one side, which is enough; taking them out of each text would take a minute.
            shared = [run for run in map(" ".join, word_runs(row["text"], 8)) if run in label_runs]
            assert not shared, f"{path.name}: {shared}"


@pytest.fixture(scope="module")
def shipped_model():
    return load(SHIPPED / "model")


@pytest.mark.slow
def test_the_model_holds_no_term_that_only_few_texts_of_others_have(shipped_model, shipped):
    features = shipped_model.features
    with np.load(SHIPPED / "term_counts.npz") as stored:
        own, paragraphs, documents = stored["counts"].T.astype(int)
    assert len(own) == features.size
    of_codebook = set().union(*terms_of(prior_texts(shipped)))
    kept = (own > 0) | ((paragraphs >= BORROWED[0]) & (documents >= BORROWED[1]))
    terms = (*features.word_terms, *features.character_terms)
    assert not [term for term, ok in zip(terms, kept, strict=True) if not ok and term not in of_codebook]


def test_a_term_of_the_model_is_at_most_two_words_or_a_part_of_one(shipped_model):
    features = shipped_model.features
    assert max(len(term.split(" ")) for term in features.word_terms) == 2
    assert max(map(len, features.character_terms)) <= CHARACTERS[-1]


@pytest.mark.slow
def test_the_counts_of_terms_that_the_project_has_are_those_of_its_labels(shipped_model, truth):
    terms = (*shipped_model.features.word_terms, *shipped_model.features.character_terms)
    with np.load(SHIPPED / "term_counts.npz") as stored:
        own = stored["counts"][:, 0].astype(int)
    border = len(shipped_model.features.word_terms)
    asked = [range(0, border, 7), range(border + -border % 7, len(terms), 7)]
    counts = Counter(), Counter()
    wanted = [{terms[index] for index in part} for part in asked]
    for text in truth.texts:
        for count, found, some in zip(counts, terms_of([text]), wanted, strict=True):
            count.update(found & some)
    for part, count in zip(asked, counts, strict=True):
        for index in part:
            assert own[index] == count[terms[index]], terms[index]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the tables of real text are not next to this checkout")
def test_the_counts_of_terms_in_real_text_are_those_of_the_collections(shipped_model, shipped):
    tables = [SHARED / name for name in ("real-train.csv", "pool.csv.gz", "archive.csv.gz")]
    field = hydrate(read_field(LABELS, shipped), tables, shipped).gold
    terms = shipped_model.features.word_terms[::97]
    with np.load(SHIPPED / "term_counts.npz") as stored:
        counts = stored["counts"][: len(shipped_model.features.word_terms) : 97].astype(int)
    paragraphs, documents = Counter(), {term: set() for term in terms}
    for text, document in zip(field.texts, field.documents_of_others, strict=True):
        for term in terms_of([text])[0] & documents.keys():
            paragraphs[term] += 1
            documents[term].add(document)
    assert [paragraphs[term] for term in terms] == counts[:, 1].tolist()
    assert [len(documents[term]) for term in terms] == counts[:, 2].tolist()


def test_the_shipped_model_is_small_enough_to_ship():
    assert sum(path.stat().st_size for path in (SHIPPED / "model").iterdir()) < 12_000_000
