"""The Models page: shows the figures of the model in use; retrains, compares and releases models."""

import math
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from narratives import paths
from narratives.annotation.retraining import Reviewed, reviewed
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.evaluation.comparison import FIGURES, Comparison, Difference
from narratives.evaluation.model_card import thresholds_remark
from narratives.evaluation.run import compare_figures
from narratives.model import persistence
from narratives.model.classifier import Classifier
from narratives.model.releases import check_usable, model_in_use, release, stored_models
from narratives.store.events import Store
from narratives.ui.components.figures import StoredModel, put_figures
from narratives.ui.components.html import counted, plain
from narratives.ui.session.annotator import annotator, ask_name
from narratives.ui.session.jobs import TRAINING, BackgroundProcess
from narratives.ui.session.rights import guarded, is_open, show_refusal

_HEADLINES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "mean_average_precision": "mean average precision",
    "false_alarm_rate": "false alarms",
    "calibration_error": "calibration error",
}


def page(classifier: Classifier, store: Store) -> None:
    """Show the page. ``classifier`` is the model in use."""
    if not annotator():
        ask_name()
        return
    show_refusal()
    if not is_open(store, "manage"):
        return
    try:
        _train(store)
        _models(store)
        _in_use(classifier)
    except UserError as error:
        st.error("The models cannot be shown.")
        st.text(str(error))


@st.cache_resource(show_spinner=False)
def _retraining() -> BackgroundProcess:
    """Return the training process of this server, which all sessions share."""
    return BackgroundProcess(TRAINING)


def _train(store: Store) -> None:
    training = _retraining()
    if training.running:
        _watch(training, store)
    elif training.folder is not None:
        _proposal(training, training.folder, store)
    else:
        st.button("Retrain on all labels", type="primary", on_click=guarded, args=(store, "train", training.start))
        if training.complaint:
            st.text(training.complaint)


@st.fragment(run_every=0.5)
def _watch(training: BackgroundProcess, store: Store) -> None:
    if not training.running:
        st.rerun()
    st.progress(training.share, f"Training: {training.step}. The pages go on with the present model meanwhile.")
    st.button("Stop", on_click=guarded, args=(store, "train", training.stop))
    show_refusal()


def _proposal(training: BackgroundProcess, folder: Path, store: Store) -> None:
    """Show what a new model would change, above the buttons to release or to discard it."""
    st.markdown("**A new model is ready**")
    st.text(folder.name)
    used = model_in_use()
    if used is not None and used.resolve() == folder.resolve():
        st.caption("It is the released model: the labels have not changed since it was trained.")
        training.forget()
        return
    if used is not None:
        _before_after(compare_figures((used, folder)))
        _on_reviewed(_reviewed_by(store, used, folder))
    _thresholds(persistence.read_manifest(folder))
    with st.container(horizontal=True):
        released = (store, "release", _release, folder, store, training)
        st.button("Release the new model", type="primary", on_click=guarded, args=released)
        st.button("Discard", on_click=guarded, args=(store, "release", _discard, folder, training))


def _before_after(comparison: Comparison) -> None:
    rows = [_difference_row(FIGURES[key], difference) for key, difference in comparison.figures.items()]
    st.dataframe(pd.DataFrame(rows, columns=["figure", "in use", "new", "change"]), hide_index=True)
    frames = [(*_difference_row(frame, change.f1), change.support) for frame, change in comparison.frames.items()]
    with st.expander("For each frame"):
        st.dataframe(
            pd.DataFrame(frames, columns=["F1 of frame", "in use", "new", "change", "support"]), hide_index=True
        )
    st.caption("Cross-validated, each model on the labels it was trained on.")


def _difference_row(name: str, change: Difference) -> tuple[str, float, float, float]:
    return name, round(change.a, 3), round(change.b, 3), round(change.difference, 3)


