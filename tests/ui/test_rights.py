"""Each action by each role, where people give a name and where they sign in: what a role lacks has no effect."""

import json
from functools import partial

import pytest
import streamlit as st

from conftest import CODEBOOK, paragraph, reading
from narratives.annotation.roles import give_role, roles
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.labels.label_set import LabelSet
from narratives.store.events import ImportedFile, Store, now
from narratives.ui.pages import codebook as codebook_page
from narratives.ui.pages import models as models_page
from narratives.ui.pages import queue as queue_page
from narratives.ui.pages import team as team_page
from narratives.ui.session import signin
from narratives.ui.session.annotator import annotator
from narratives.ui.session.board_session import BoardSession
from narratives.ui.session.rights import guarded, is_open

TEXT = "Wake up, neighbours: the dam breaks before Friday!"
PEOPLE = {role: f"{role}@example.org" for role in ("annotator", "adjudicator", "lead")}
MODES = ("name", "signed in")


class Job:
    """A job that notes what was asked of it."""

    def __init__(self):
        self.asked = []

    def start(self):
        self.asked.append("start")

    def stop(self):
        self.asked.append("stop")

    def forget(self):
        pass


class User(dict):
    """What a provider says of who signed in."""

    @property
    def is_logged_in(self):
        return bool(self["email"])


class World:
    """A team's database, codebook and models, and the session of whoever acts."""

    def __init__(self, folder):
        self.folder, self.job = folder, Job()
        (folder / "codebook.toml").write_text(CODEBOOK, encoding="utf-8")
        self.codebook = read_codebook(folder / "codebook.toml")
        self.store = Store(f"sqlite:///{folder / 'team.sqlite'}")
        self.store.add([paragraph(TEXT)])
        self.store.save([reading(TEXT, "", "", annotator="somebody")])
        labels = LabelSet((paragraph("Of an import."),), ())
        self.store.import_labels(labels, {}, ImportedFile("a.csv", "table", "somebody", now(), ""))
        self.model = folder / "model"
        self.model.mkdir()

    def step(self, board, kind):
        frames = [["flood", "reports"]]
        step = {"act": "save", "step": board, "paragraph_id": paragraph(TEXT).paragraph_id, "frames": frames}
        st.session_state[board] = {"step": step}
        BoardSession.of(board).take(self.store, self.codebook, kind)

    def bring(self, name, **columns):
        path = self.folder / name
        path.write_text(json.dumps({"text": "A text that is new here.", "language": "en"} | columns) + "\n")
        return queue_page._explained(queue_page._import, path, "", self.codebook, self.store)

    def kinds(self):
        return [event.kind for event in self.store.history()]

    def texts(self):
        return [row.text for row in self.store.label_set().paragraphs]


def label(world):
    world.step("board", "reading")
    return world.kinds().count("reading") == 2


def bring_texts(world):
    world.bring("texts.jsonl")
    return "A text that is new here." in world.texts()


def bring_labels(world):
    before = len(world.store.label_set().labels)
    world.bring("labels.jsonl", frames=["flood"], voices=["reports"], annotator="somebody")
    assert "A text that is new here." in world.texts()
    return len(world.store.label_set().labels) > before


def order(world):
    guarded(world.store, "texts", world.job.start)
    return world.job.asked == ["start"]


def decide(world):
    world.step("bench", "decision")
    return "decision" in world.kinds()


def see_disputes(world):
    return is_open(world.store, "decide")


def see_models(world):
    return is_open(world.store, "manage")


def change_codebook(world):
    codebook_page._change(world.store, lambda path: world.codebook, "edited flood")
    return "codebook" in world.kinds()


def start_training(world):
    guarded(world.store, "train", world.job.start)
    return world.job.asked == ["start"]


def stop_training(world):
    guarded(world.store, "train", world.job.stop)
    return world.job.asked == ["stop"]


def discard(world):
    guarded(world.store, "release", models_page._discard, world.model, world.job)
    return not world.model.exists()


def release(world):
    guarded(world.store, "release", world.store.note, "release", annotator(), None, "model")
    return "release" in world.kinds()


def export_others(world):
    labels = team_page._labels_for(world.store, annotator())
    return "somebody" in {each.annotator for each in labels.labels} and TEXT in [row.text for row in labels.paragraphs]


def withdraw_of_others(world):
    team_page._withdraw(world.store, 1, annotator())
    return world.store.imports()[0].withdrawn


def assign_role(world):
    try:
        give_role(world.store, annotator(), "new@example.org", "adjudicator")
    except UserError:
        return False
    return roles(world.store).get("new@example.org") == "adjudicator"


