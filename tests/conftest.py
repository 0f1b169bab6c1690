"""Fixtures for all tests: a small codebook, paragraphs, labels and a model, in real files and real databases."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, text

from databases import cluster
from groups import Grouped, group_of
from narratives.codebook.frames import Codebook
from narratives.codebook.parsing import read_codebook
from narratives.labels.files import write_labels
from narratives.labels.gold import Gold, gold
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.model.classifier import Classifier
from narratives.model.persistence import save
from narratives.store.events import Store
from narratives.text.paragraphs import paragraph_id
from narratives.training.fitting import fit
from narratives.training.train import train_on_files

# The same examples in every run of CI; new ones on a developer's machine.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# Texts on which code that counts characters, changes case or finds spans goes wrong.
AWKWARD = [
    "Wake up: the dam breaks before Friday! The mayor stole the budget.",
    "İstanbul: the river rises and ΟΔΥΣΣΕΥΣ drowns",
    "the da\u0301m breaks 👩‍👩‍👧‍👦 the bridge is still closed for ever\x00",
    "ＴＨＥ bridge never opens „bridge“ bridge bridge",
    "",
    "!!! ???",
    "zzz qqq",
]

FRAME = """
[[frame]]
id = "{id}"
name = "{name}"
aim = "{aim}"
claim = "{claim}"
include = ["{include}"]
exclude = ["a topic alone"]
examples = [
  {{ text = "{name} one.", voice = "promotes" }},
  {{ text = "{name} two.", voice = "reports" }},
  {{ text = "{name} three.", voice = "rebuts" }},
  {{ text = "Near one.", voice = "none" }},
  {{ text = "Near two.", voice = "none" }},
]
crosswalk = {{ semeval = [], disarm = ["T0003"], euvsdisinfo = [] }}
[frame.cues]
en = [{cues}]
uk = []
ru = []
"""
CODEBOOK = 'version = "7"\n' + "".join(
    FRAME.format(id=frame, name=name, aim=aim, claim=claim, include=claim.lower(), cues=cues)
    for frame, name, aim, claim, cues in [
        (
            "flood",
            "The flood is coming",
            "fear",
            "The river will flood the town.",
            '"river rises", "dam breaks", "flood wave"',
        ),
        (
            "mayor",
            "The mayor is a thief",
            "anger",
            "The mayor steals the town's money.",
            '"stolen budget", "villa of the mayor"',
        ),
        (
            "bridge",
            "The bridge never opens",
            "fatigue",
            "The bridge will never open.",
            '"endless repairs", "bridge still closed"',
        ),
    ]
)
_TOPICS = {
    "flood": (
        "the flood wave will drown the lower streets",
        "the dam breaks before Friday",
        "the river rises and nobody is safe",
    ),
    "mayor": (
        "the mayor stole the budget",
        "the villa of the mayor was paid by the town",
        "the mayor pockets every grant",
    ),
    "bridge": (
        "the bridge is still closed for ever",
        "endless repairs keep the bridge shut",
        "the bridge will never open again",
    ),
}
_VOICES = {
    "promotes": (
        "Wake up, neighbours: {}!",
        "We all know that {}.",
        "Of course {}, and nobody in the town hall moves.",
        "It is plain: {}.",
    ),
    "reports": (
        "A councillor said on Monday that {}.",
        "According to the weekly paper {}.",
        "The committee reported that some believe {}.",
    ),
    "rebuts": (
        "It is false that {}; the records show the contrary.",
        "Fact-check: the claim that {} is untrue.",
        "No evidence at all that {}, the engineers found.",
    ),
}
_NOTHING = (
    "The choir sings in the market hall on Sunday at ten.",
    "Bakers of the region met to talk about the price of flour.",
    "The school bus leaves a quarter of an hour later in winter.",
    "A new roof for the swimming pool was ordered in April.",
    "Thirty runners took part in the race around the lake.",
    "The library lends board games and seeds from next month.",
    "The bridge of the violin was mended by a master in Lviv.",
    "A river cruise with music starts from the old quay.",
    "The mayor of the neighbouring town opened a kindergarten.",
    "Parking near the station costs two coins an hour.",
    "The theatre plays a comedy about three sisters and a goat.",
    "Snow is expected in the hills and fog in the valley.",
)


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: browser tests mostly wait."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouped:
    return Grouped(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browser tests first: last they would run alone."""
    browser = [item.nodeid for item in items if item.get_closest_marker("browser")]
    if alone := [test for test in browser if group_of(test) == test]:
        raise pytest.UsageError(f"{alone[0]} drives a browser: name its file in tests/groups.py")
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