@st.cache_data(show_spinner="Reading the reviewed paragraphs", hash_funcs={Store: id})
def _reviewed_by(store: Store, used: Path, folder: Path) -> Reviewed | None:
    codebook = read_codebook(paths.labels_folder() / "codebook.toml")
    return reviewed(store, codebook, persistence.load(used), persistence.load(folder))


def _on_reviewed(change: Reviewed | None) -> None:
    if change is None:
        st.caption(
            "No comparison on paragraphs labelled in the app: there are none, or the two models differ in their frames."
        )
        return
    st.caption(
        f"On the {change.paragraphs:,} paragraphs labelled in the app, which the new model was trained on: "
        f"{counted(change.changed, 'decision')} changed, {change.fixed:,} now right, {change.regressed:,} now wrong; "
        f"micro-F1 {_two_decimals(change.before)} before, {_two_decimals(change.after)} after."
    )


def _two_decimals(figure: float) -> str:
    return "–" if math.isnan(figure) else f"{figure:.2f}"  # F1 without a frame in labels and predictions


def _models(store: Store) -> None:
    """List the models with their figures, newest first and the shipped one last, and offer to release one."""
    folders = sorted(stored_models(), key=_age)
    used = model_in_use()
    st.markdown("**Models**")
    rows = [_model_row(folder, used) for folder in folders]
    figures = {title: st.column_config.NumberColumn(format="%.3f") for title in _HEADLINES.values()}
    heads = ["model", "in use", "paragraphs", *figures, *(["note"] if any("note" in row for row in rows) else [])]
    st.dataframe(pd.DataFrame(rows, columns=heads), hide_index=True, column_config=figures)
    others = [folder for folder in folders if used is None or not folder.samefile(used)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Release another model", others, format_func=paths.model_folder_name, index=None)
        released = (store, "release", _release, chosen, store, None)
        st.button("Release", disabled=chosen is None, on_click=guarded, args=released)


def _age(folder: Path) -> tuple[bool, float]:
    """Return what sorts the newest model first and the shipped one, whose date is that of its installation, last."""
    return paths.is_shipped(folder), -(folder / "manifest.json").stat().st_mtime


def _in_use(classifier: Classifier) -> None:
    """Show the figures and the card of the model in use."""
    used = model_in_use()
    if used is None:
        return
    kind = "shipped" if paths.is_shipped(used) else "released"
    st.markdown(f"**The {kind} model, cross-validated on its own labels**")
    manifest = persistence.read_manifest(used)
    put_figures(StoredModel(manifest, classifier.codebook))
    _thresholds(manifest)
    with st.expander(f"Card of the {kind} model"):
        st.code((used / "card.md").read_text(encoding="utf-8"), language="markdown", wrap_lines=True)


def _thresholds(manifest: dict[str, Any]) -> None:
    remark = thresholds_remark(manifest)
    if remark:
        st.caption(remark)


def _model_row(folder: Path, used: Path | None) -> dict[str, Any]:
    name = paths.model_folder_name(folder)
    try:
        check_usable(folder)
        manifest = persistence.read_manifest(folder)
    except UserError as error:
        return {"model": name, "in use": "", "paragraphs": None, "note": str(error)}
    figures = manifest.get("figures", {})
    is_used = used is not None and folder.samefile(used)
    row = {"model": name, "in use": "●" if is_used else "", "paragraphs": figures.get("n")}
    return row | {title: figures.get(name) for name, title in _HEADLINES.items()}


def _release(folder: Path, store: Store, training: BackgroundProcess | None) -> None:
    persistence.load(folder)  # a model that cannot be loaded must not be released: no page would open again
    release(folder)
    store.note("release", annotator(), None, paths.model_folder_name(folder))
    if training is not None:
        training.forget()
    st.toast(f"Released {plain(paths.model_folder_name(folder))}")


def _discard(folder: Path, training: BackgroundProcess) -> None:
    used = model_in_use()
    # Another session may have released it meanwhile.
    if not paths.is_shipped(folder) and (used is None or not folder.samefile(used)):
        shutil.rmtree(folder)
    training.forget()
