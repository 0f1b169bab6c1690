"""Keeps what one labelling board (Queue, Review or Adjudicate) must remember between two steps of an annotator.

A step counts only once the board was told that it was handled. Until then the browser keeps it and sends it again (see
``board.js``), and a step that arrives twice is stored once. So a session that lost its state may ignore a step safely.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from narratives.annotation.roles import require
from narratives.annotation.steps import Step, take_step
from narratives.codebook.frames import Codebook
from narratives.errors import UserError
from narratives.store.events import Circumstances, Store
from narratives.ui.components.board import arrived, board
from narratives.ui.session.annotator import annotator


@dataclass
class BoardSession:
    """The state of the board with this ``key`` in one session.

    - ``handled``: the token of the last step that was stored, None after a refusal
    - ``saved``: what was stored by it, in a few words
    - ``refused``: the step that could not be stored, and why
    - ``around``: what the model suggests for the paragraph on show and why that is shown, by paragraph id
    - ``done``: ids of the paragraphs that were stepped over since the list was made
    """

    key: str
    handled: str | None = None
    saved: str = ""
    refused: dict[str, str] | None = None
    around: dict[str, Circumstances] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    _list: tuple[str, Any] | None = None

    @classmethod
    def of(cls, key: str) -> "BoardSession":
        """Return the session's state of a board; a new one where there is none, or no longer."""
        state: BoardSession = st.session_state.setdefault(f"{key}_session", cls(key))
        return state

    def listed(self, look_up: Callable[[], Any], version: str = "") -> Any:
        """Return what this board works through, looked up once for each ``version`` and after each undo."""
        if self._list is None or self._list[0] != version:
            self._list, self.done = (version, look_up()), set()
        return self._list[1]

    def look_again(self) -> None:
        """Forget the list, so that ``listed`` looks it up again."""
        self._list, self.done = None, set()

    def show(self, item: dict[str, Any] | None, empty: str, progress: str, on_step: Callable[[], None]) -> None:
        """Show the board with ``item``, or the sentence ``empty``; ``on_step`` runs when a step arrived."""
        if item is not None:
            # A new value after each step, so that the board starts afresh even on the same paragraph.
            item = item | {"shown": f"{item['paragraph_id']} {self.handled or ''}"}
        data = {
            "board": self.key,
            "annotator": annotator(),
            "item": item,
            "empty": empty,
            "handled": self.handled,
            "refused": self.refused,
            "progress": {"saved": self.saved, "done": progress},
        }
        board(data, self.key, on_step)

    def take(self, store: Store, codebook: Codebook, kind: str = "reading") -> None:
        """Store the step that the board sent as labels of this ``kind``, and remember the answer for the board.

        Where no step can be read, or nobody is known to have made it, nothing is stored and nothing answered.
        """
        sent, name = arrived(self.key), annotator()
        if not sent or not name:
            return
        token = str(sent.get("step", ""))
        try:
            if kind == "decision":
                require(store, name, "decide")
            step = Step.read(sent, codebook)
            around = self.around.get(step.paragraph_id, Circumstances())
            self.saved = take_step(store, step, name, codebook, around, kind)
        except UserError as error:
            self.handled, self.saved, self.refused = None, "", {"step": token, "sentence": str(error)}
            return
        self.handled, self.refused = token, None
        self._move_on(step)

    def _move_on(self, step: Step) -> None:
        if step.act == "undo":
            self.look_again()  # the paragraph may be any earlier one, and its labels have changed
        else:
            self.done.add(step.paragraph_id)


def show_database_error(error: UserError) -> None:
    """Say that the label database cannot be used, and why."""
    st.error("The label database cannot be used.")
    st.text(str(error))
