"""Shows the figures stored with a model as charts, each beside its table; what an older model lacks is left out."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import altair
import pandas as pd
import streamlit as st

from narratives.codebook.frames import Codebook
from narratives.evaluation.model_card import stream_remark
from narratives.ui.components.html import GREY, aim_colours

_UNIT = altair.Scale(domain=[0, 1])
_ROW = 26  # height in pixels of a frame in a chart and of a row in a table


@dataclass(frozen=True)
class StoredModel:
    """The manifest of a model folder, and the codebook that the model was trained with."""

    manifest: dict[str, Any]
    codebook: Codebook

    @property
    def figures(self) -> dict[str, Any]:
        """The cross-validated figures as ``Evaluation.as_json`` writes them; an older version wrote fewer."""
        return dict(self.manifest.get("figures", {}))


def put_figures(model: StoredModel) -> None:
    """Show the chosen chart of a model's figures, with its table."""
    view = st.segmented_control("Figures", list(_VIEWS), default="F1", required=True, label_visibility="collapsed")
    _VIEWS[view or "F1"](model)


def _f1(model: StoredModel) -> None:
    table = frame_table(model)[["frame", "aim", "F1", "from", "to", "paragraphs"]]
    known = table.dropna(subset="F1")
    if known.empty:
        st.caption("This model has no figures for its frames.")
        return
    names = list(known["frame"])
    points = _by_frame(known, names, model.codebook).mark_point(filled=True, size=70, opacity=1).encode(x=_x("F1"))
    spans = _by_frame(known.dropna(subset="from"), names, model.codebook).mark_rule(strokeWidth=2)
    spans = spans.encode(x=_x("from"), x2="to:Q")
    _side_by_side(spans + points, table.drop(columns="aim"), "F1 of each frame")
    if known["from"].isna().all():
        st.caption("This model was trained by an older version without intervals; retrain to see them.")
    else:
        st.caption("From … to: 95 % confidence interval of F1, by bootstrap over paragraphs.")


def _precision_recall(model: StoredModel) -> None:
    table = frame_table(model)[["frame", "aim", "threshold", "precision", "recall", "AP"]]
    known = table.dropna(subset="recall")
    if known.empty:
        st.caption("This model has no figures for its frames.")
        return
    names = list(known["frame"])
    gaps = _by_frame(known.dropna(subset="precision"), names, model.codebook).mark_rule(opacity=0.4)
    gaps = gaps.encode(x=_x("precision"), x2="recall:Q")
    long = known.melt(["frame", "aim", "threshold"], ["precision", "recall"], "figure", "share").dropna(subset="share")
    shapes = altair.Shape("figure:N", legend=None, scale=altair.Scale(range=["circle", "diamond"]))
    marks = _by_frame(long, names, model.codebook).mark_point(filled=True, size=80, opacity=1)
    marks = marks.encode(x=_x("share"), shape=shapes)
    _side_by_side(gaps + marks, table.drop(columns="aim"), "Precision and recall of each frame at its threshold")
    meaning = (
        "● precision: share of the predictions that are right · ◆ recall: share of the gold labels that are predicted"
    )
    st.caption(f"{meaning} · AP: average precision")


def _reliability(model: StoredModel) -> None:
    names = {"low": "from", "high": "to", "probability": "mean predicted", "share": "observed share", "cells": "cells"}
    table = pd.DataFrame(model.figures.get("reliability", []), columns=list(names)).rename(columns=names)
    known = table[table["cells"] > 0]
    if known.empty:
        st.caption("This model has no reliability curve.")
        return
    ends = pd.DataFrame({"mean predicted": [0, 1], "observed share": [0, 1]})
    ideal, curve = (
        altair.Chart(rows).encode(x=_x("mean predicted", "mean predicted"), y=altair.Y("observed share:Q", scale=_UNIT))
        for rows in (ends, known)
    )
    size = altair.Size("cells:Q", scale=altair.Scale(type="log", range=[30, 300]), legend=None)
    dots = curve.mark_point(filled=True, opacity=1).encode(size=size, tooltip=list(names.values()))
    chart = ideal.mark_line(strokeDash=[4, 4], color=GREY) + curve.mark_line() + dots
    _side_by_side(chart.properties(height=360), table, "Reliability curve")
    topical_none = model.manifest.get("settings", {}).get("frames", {}).get("topical_none")
    st.caption(
        "A cell is one paragraph and one frame; a larger dot stands for more cells. " + stream_remark(topical_none)
    )


def _confusion(model: StoredModel) -> None:
    names = _names(model.codebook)
    rows = [
        (pair["count"], *(names.get(pair[part], pair[part]) for part in ("gold", "predicted")))
        for pair in model.figures.get("confusion", [])
    ]
    if not rows:
        st.caption("No frame was predicted in place of another, or this model has no confusion counts.")
        return
    table = pd.DataFrame(rows, columns=["paragraphs", "frame missed", "predicted instead"])
    _side_by_side(_heat_map(table), table, "Confusion between frames")
    st.caption("The most frequent pairs: on how many paragraphs one frame was missed and the other wrongly predicted.")