@pytest.fixture(scope="session", autouse=True)
def no_shipped_model() -> Iterator[None]:
    """Let all tests, and the processes that they start, train models of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NARRATIVES_SHIPPED", "")
        yield


@pytest.fixture(scope="session")
def codebook_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("codebook") / "codebook.toml"
    path.write_text(CODEBOOK, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def codebook(codebook_path: Path) -> Codebook:
    return read_codebook(codebook_path)


def reading(text: str, frame: str, voice: str, annotator: str = "olha", **changes: str) -> Label:
    """Return a label with all columns filled in; ``changes`` set other columns."""
    columns = {"value": "yes" if frame else "no", "kind": "reading", "sure": "yes", "note": "", "codebook_version": "7"}
    columns |= {"labelled_at": "2026-01-01T10:00:00Z"} | changes
    return Label(paragraph_id(text), frame, voice, annotator=annotator, **columns)


def paragraph(text: str, language: str = "en", register: str = "local-press", document: str = "") -> LabelledParagraph:
    return LabelledParagraph(paragraph_id(text), text, language, register, document)


@pytest.fixture(scope="session")
def label_set() -> LabelSet:
    carrying = [
        (pattern.format(claim), frame, voice)
        for frame, claims in _TOPICS.items()
        for voice, patterns in _VOICES.items()
        for claim in claims
        for pattern in patterns
    ]
    labels = [reading(text, frame, voice) for text, frame, voice in carrying]
    labels += [reading(text, "", "", annotator="ivan") for text in _NOTHING]
    paragraphs = [paragraph(text) for text in (*(text for text, _, _ in carrying), *_NOTHING)]
    return LabelSet(tuple(paragraphs), tuple(labels))


@pytest.fixture(scope="session")
def labels_folder(label_set: LabelSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    (folder / "codebook.toml").write_text(CODEBOOK, encoding="utf-8")
    write_labels(folder, label_set)
    return folder


@pytest.fixture(scope="session")
def truth(label_set: LabelSet, codebook: Codebook) -> Gold:
    return gold(label_set, codebook)


@pytest.fixture(scope="session")
def classifier(truth: Gold) -> Classifier:
    return fit(truth)[0]


@pytest.fixture(scope="session")
def trained_folder(labels_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on the label files of these tests, to be read only."""
    return train_on_files(labels_folder, tmp_path_factory.mktemp("trained") / "tiny").folder


@pytest.fixture(scope="module")
def trained(trained_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of that model in a models folder of the module's own, where it can be released."""
    return Path(shutil.copytree(trained_folder, tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="session")
def letters_once() -> Iterator[None]:
    """Let kernels share the table of letters: it is the same for every model, and takes most of a second to make."""
    from narratives.kernel import layout  # loads Numba, which few tests need

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_letters", cache(layout._letters))
        yield


@pytest.fixture
def town(labels_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set the environment to the labels of these tests and to an empty models folder, which is returned."""
    monkeypatch.setenv("NARRATIVES_LABELS", str(labels_folder))
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def shipped(classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a small model that takes the place of the one in the package; it fits the labels of these tests."""
    folder = tmp_path / "package" / "model"
    save(classifier, folder, {"figures": {"macro_f1": 0.5}}, "card")
    monkeypatch.setenv("NARRATIVES_SHIPPED", str(folder))
    return folder


def put_unreadable(models: Path, name: str = "old") -> Path:
    """Put a model of a format that no version reads into a models folder and release it."""
    (models / name).mkdir(parents=True)
    (models / name / "manifest.json").write_text('{"format": 0}', encoding="utf-8")
    (models / "released").write_text(f"{name}\n", encoding="utf-8")
    return models / name


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address, without a database name, of a PostgreSQL server that is started for the tests."""
    folder = Path(tempfile.mkdtemp(prefix="narratives-pg-", dir="/tmp"))
    try:
        with cluster(folder) as address:
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'labels.sqlite'}"
    server, name = request.getfixturevalue("postgresql"), f"db{uuid.uuid4().hex[:12]}"
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    """An empty label database: SQLite, then PostgreSQL."""
    opened = Store(database)
    yield opened
    opened.close()
