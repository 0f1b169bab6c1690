"""The Batch page: scores a table that is dropped on it, shows the result and offers it for download."""

import csv
from pathlib import Path
from typing import Any

import altair
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from narratives.codebook.frames import UNSETTLED, UNSETTLED_MEANS, VOICE_MARKS, Codebook, marked_voice
from narratives.errors import UserError
from narratives.model.classifier import Classifier
from narratives.scoring.batch_scorer import free_prefix
from narratives.scoring.score import Scoring
from narratives.scoring.scored_table import ScoredTable, read_scored
from narratives.ui.components.html import GREY, colour_of
from narratives.ui.session.jobs import BackgroundScoring
from narratives.ui.session.uploads import Upload, keep_upload, output_for, read_upload, without_folder

_PAGE_ROWS = 100  # rows on one page of the table
_REFUSED_SHOWN = 1000
_TYPES = [
    "csv",
    "tsv",
    "txt",
    "json",
    "js",
    "jsonl",
    "ndjson",
    "parquet",
    "arrow",
    "feather",
    "xlsx",
    "gz",
    "zst",
    "bz2",
]
_LARGEST = 200  # megabytes
_OPACITY = {"promotes": 1.0, "reports": 0.6, "rebuts": 0.3, UNSETTLED: 0.45}  # of a voice in the chart
_LEGEND = " &ensp; ".join(
    f'<span style="color:{GREY if voice == UNSETTLED else "inherit"};opacity:{opacity}">■</span> {marked_voice(voice)}'
    for voice, opacity in _OPACITY.items()
)


def page(classifier: Classifier, model: Path) -> None:
    """Show the page."""
    dropped = st.file_uploader(
        "Drop a table to score it: CSV, TSV, JSON or JSONL (also .gz, .zst, .bz2), Parquet, Arrow or XLSX",
        type=_TYPES,
        max_upload_size=_LARGEST,
    )
    st.caption(f"For files above {_LARGEST} MB, run `narratives score FILE -o scored.csv`.")
    if dropped is None:
        st.session_state.pop("job", None)
        return
    upload = _read_once(dropped)
    if isinstance(upload, str):
        st.error("The file was not scored.")
        st.text(upload)
    else:
        _upload(classifier, model, upload)


def _read_once(dropped: UploadedFile) -> Upload | str:
    """Return what an upload holds, or why it cannot be read; a new upload discards the run of the one before.

    The result stays in the session: the page runs again at every click, and an upload may be large.
    """
    if st.session_state.get("upload", ("",))[0] != dropped.file_id:
        st.session_state.pop("job", None)
        with st.spinner("Reading the file"):
            st.session_state["upload"] = dropped.file_id, _read(keep_upload(dropped.name, dropped.getvalue()))
    read: Upload | str = st.session_state["upload"][1]
    return read


def _read(path: Path) -> Upload | str:
    try:
        return read_upload(path)
    except UserError as error:
        return without_folder(str(error), path)


def _upload(classifier: Classifier, model: Path, upload: Upload) -> None:
    text_column = _understood(upload)
    job = st.session_state.get("job")
    if job is None or st.session_state.get("job_column") != text_column:
        if st.button("Score", type="primary"):
            st.session_state["job_column"] = text_column
            st.session_state["job"] = job = BackgroundScoring(output_for(upload.path))
            job.output.unlink(missing_ok=True)
            # A column that was only recognised is recognised again: the text may be in others too.
            named = None if text_column == upload.table.text_column else text_column
            job.start(upload.path, model, named, free_prefix(upload.table.columns, classifier.frames))
            st.rerun()
    elif job.running:
        _watch(job)
    else:
        _result(job, classifier, text_column, upload)


def _understood(upload: Upload) -> str:
    """Show what the file was taken for; return the text column, which the user may change."""
    if upload.question:
        st.text(upload.question)
    st.text(upload.findings())
    columns, guess = list(upload.table.columns), upload.table.text_column
    # A text inside an object of JSON has a path, which is no column.
    choices = columns if not guess or guess in columns else [guess, *columns]
    chosen = st.selectbox("Text column", choices, index=choices.index(guess) if guess else None)
    if chosen is None:
        st.stop()
    st.caption(upload.count(chosen))
    with st.expander("First rows", expanded=st.session_state.get("job") is None):
        st.dataframe(pd.DataFrame(upload.first_rows, columns=columns), hide_index=True)
        for refusal in upload.first_refused:
            st.text(refusal)
    return str(chosen)


@st.fragment(run_every=0.5)
def _watch(job: BackgroundScoring) -> None:
    """Show the progress of the run, without running the rest of the page again."""
    st.progress(min(1.0, job.share), f"{job.rows:,} rows · {job.rows_a_second:,.0f} rows per second")
    st.button("Stop", on_click=job.stop)
    if not job.running:
        st.rerun(scope="app")


def _result(job: BackgroundScoring, classifier: Classifier, text_column: str, upload: Upload) -> None:
    if job.stopped or job.complaint:
        st.info("Stopped; nothing was written." if job.stopped else "The file was not scored.")
        st.text(without_folder(job.complaint, upload.path))
        if st.button("Score again"):
            st.session_state.pop("job")
            st.rerun()
    elif job.scoring is not None:
        named = None if text_column == upload.table.text_column else text_column
        prefix = free_prefix(upload.table.columns, classifier.frames)
        for warning in job.scoring.warnings:
            st.warning(without_folder(warning, upload.path))
        if prefix:
            st.caption(f"The names of the added columns begin with `{prefix}`: the table has columns with such names.")
        scored = _scored(str(job.output), named, classifier.frames, prefix)
        _scores(job.scoring, classifier.codebook, scored)