EVERYBODY, DECIDERS, LEADS = set(PEOPLE), {"adjudicator", "lead"}, {"lead"}
MATRIX = {
    label: EVERYBODY,
    bring_texts: EVERYBODY,
    order: EVERYBODY,
    decide: DECIDERS,
    see_disputes: DECIDERS,
    bring_labels: LEADS,
    see_models: LEADS,
    change_codebook: LEADS,
    start_training: LEADS,
    stop_training: LEADS,
    discard: LEADS,
    release: LEADS,
    export_others: LEADS,
    withdraw_of_others: LEADS,
    assign_role: LEADS,
}
ACTIONS = pytest.mark.parametrize("action", MATRIX, ids=lambda action: action.__name__)


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path))
    monkeypatch.setenv("NARRATIVES_MODELS", str(tmp_path / "models"))
    opened = World(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture(params=MODES)
def enter(request, monkeypatch):
    """Return a function that makes a person the one who acts, by name or signed in."""

    def enter(person):
        signed = request.param == "signed in"
        user = User({"email": person, "email_verified": True})
        monkeypatch.setattr(signin, "is_wanted", lambda: signed)
        monkeypatch.setattr(st, "user", user)
        monkeypatch.setattr(st, "session_state", {} if signed else {"annotator": person})
        assert annotator() == person

    return enter


def appoint(world):
    give_role(world.store, PEOPLE["lead"], PEOPLE["annotator"], "annotator")
    give_role(world.store, PEOPLE["lead"], PEOPLE["adjudicator"], "adjudicator")


@pytest.mark.slow
@ACTIONS
@pytest.mark.parametrize("role", PEOPLE)
def test_an_action_has_an_effect_for_the_roles_that_allow_it_and_none_for_others(world, enter, action, role):
    appoint(world)
    enter(PEOPLE[role])
    assert action(world) == (role in MATRIX[action])


@ACTIONS
def test_who_has_no_role_in_a_team_is_an_annotator(world, enter, action):
    appoint(world)
    enter("new-here@example.org")
    assert action(world) == ("annotator" in MATRIX[action])


@pytest.mark.slow
@ACTIONS
def test_on_ones_own_machine_every_action_is_allowed(world, enter, action):
    enter("olha@quay.example")
    assert action(world)


@ACTIONS
def test_nobody_acts_without_a_name(world, enter, action):
    enter("")
    if action is not bring_labels:  # its texts would be missing, too
        assert not action(world)


@ACTIONS
def test_a_role_that_is_taken_away_counts_at_the_next_action_of_an_open_page(world, enter, action):
    appoint(world)
    give_role(world.store, PEOPLE["lead"], "second@example.org", "lead")
    enter(PEOPLE["lead"])
    assert is_open(world.store, "manage")
    give_role(world.store, "second@example.org", PEOPLE["lead"], "annotator")
    assert action(world) == ("annotator" in MATRIX[action])


@pytest.mark.parametrize("kind", ["decision", "codebook", "release", "role"])
def test_the_database_refuses_an_event_that_needs_a_right_whoever_asks_for_it(world, kind):
    appoint(world)
    decided = reading(TEXT, "flood", "reports", annotator=PEOPLE["annotator"], kind="decision")
    note = partial(world.store.note, kind, PEOPLE["annotator"], None, f"lead: {PEOPLE['annotator']}")
    with pytest.raises(UserError, match=r"annotator@example.org \(annotator\) may not "):
        (partial(world.store.save, [decided]) if kind == "decision" else note)()
    assert kind not in [event.kind for event in world.store.history() if event.annotator == PEOPLE["annotator"]]


def test_a_decision_is_not_undone_by_who_may_no_longer_decide(world):
    appoint(world)
    decided = reading(TEXT, "flood", "reports", annotator=PEOPLE["adjudicator"], kind="decision")
    world.store.save([decided])
    give_role(world.store, PEOPLE["lead"], PEOPLE["adjudicator"], "annotator")
    with pytest.raises(UserError, match="may not settle disagreements"):
        world.store.undo(PEOPLE["adjudicator"])


def test_an_annotator_takes_away_their_own_labels(world):
    appoint(world)
    world.store.save([reading(TEXT, "flood", "reports", annotator=PEOPLE["annotator"])])
    labels = team_page._labels_for(world.store, PEOPLE["annotator"])
    assert {each.annotator for each in labels.labels} == {PEOPLE["annotator"]}
