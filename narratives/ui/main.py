"""Sets up the app: navigation, the model in use, the codebook and the label database."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from narratives import paths
from narratives.annotation.roles import ROLES, role_of
from narratives.codebook.frames import Codebook
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.model.releases import model_in_use, unreadable_release
from narratives.store.events import Store
from narratives.store.opening import open_store
from narratives.training.train import ready_model
from narratives.ui.components.headline import put_line
from narratives.ui.components.html import plain, put_style
from narratives.ui.pages import adjudicate, batch, classify, codebook, models, queue, review, team
from narratives.ui.session import signin
from narratives.ui.session.annotator import annotator

_NEEDS = {"adjudicate": "decide", "models": "manage"}  # what a role must allow; the other pages need "label"
_TELLS_OF_MODEL = ("", "models")  # the first page, whose address is empty, and the one where it can be changed


def main() -> None:
    """Show the app."""
    st.set_page_config(page_title="narratives", page_icon="🧭", layout="wide")
    put_style()
    if signin.is_wanted() and not _let_in():
        return
    unreadable = unreadable_release()  # asked before a first model is released in its place
    classifier = _classifier_in_use()
    pages = [
        st.Page(
            lambda: classify.page(classifier, current_codebook(), open_labels),
            title="Classify",
            url_path="classify",
            default=True,
        ),
        st.Page(lambda: batch.page(classifier, _folder_in_use()), title="Batch", url_path="batch"),
        st.Page(lambda: queue.page(classifier, current_codebook(), open_labels()), title="Queue", url_path="queue"),
        st.Page(lambda: review.page(classifier, current_codebook(), open_labels()), title="Review", url_path="review"),
        st.Page(lambda: adjudicate.page(current_codebook(), open_labels()), title="Adjudicate", url_path="adjudicate"),
        st.Page(
            lambda: codebook.page(current_codebook(), classifier.frames, open_labels()),
            title="Codebook",
            url_path="codebook",
        ),
        st.Page(lambda: models.page(classifier, open_labels()), title="Models", url_path="models"),
        st.Page(lambda: team.page(open_labels()), title="Team", url_path="team"),
    ]
    chosen = st.navigation(_allowed(pages), position="top")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(chosen.title, anchor=False, width="content")
        put_line(classifier, open_labels)
        if signin.is_wanted():
            signin.put_sign_out()
    if unreadable and chosen.url_path in _TELLS_OF_MODEL:
        st.caption(plain(unreadable))
    chosen.run()


def _let_in() -> bool:
    """Return whether the user has signed in and may see the pages; show the sign-in or the reason if not."""
    if not annotator():
        signin.show_sign_in()
        return False
    try:
        signin.check_lead(open_labels())
    except UserError as error:
        st.text(str(error))
        return False
    return True


def _allowed(pages: list[StreamlitPage]) -> list[StreamlitPage]:
    """Return the pages that the user's role allows; all pages while the name is unknown, as each asks for it."""
    name = annotator()
    if not name:
        return pages
    allowed = ROLES[role_of(open_labels(), name)]
    return [page for page in pages if _NEEDS.get(page.url_path, "label") in allowed]


@st.cache_resource(show_spinner="Opening the label database")
def open_labels() -> Store:
    """Open the label database once for all sessions."""
    return open_store()


def current_codebook() -> Codebook:
    """Return the codebook of the labels folder. It may have frames that the model in use has not learned."""
    path = paths.labels_folder() / "codebook.toml"
    return _read_codebook(path, path.stat().st_mtime_ns)


@st.cache_resource(show_spinner=False, max_entries=2)
def _read_codebook(path: Path, changed: int) -> Codebook:
    del changed  # only a key of the cache
    return read_codebook(path)


def _folder_in_use() -> Path:
    return model_in_use() or _train_first()


def _classifier_in_use() -> Classifier:
    folder = _folder_in_use()
    return load_model(str(folder), (folder / "manifest.json").stat().st_mtime_ns)


@st.cache_resource(show_spinner="Loading the model", max_entries=2)
def load_model(folder: str, changed: int) -> Classifier:
    """Load a model once for all sessions; a new ``changed`` (modification time) makes it load again."""
    del changed
    return persistence.load(Path(folder))


def _train_first() -> Path:
    bar = st.progress(0.0, "No model yet. Training one on the labels.")

    def progress(step: str, share: float) -> None:
        bar.progress(share, f"Training the first model: {step}")

    folder = ready_model(progress)
    bar.empty()
    return folder