def _heat_map(table: pd.DataFrame) -> Any:
    base = altair.Chart(table).encode(
        x=altair.X("predicted instead:N", axis=_names_axis(labelAngle=-40, labelLimit=150)),
        y=altair.Y("frame missed:N", axis=_names_axis()),
        tooltip=list(table.columns),
    )
    cells = base.mark_rect().encode(color=altair.Color("paragraphs:Q", scale=altair.Scale(scheme="blues"), legend=None))
    dark = altair.datum.paragraphs > (table["paragraphs"].min() + table["paragraphs"].max()) / 2
    ink = altair.condition(dark, altair.value("white"), altair.value("black"))
    numbers = base.mark_text().encode(text="paragraphs:Q", color=ink)
    return (cells + numbers).properties(height=_ROW * table["frame missed"].nunique() + 150)


def _made_from(model: StoredModel) -> None:
    st.text("\n".join(_facts(model)))
    heads = {"n": "paragraphs", "macro_f1": "macro-F1", "micro_f1": "micro-F1"}
    rows = [
        {"kind": kind, "part": name} | {title: part.get(key) for key, title in heads.items()}
        for kind in ("language", "register")
        for name, part in model.figures.get(f"{kind}s", {}).items()
    ]
    if rows:
        table = pd.DataFrame(rows).sort_values(["kind", "paragraphs"], ascending=[True, False])
        _side_by_side(_bars(table), table, "What the model was trained on")


def _bars(table: pd.DataFrame) -> Any:
    return (
        altair.Chart(table)
        .mark_bar()
        .encode(
            x=altair.X("paragraphs:Q"),
            y=altair.Y("part:N", sort="-x", title=None, axis=_names_axis()),
            row=altair.Row("kind:N", title=None),
            tooltip=list(table.columns),
        )
        .resolve_scale(y="independent")
    )


def _facts(model: StoredModel) -> list[str]:
    manifest, codebook = model.manifest, model.codebook
    files = {**manifest.get("labels", {}), **manifest.get("unlabelled", {})}
    libraries = [f"{name} {version}" for name, version in sorted(manifest.get("libraries", {}).items())]
    return [
        f"{model.figures.get('n') or 0:,} paragraphs · {len(codebook.ids)} frames"
        f" · codebook {codebook.version or '–'} · seed {manifest.get('seed', '–')}",
        " · ".join(libraries),
        *(f"{name}  SHA-256 {digest}" for name, digest in sorted(files.items())),
    ]


_VIEWS = {
    "F1": _f1,
    "Precision and recall": _precision_recall,
    "Reliability": _reliability,
    "Confusion": _confusion,
    "Made from": _made_from,
}


def frame_table(model: StoredModel) -> pd.DataFrame:
    """Return a row for each frame, the best F1 first, frames without labelled paragraphs last; gaps are NaN."""
    names, codebook, frames = _names(model.codebook), model.codebook, model.figures.get("frames", {})
    rows = []
    for frame in [*frames, *model.figures.get("unsupported", {})]:
        scores = frames.get(frame, {"support": 0})
        low, high = scores.get("f1_interval") or (None, None)
        aim = codebook.frame(frame).aim if frame in codebook.ids else ""
        others = [scores.get(key) for key in ("precision", "recall", "average_precision", "threshold")]
        rows.append((names.get(frame, frame), aim, scores.get("f1"), low, high, *others, scores["support"]))
    heads = ["F1", "from", "to", "precision", "recall", "AP", "threshold", "paragraphs"]
    table = pd.DataFrame(rows, columns=["frame", "aim", *heads]).astype(dict.fromkeys(heads, float))
    table = table.sort_values(["F1", "frame"], ascending=[False, True], ignore_index=True)
    return table.astype({"paragraphs": int})


def _names(codebook: Codebook) -> dict[str, str]:
    """Return the name of each frame by id; where two frames share a name, with the id added."""
    counts = Counter(frame.name for frame in codebook.frames)
    return {
        frame.id: frame.name if counts[frame.name] == 1 else f"{frame.name} ({frame.id})" for frame in codebook.frames
    }


def _by_frame(table: pd.DataFrame, names: list[str], codebook: Codebook) -> altair.Chart:
    """Return a chart with a row for each of ``names``, in this order, coloured by aim."""
    colours = aim_colours(codebook)
    many = len(colours) > 1
    legend = altair.Legend(orient="bottom", title=None, columns=2, labelLimit=260, symbolOpacity=1) if many else None
    aims = altair.Scale(domain=list(colours), range=list(colours.values()))
    return (
        altair.Chart(table)
        .encode(
            y=altair.Y("frame:N", sort=names, title=None, axis=_names_axis()),
            color=altair.Color("aim:N", scale=aims, legend=legend),
            tooltip=list(table.columns),
        )
        .properties(height=_ROW * len(names) + (40 + 30 * -(-len(colours) // 2) if many else 40))
    )


def _x(column: str, title: str | None = None) -> altair.X:
    return altair.X(f"{column}:Q", scale=_UNIT, title=title)


def _names_axis(**more: Any) -> altair.Axis:
    return altair.Axis(**{"labelLimit": 230, "labelOverlap": False, "labelFlush": False} | more)


def _side_by_side(chart: Any, table: pd.DataFrame, what: str) -> None:
    left, right = st.columns([5, 4], gap="small")
    left.altair_chart(chart, alt=f"{what}; the table beside it says the same")
    shares = [name for name in table.columns if table[name].dtype == float]
    formats: dict[str, Any] = {name: st.column_config.NumberColumn(format="%.2f") for name in shares}
    formats["frame"] = st.column_config.Column(width=210)  # a long name would push the figures out of sight
    right.dataframe(table, hide_index=True, height="content", row_height=_ROW, column_config=formats)
