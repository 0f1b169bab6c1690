"""The Models page: which model is in force, its figures; retrain, compare, release, put back."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from narratives import paths
from narratives.annotation.retraining import Reviewed, reviewed
from narratives.annotation.roles import require
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.evaluation.comparison import FIGURES, Comparison, Difference
from narratives.evaluation.run import compare_figures
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.model.released import release
from narratives.store.events import Store
from narratives.ui.components.figures import StoredModel, put_figures
from narratives.ui.components.html import plain
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.jobs import TRAINING, BackgroundProcess

_HEADLINES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "mean_average_precision": "mean average precision",
    "false_alarm_rate": "false alarms",
    "calibration_error": "calibration error",
}


def page(classifier: Classifier, store: Store) -> None:
    """Show the page. ``classifier`` is the model in force."""
    if not annotator():
        ask_name()
        return
    complaint = st.session_state.pop("models_complaint", "")
    if complaint:
        st.text(complaint)
    try:
        _train(store)
        _kept(store)
        _in_force(classifier)
    except UserError as error:
        st.error("This did not work.")
        st.text(str(error))


@st.cache_resource(show_spinner=False)
def _retraining() -> BackgroundProcess:
    """Return the one training of this server, which all sessions see."""
    return BackgroundProcess(TRAINING)


def _train(store: Store) -> None:
    training = _retraining()
    if training.running:
        _watch(training)
    elif training.folder is not None:
        _proposal(training, training.folder, store)
    else:
        st.button("Retrain on all labels", type="primary", on_click=training.start)
        if training.complaint:
            st.text(training.complaint)


@st.fragment(run_every=0.5)
def _watch(training: BackgroundProcess) -> None:
    if not training.running:
        st.rerun()
    st.progress(training.share, f"Training: {training.step}. The model in force goes on serving.")
    st.button("Stop", on_click=training.stop)


def _proposal(training: BackgroundProcess, folder: Path, store: Store) -> None:
    """Show what a new model would change, and release or discard it."""
    st.markdown("**A new model is ready**")
    st.text(folder.name)
    released = paths.released_model()
    if released is not None and released.name == folder.name:
        st.caption("It is the model in force: the labels have not changed since.")
        training.forget()
        return
    if released is not None:
        _before_after(compare_figures((released, folder)))
        _on_reviewed(_reviewed_by(store, released, folder))
    with st.container(horizontal=True):
        st.button("Release", type="primary", on_click=_release, args=(folder, store, training))
        st.button("Discard", on_click=_discard, args=(folder, training))


def _before_after(found: Comparison) -> None:
    rows = [_difference_row(FIGURES[key], one) for key, one in found.figures.items()]
    st.dataframe(pd.DataFrame(rows, columns=["figure", "in force", "new", "change"]), hide_index=True)
    frames = [(*_difference_row(frame, one.f1), one.support) for frame, one in found.frames.items()]
    with st.expander("For each frame"):
        st.dataframe(
            pd.DataFrame(frames, columns=["F1 of frame", "in force", "new", "change", "support"]), hide_index=True
        )
    st.caption("By cross-validation, each model over the labels it was trained on.")


def _difference_row(name: str, one: Difference) -> tuple[str, float, float, float]:
    return name, round(one.a, 3), round(one.b, 3), round(one.difference, 3)


@st.cache_data(show_spinner="Reading the reviewed paragraphs", hash_funcs={Store: id})
def _reviewed_by(store: Store, released: Path, folder: Path) -> Reviewed | None:
    codebook = read_codebook(paths.labels_folder() / "codebook.toml")
    return reviewed(store, codebook, persistence.load(released), persistence.load(folder))


def _on_reviewed(found: Reviewed | None) -> None:
    if found is None:
        st.caption("No paragraph labelled in the app to compare on, or one model knows frames that the other does not.")
        return
    st.caption(
        f"On the {found.paragraphs:,} paragraphs labelled in the app, which the new model has learned from: "
        f"{found.changed:,} decisions change, {found.fixed:,} to what people said, {found.regressed:,} away from it; "
        f"micro-F1 {found.before:.2f} before, {found.after:.2f} after."
    )


def _kept(store: Store) -> None:
    """List the models, newest first, with their figures; put one in force."""
    manifests = paths.models_folder().glob("*/manifest.json")
    folders = [path.parent for path in sorted(manifests, key=lambda path: path.stat().st_mtime, reverse=True)]
    released = paths.released_model()
    st.markdown("**Models**")
    rows = [_model_row(folder, released) for folder in folders]
    figures = {shown: st.column_config.NumberColumn(format="%.3f") for shown in _HEADLINES.values()}
    heads = ["model", "in force", "paragraphs", *figures, *(["note"] if any("note" in row for row in rows) else [])]
    st.dataframe(pd.DataFrame(rows, columns=heads), hide_index=True, column_config=figures)
    others = [folder for folder in folders if released is None or not folder.samefile(released)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Put another model in force", others, format_func=lambda folder: folder.name, index=None)
        st.button("Put in force", disabled=chosen is None, on_click=_release, args=(chosen, store, None))


def _in_force(classifier: Classifier) -> None:
    """Show the figures of the model in force, and its card."""
    released = paths.released_model()
    if released is None:
        return
    st.markdown("**The model in force, by cross-validation on its own labels**")
    put_figures(StoredModel(persistence.read_manifest(released), classifier.codebook))
    with st.expander("Card of the model in force"):
        st.code((released / "card.md").read_text(encoding="utf-8"), language="markdown", wrap_lines=True)


def _model_row(folder: Path, released: Path | None) -> dict[str, Any]:
    try:
        manifest = persistence.read_manifest(folder)
    except UserError as error:
        return {"model": folder.name, "in force": "", "paragraphs": None, "note": str(error)}
    figures = manifest.get("figures", {})
    in_force = released is not None and folder.samefile(released)
    row = {"model": folder.name, "in force": "●" if in_force else "", "paragraphs": figures.get("n")}
    return row | {shown: figures.get(name) for name, shown in _HEADLINES.items()}


def _release(folder: Path, store: Store, training: BackgroundProcess | None) -> None:
    try:
        require(store, annotator(), "manage")
        persistence.load(folder)
        release(folder)
        store.note("release", annotator(), None, folder.name)
    except UserError as error:
        st.session_state["models_complaint"] = str(error)
        return
    if training is not None:
        training.forget()
    st.toast(f"{plain(folder.name)} is in force")


def _discard(folder: Path, training: BackgroundProcess) -> None:
    released = paths.released_model()
    if released is None or not folder.samefile(released):
        shutil.rmtree(folder)
    training.forget()