@st.cache_data(show_spinner="Reading the scores", max_entries=2)
def _scored(output: str, text_column: str | None, frames: tuple[str, ...], prefix: str) -> ScoredTable:
    return read_scored(Path(output), text_column, frames, prefix)


def _scores(scoring: Scoring, codebook: Codebook, scored: ScoredTable) -> None:
    st.success(
        f"{scoring.rows_read:,} rows read = {scoring.rows_scored:,} scored + {scoring.rows_refused:,} refused, "
        f"in {scoring.seconds:.1f} s"
        + (f"; {scoring.rows_without_text:,} without text" if scoring.rows_without_text else "")
        + (f"; {scoring.rows_cleaned:,} cleaned of links, tags or hidden characters" if scoring.rows_cleaned else "")
    )
    _downloads(scoring)
    chart, table = st.columns([2, 3], gap="large")
    with chart:
        _chart(scored, codebook)
    with table:
        _table(scored, codebook)
    if scoring.refused_path is not None:
        _refused(scoring.refused_path)


def _downloads(scoring: Scoring) -> None:
    output = Path(scoring.output)
    with st.container(horizontal=True):
        st.download_button("Download scores", output.read_bytes(), output.name, type="primary", on_click="ignore")
        if scoring.refused_path is not None:
            refused = scoring.refused_path
            st.download_button("Download refused rows", refused.read_bytes(), refused.name, on_click="ignore")


def _chart(scored: ScoredTable, codebook: Codebook) -> None:
    """Show how many rows have each frame, by voice, as bars and as a table."""
    counts = scored.counts()
    if counts.empty:
        st.caption("No row has a frame.")
        return
    names = {frame.id: frame.name for frame in codebook.frames}
    counts["name"] = counts["frame"].map(names)
    st.altair_chart(_bars(counts, codebook), alt="Rows with each frame by voice; the table below says the same")
    st.html(_LEGEND)
    if (counts["voice"] == UNSETTLED).any():
        st.caption(UNSETTLED_MEANS)
    table = scored.by_voice()
    table["frame"] = table["frame"].map(names)
    marks = {voice: st.column_config.Column(VOICE_MARKS[voice], help=voice, width=44) for voice in _OPACITY}
    widths = {"frame": st.column_config.Column(width=138), "rows": st.column_config.Column(width=48)}
    st.dataframe(table, hide_index=True, height="content", column_config=widths | marks)


def _bars(counts: pd.DataFrame, codebook: Codebook) -> Any:
    voices = list(_OPACITY)
    counts["rank"] = [voices.index(voice) if voice else 0 for voice in counts["voice"]]
    # Unsettled rows have no colour of a frame, so that they are never taken for a pale *promotes*.
    counts["colour"] = [
        GREY if voice == UNSETTLED else colour_of(codebook, frame)
        for frame, voice in zip(counts["frame"], counts["voice"], strict=True)
    ]
    # A scale of points, which is the usual one of an opacity, would use only the first and the second of the range.
    opacity = altair.Scale(type="ordinal", domain=voices, range=list(_OPACITY.values()))
    return (
        altair.Chart(counts)
        .mark_bar()
        .encode(
            x=altair.X("rows:Q", title="rows"),
            y=altair.Y("name:N", sort="-x", title=None, axis=altair.Axis(labelLimit=220)),
            color=altair.Color("colour:N", scale=None),
            opacity=altair.Opacity("voice:N", scale=opacity, legend=None),
            order=altair.Order("rank:Q"),
            tooltip=["name", "voice", "rows"],
        )
        # The height holds the axis, too: without room for it the bars of few frames vanish.
        .properties(height=26 * counts["name"].nunique() + 70)
    )


def _table(scored: ScoredTable, codebook: Codebook) -> None:
    left, middle, right = st.columns(3)
    names = {"": "any frame", **{frame.id: frame.name for frame in codebook.frames}}
    frame = left.selectbox("Frame", list(names), format_func=lambda frame: names[frame])
    voice = middle.selectbox("Voice", ["", *_OPACITY], format_func=lambda voice: voice or "any voice")
    least = right.slider("Minimum probability", 0.0, 1.0, 0.0, 0.05)
    matches = scored.select(frame, voice, least)
    st.caption(f"{len(matches):,} of {len(scored.rows):,} rows")
    pages = max(1, -(-len(matches) // _PAGE_ROWS))
    # A key for each filter, so that a new filter starts on its first page.
    number = st.pagination(pages, key=f"rows of {frame} {voice} {least}") if pages > 1 else 1
    part = matches.iloc[(number - 1) * _PAGE_ROWS : number * _PAGE_ROWS]
    columns = [
        "row",
        *([f"p_{frame}"] if frame else []),
        "frames",
        "voices",
        *(["scope"] if (scored.rows["scope"] != "").any() else []),
        "text",
    ]
    st.dataframe(part[columns], hide_index=True, height=520, column_config={"row": st.column_config.Column(width=60)})


def _refused(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    st.markdown(f"**Refused rows** ({len(rows):,})")
    st.dataframe(pd.DataFrame(rows[:_REFUSED_SHOWN]), hide_index=True)
