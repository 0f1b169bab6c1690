"""What a board remembers between two steps, and what it does when the session has lost it."""

import pytest
import streamlit as st

from conftest import paragraph
from narratives.annotation.roles import give_role
from narratives.annotation.steps import Suggested, Suggestion
from narratives.store.events import Store
from narratives.ui.components.board import arrived
from narratives.ui.session.board_session import BoardSession

TEXT = "Wake up, neighbours: the dam breaks before Friday!"
KEYS = ("board", "review", "bench")


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'labels.sqlite'}")
    opened.add([paragraph(TEXT)])
    yield opened
    opened.close()


@pytest.fixture
def session(monkeypatch):
    """The state of one browser session, in which Olha has signed in and no component has been shown yet."""
    state = {"annotator": "olha"}
    monkeypatch.setattr(st, "session_state", state)
    return state


def sent(token, **changes):
    step = {
        "act": "save",
        "step": token,
        "paragraph_id": paragraph(TEXT).paragraph_id,
        "frames": [["flood", "reports"]],
    }
    return {"step": step | {"sure": True, "note": ""} | changes}


@pytest.mark.parametrize("state", [{}, {"board": None}, {"board": {}}, {"board": {"step": None}}])
def test_a_component_without_state_has_sent_nothing(session, state):
    session.update(state)
    assert arrived("board") == {}


@pytest.mark.parametrize("key", KEYS)
def test_a_step_whose_session_is_lost_is_neither_stored_nor_answered(session, store, codebook, key):
    BoardSession.of(key).take(store, codebook)
    assert store.history() == ()
    assert (BoardSession.of(key).handled, BoardSession.of(key).refused) == (None, None)


def test_a_step_of_nobody_is_neither_stored_nor_answered(session, store, codebook):
    session |= {"annotator": "", "board": sent("t1")}
    BoardSession.of("board").take(store, codebook)
    assert store.history() == ()
    assert BoardSession.of("board").handled is None


def test_a_step_that_was_lost_is_stored_when_it_is_sent_again_and_only_once(session, store, codebook):
    BoardSession.of("board").take(store, codebook)
    session["board"] = sent("t1")
    BoardSession.of("board").take(store, codebook)
    del session["board_session"]
    BoardSession.of("board").take(store, codebook)
    assert BoardSession.of("board").handled == "t1"
    assert [label.frame for label in store.label_set().labels] == ["flood"]


def test_a_refused_step_is_answered_with_the_reason_and_not_with_the_step_before(session, store, codebook):
    session["board"] = sent("t1")
    BoardSession.of("board").take(store, codebook)
    session["board"] = sent("t2", frames=[["swans", "reports"]])
    BoardSession.of("board").take(store, codebook)
    board = BoardSession.of("board")
    assert (board.handled, board.saved) == (None, "")
    assert board.refused["step"] == "t2"
    assert "'swans'" in board.refused["sentence"]


def test_a_step_carries_the_suggestion_of_its_own_paragraph_only(session, store, codebook):
    board = BoardSession.of("review")
    tiny = Suggested("tiny", (Suggestion("mayor", "promotes", 0.9),), True)
    board.around = {"another": tiny.around("near")}
    session["review"] = sent("t1")
    board.take(store, codebook)
    board.around = {paragraph(TEXT).paragraph_id: tiny.around("against")}
    session["review"] = sent("t2")
    board.take(store, codebook)
    assert [(event.model, event.reason) for event in store.history()] == [("", ""), ("tiny", "against")]


def test_only_who_may_decide_decides(session, store, codebook):
    give_role(store, "maria", "maria", "lead")
    session["bench"] = sent("t1")
    BoardSession.of("bench").take(store, codebook, "decision")
    assert "may not settle disagreements" in BoardSession.of("bench").refused["sentence"]
    assert store.label_set().labels == ()


def test_boards_of_one_session_do_not_share_their_answers(session, store, codebook):
    session["board"] = sent("t1")
    BoardSession.of("board").take(store, codebook)
    assert BoardSession.of("bench").handled is None


def test_the_list_is_looked_up_once_for_a_model_and_again_after_an_undo(session, store, codebook):
    looked_up = []

    def look_up():
        looked_up.append(1)
        return len(looked_up)

    board = BoardSession.of("review")
    session["review"] = sent("t1")
    assert [board.listed(look_up, "a"), board.listed(look_up, "a")] == [1, 1]
    board.take(store, codebook)
    assert (board.listed(look_up, "a"), board.done) == (1, {paragraph(TEXT).paragraph_id})
    session["review"] = sent("t2", act="undo")
    board.take(store, codebook)
    assert (board.listed(look_up, "a"), board.done) == (2, set())
    assert board.listed(look_up, "b") == 3
