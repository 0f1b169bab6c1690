"""Scoring tables: the input comes back unchanged with our columns, complete or not at all, and no row is lost."""

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from narratives.codebook.frames import UNSETTLED_MEANS
from narratives.errors import UserError
from narratives.kernel import kernel as kernel_module
from narratives.model import persistence
from narratives.model.classifier import Classifier, Predictions
from narratives.scoring import score as scoring_module
from narratives.scoring.batch_scorer import Options
from narratives.scoring.score import Scoring, ScoringCancelled, ScoringInterrupted, score
from narratives.tables.table import open_table, read_all

FRAMES = ("flood", "mayor", "bridge")
OURS = ["frames", "voices", "human", "scope", "p_flood", "p_mayor", "p_bridge", "model"]


def predict(texts: list[str], documents: Any = None) -> Predictions:
    """Predict a frame where its word occurs; leave it for a person where ``?`` follows the word."""
    named = np.array([[frame in text for frame in FRAMES] for text in texts]).reshape(-1, len(FRAMES))
    human = np.array([[f"{frame}?" in text for frame in FRAMES] for text in texts]).reshape(-1, len(FRAMES))
    predicted = named & ~human
    probabilities = np.where(predicted, [0.9, 0.8, 0.7], np.where(human, 0.4, 0.03125))
    voices = np.where(predicted, 1, -1).astype(np.int8)
    return Predictions(probabilities, predicted, human, voices, np.zeros(predicted.shape, bool))


class FakeModel:
    """A model that knows three words. In a process with SLOW set, each prediction takes several seconds."""

    frames = FRAMES
    name = "fake@1"
    predict_paragraphs = Classifier.predict_paragraphs

    def predict_texts(self, texts: list[str], documents: Any = None) -> Predictions:
        if os.environ.get("SLOW"):
            time.sleep(4)
        return predict(texts)


def use_the_fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_module, "load", lambda folder: FakeModel())
    monkeypatch.setattr(kernel_module, "Kernel", lambda model: model)


@pytest.fixture(autouse=True)
def _fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    use_the_fake_model(monkeypatch)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def run(source: Path | list[Path], output: Path | str, **options: Any) -> Scoring:
    done = score(source if isinstance(source, list) else [source], output, Path("model"), Options(**options))
    assert done.complete
    return done


def rows_of(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, strict=True))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def in_a_process(code: str, folder: Path, **environment: str) -> "subprocess.Popen[bytes]":
    # Compile here first: a signal that arrives while Numba compiles is lost in a callback of LLVM.
    for path in folder.glob("*.csv"):
        list(open_table(path).quick_batches())
    # A process that a shell starts in the background ignores SIGINT, and so would its child.
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    start += f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    start += "from test_score import *; use_the_fake_model(pytest.MonkeyPatch())\n"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-c", start + code],
        cwd=folder,
        env={**os.environ, **environment},
        start_new_session=True,
        **pipes,
    )


def test_the_input_comes_back_with_our_columns_at_its_end(tmp_path: Path) -> None:
    path = write(
        tmp_path, "a.csv", 'id,text,when\n007,the flood and the mayor,NA\n8,"a ""dry"", day\n",\n9,bridge?,x\n'
    )
    done = run(path, tmp_path / "out.csv")
    first = ["0.9000", "0.8000", "0.0312"]
    assert rows_of(tmp_path / "out.csv") == [
        ["id", "text", "when", *OURS],
        ["007", "the flood and the mayor", "NA", "flood;mayor", "reports;reports", "", "", *first, "fake@1"],
        ["8", 'a "dry", day\n', "", "", "", "", "", "0.0312", "0.0312", "0.0312", "fake@1"],
        ["9", "bridge?", "x", "", "", "bridge", "", "0.0312", "0.0312", "0.4000", "fake@1"],
    ]
    assert (done.rows_read, done.rows_scored, done.rows_refused) == (3, 3, 0)
    assert done.frames == {"flood": 1, "mayor": 1, "bridge": 0}
    assert names_in(tmp_path) == ["a.csv", "out.csv"]


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        (
            "posts.txt",
            'text\nthe flood, says the mayor\nHe said "no", then left\n',
            ["the flood, says the mayor", 'He said "no", then left'],
        ),
        (
            "a.tsv",
            'id\ttext\n1\t"flood" it said\n2\t"quiet\n3\t"no" he said\n',
            ['"flood" it said', '"quiet', '"no" he said'],
        ),
        ("a.csv", 'id,text\n1,"a \\"dry\\", long day"\n2,"x, y"\n', ['a "dry", long day', "x, y"]),
        ("a.csv", "id;text\n1;the flood, it rose;\n2;a dry day, again;\n", ["the flood, it rose", "a dry day, again"]),
        ("a.csv", "id^text\n1^the flood, it rose\n2^a dry day, again\n", ["the flood, it rose", "a dry day, again"]),
    ],
)
def test_every_program_reads_what_was_written(tmp_path: Path, name: str, content: str, texts: list[str]) -> None:
    run(write(tmp_path, name, content), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        delimiter = csv.Sniffer().sniff(file.readline(), ",;\t").delimiter
    read = pd.read_csv(tmp_path / "out.csv", sep=delimiter, dtype=str, keep_default_na=False)
    assert read["text"].tolist() == texts
    assert list(read.columns)[-len(OURS) :] == OURS
    again = open_table(tmp_path / "out.csv")
    assert [text for batch in again.batches() for text in batch.texts] == texts


def test_headers_inside_a_file_are_no_rows_and_are_counted(tmp_path: Path) -> None:
    done = run(write(tmp_path, "a.csv", "id,text\n1,x\nid,text\n2,y\n\ufeffid,text\n3,z\n"), tmp_path / "out.csv")
    assert (done.rows_read, done.rows_scored, done.repeated_headers) == (3, 3, 2)
    assert "left out: 2 rows that repeat the names of the columns" in done.summary()
    assert [row[0] for row in rows_of(tmp_path / "out.csv")] == ["id", "1", "2", "3"]


def test_short_columns_leave_the_probabilities_out(tmp_path: Path) -> None:
    run(write(tmp_path, "a.csv", "text\nx\n"), tmp_path / "out.csv", columns="short")
    assert rows_of(tmp_path / "out.csv")[0] == ["text", "frames", "voices", "human", "scope", "model"]


def test_rows_that_the_model_cannot_read_are_marked_counted_and_said(tmp_path: Path, monkeypatch: Any) -> None:
    def predict_some(self: FakeModel, texts: list[str], documents: Any = None) -> Predictions:
        outside = {row: "language=fr" for row, text in enumerate(texts) if "pont" in text}
        return replace(predict(texts), outside=outside, cleaned=frozenset({0}))

    monkeypatch.setattr(FakeModel, "predict_texts", predict_some)
    path = write(tmp_path, "a.csv", "text\nflood\nle pont\nun pont\n")
    done = run(path, tmp_path / "out.csv", columns="short")
    assert [row[4] for row in rows_of(tmp_path / "out.csv")[1:]] == ["", "outside:language=fr", "outside:language=fr"]
    assert (done.rows_outside, done.rows_cleaned) == ({"language=fr": 2}, 1)
    assert done.warnings == ["2 rows were not read: in French"]
    assert "1 cleaned of links, tags or hidden characters" in done.summary()


def test_by_paragraph_repeats_the_row_for_each_paragraph(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,text\n1,"flood\n\nmayor"\n2,\n')
    done = run(path, tmp_path / "out.csv", by="paragraph", columns="short")
    assert [row[:5] for row in rows_of(tmp_path / "out.csv")] == [
        ["id", "text", "paragraph", "paragraph_text", "frames"],
        ["1", "flood\n\nmayor", "0", "flood", "flood"],
        ["1", "flood\n\nmayor", "1", "mayor", "mayor"],
        ["2", "", "0", "", ""],
    ]
    assert (done.rows_scored, done.rows_written) == (2, 3)


def test_refused_rows_are_written_beside_the_output_with_line_and_reason(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,text\n0,Привіт\n1,"open\n2,fine\n3,a,b\n'.encode() + b"4,\xff\n")
    done = run(path, tmp_path / "out.csv")
    assert done.refused_path == tmp_path / "out.csv.refused.csv"
    refused = rows_of(tmp_path / "out.csv.refused.csv")
    assert refused[0] == ["line", "reason", "raw"]
    assert [(row[0], row[2]) for row in refused[1:]] == [("3", '1,"open'), ("5", "3,a,b"), ("6", "4,\\xff")]
    assert (done.rows_read, done.rows_scored, done.rows_refused) == (5, 2, 3)


def test_an_output_is_replaced_only_with_force_and_old_refused_rows_are_removed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,a,b\n2,b\n")
    run(path, tmp_path / "out.csv")
    write(tmp_path, "a.csv", "id,text\n1,a\n")
    with pytest.raises(UserError, match=r"out\.csv exists; .* --force"):
        run(path, tmp_path / "out.csv")
    run(path, tmp_path / "out.csv", overwrite=True)
    assert names_in(tmp_path) == ["a.csv", "out.csv"]


def test_several_inputs_are_one_table_and_refused_rows_name_their_file(tmp_path: Path) -> None:
    first, second = (
        write(tmp_path, "a.csv", "id,text\n1,flood\n2\n"),
        write(tmp_path, "b.tsv", "id\ttext\n3\tmayor\n4\n"),
    )
    done = run([first, second], tmp_path / "out.csv", columns="short")
    assert [row[:3] for row in rows_of(tmp_path / "out.csv")[1:]] == [["1", "flood", "flood"], ["3", "mayor", "mayor"]]
    refused = rows_of(tmp_path / "out.csv.refused.csv")
    assert [row[:2] for row in refused] == [["file", "line"], [str(first), "3"], [str(second), "3"]]
    assert [table["format"] for table in done.recognised] == ["CSV", "TSV"]


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ("id,text,x\n", "has 'x' as well"),
        ("text\n", "has no 'id'"),
        ("text,id\n", "in another order"),
    ],
)
def test_inputs_of_other_columns_are_refused(tmp_path: Path, other: str, sentence: str) -> None:
    inputs = [write(tmp_path, "a.csv", "id,text\n1,a\n"), write(tmp_path, "b.csv", other)]
    with pytest.raises(UserError, match=sentence):
        run(inputs, tmp_path / "out.csv")


def test_a_column_of_our_name_needs_a_prefix(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,frames\nflood,mine\n")
    with pytest.raises(UserError, match=r"column 'frames'.*--prefix"):
        run(path, tmp_path / "out.csv")
    run(path, tmp_path / "out.csv", prefix="nt_", columns="short")
    header, row = rows_of(tmp_path / "out.csv")
    assert header == ["text", "frames", "nt_frames", "nt_voices", "nt_human", "nt_scope", "nt_model"]
    assert row[:3] == ["flood", "mine", "flood"]


def test_the_output_has_the_delimiter_of_the_input(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id;text\n1;flood, water\n".encode("cp1251"))
    run(path, tmp_path / "out.csv", columns="short")
    assert (tmp_path / "out.csv").read_text() == (
        "id;text;frames;voices;human;scope;model\n" + "1;flood, water;flood;reports;;;fake@1\n"
    )
    run(path, tmp_path / "out.tsv")
    assert rows_of(tmp_path / "out.tsv", "\t")[1][:2] == ["1", "flood, water"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("id,text\n", "no row was read"),
        ("id,text\n1,a,b\n2\n", "all 2 rows were refused, the first in line 2 .3 cells where the header has 2"),
        ("id,text\n1,a\n" + "2,\n" * 2000, "have no text in 'text'; name the column with --text"),
    ],
)
@pytest.mark.parametrize("output", ["out.csv", "out.jsonl", "out.parquet"])
def test_where_nothing_was_scored_nothing_is_written(tmp_path: Path, content: str, sentence: str, output: str) -> None:
    body = content if content.count("\n") < 9 else content.replace("1,a\n", "1,a\n" * 1500)
    path = write(tmp_path, "a.csv", body)
    with pytest.raises(UserError, match=f"{sentence}.*nothing was written") as caught:
        run(path, tmp_path / output)
    assert "\n" not in str(caught.value)
    assert names_in(tmp_path) == ["a.csv"]


def test_a_column_that_was_named_may_be_empty_and_that_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,flood\n2,\n3, \n")
    done = run(path, tmp_path / "out.csv", text_column="text")
    assert (done.rows_scored, done.rows_without_text) == (3, 2)
    assert "3 rows read = 3 scored + 0 refused\n  2 of them without text\n" in done.summary()
    assert "warning: more than half of the rows have no text" in done.summary()
    assert done.as_json()["rows_without_text"] == 2


def test_the_texts_of_several_columns_are_scored_and_said(tmp_path: Path) -> None:
    head = "Query Id,Query Name,Date,Title,Snippet,Full Text"
    rows = "".join(f"{number},q,2024,t,the mayor,\n{number},q,2024,t,x,the flood\n" for number in range(400))
    done = run(write(tmp_path, "a.csv", f"{head}\n{rows}"), tmp_path / "out.csv", columns="short")
    assert done.frames == {"flood": 400, "mayor": 400, "bridge": 0}
    assert [row[6] for row in rows_of(tmp_path / "out.csv")[1:3]] == ["mayor", "flood"]
    expected = {"export": "Brandwatch", "text": ["Full Text", "Snippet", "Title"], "date": "Date"}
    assert done.recognised[0].items() >= expected.items()


def test_lines_in_another_encoding_and_many_refusals_are_said(tmp_path: Path) -> None:
    lines = "1,Річка піднялася знову\n".encode() + "2,Міст знову зачинено\n".encode("cp1251") + b"3\n4\n5\n"
    done = run(write(tmp_path, "a.csv", b"id,text\n" + lines), tmp_path / "out.csv")
    assert "lines that are not UTF-8 were read in another encoding: 1 as Windows-1251" in done.summary()
    assert "warning: more than half of the rows were refused, the first in line 4" in done.summary()


def test_jsonl_objects_come_back_character_for_character(tmp_path: Path) -> None:
    lines = ['{"text": "flood", "n": 1.50, "big": 123456789012345678901, "x": {"a": [1]}}', '{ "text":null }']
    run(write(tmp_path, "a.jsonl", "\n".join(lines)), tmp_path / "out.jsonl")
    first, second = (tmp_path / "out.jsonl").read_text().splitlines()
    assert first.startswith(lines[0][:-1] + ', "frames": "flood", ')
    assert second.startswith('{ "text":null, "frames": "", ')
    assert json.loads(first)["p_flood"] == 0.9
    assert json.loads(second)["p_flood"] == 0.0312


def test_a_row_with_a_late_key_that_is_ours_or_has_no_column_is_refused(tmp_path: Path) -> None:
    head = '{"text": "flood"}\n' * 1000
    path = write(tmp_path, "a.jsonl", head + '{"text": "b", "frames": 1}\n{"text": "c", "late": 1}\n')
    done = run(path, tmp_path / "out.jsonl")
    assert (done.rows_scored, done.rows_refused) == (1001, 1)
    done = run(path, tmp_path / "out.csv")
    assert (done.rows_scored, done.rows_refused) == (1000, 2)
    assert "write .jsonl to keep it" in rows_of(tmp_path / "out.csv.refused.csv")[2][1]


def test_parquet_comes_back_value_for_value(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": pa.array(["flood", None, "mayor"], pa.large_string()),
            "at": pa.array([1, None, 3], pa.timestamp("ns", "UTC")),
            "nested": [[{"a": 1}], None, []],
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
        }
    )
    pq.write_table(table.replace_schema_metadata({"k": "v"}), tmp_path / "a.parquet")
    run(tmp_path / "a.parquet", tmp_path / "out.parquet")
    back = pq.read_table(tmp_path / "out.parquet")
    assert back.select(table.column_names).equals(table)
    assert back.schema.metadata[b"k"] == b"v"
    assert back.column("frames").to_pylist() == ["flood", "", "mayor"]
    assert back.schema.field("p_flood").type == pa.float32()
    run(tmp_path / "a.parquet", tmp_path / "out.csv", columns="short")
    assert rows_of(tmp_path / "out.csv")[1][:4] == ["flood", "1970-01-01 00:00:00.000000001Z", '[{"a": 1}]', "x"]


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_comes_back_value_for_value(tmp_path: Path, kind: str) -> None:
    table = pa.table({"text": ["flood", None, "mayor"], "at": pa.array([1, None, 3], pa.timestamp("ns", "UTC"))})
    opened = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with opened(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    run(tmp_path / "a.arrow", tmp_path / "out.feather")
    back = pa.ipc.open_file(str(tmp_path / "out.feather")).read_all()
    assert back.select(table.column_names).equals(table)
    assert back.column("frames").to_pylist() == ["flood", "", "mayor"]


def test_an_old_or_truncated_arrow_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="version 1"):
        run(write(tmp_path, "a.feather", b"FEA1" + b"x" * 90), tmp_path / "out.csv")
    with pytest.raises(UserError, match="damaged or cut off"):
        run(write(tmp_path, "b.arrow", b"ARROW1\0\0" + b"x" * 90), tmp_path / "out.csv")


def test_a_workbook_becomes_csv_and_is_never_written(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["id", "text"], [1, "flood"]):
        book.worksheets[0].append(row)
    book.save(tmp_path / "a.xlsx")
    run(tmp_path / "a.xlsx", tmp_path / "out.csv")
    assert rows_of(tmp_path / "out.csv")[1][:3] == ["1", "flood", "flood"]
    with pytest.raises(UserError, match=r"write \.csv or \.parquet"):
        run(tmp_path / "a.xlsx", tmp_path / "out.xlsx")


@pytest.mark.parametrize("name", ["out.csv.gz", "out.tsv.zst", "out.jsonl.gz"])
def test_compressed_output_is_read_back(tmp_path: Path, name: str) -> None:
    run(write(tmp_path, "a.csv", "id,text\n1,flood\n"), tmp_path / name)
    assert next(open_table(tmp_path / name).batches()).texts == ["flood"]
    if name.endswith("csv.gz"):
        first = (tmp_path / name).read_bytes()
        run(tmp_path / "a.csv", tmp_path / name, overwrite=True)
        assert (tmp_path / name).read_bytes() == first
        assert gzip.decompress(first).startswith(b"id,text,frames")


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("a.csv", "is also an input"),
        ("none/out.csv", "there is no folder"),
        ("out.txt", "the name must end in"),
        ("out.parquet.gz", "the name must end in"),
        ("folder.csv", "not a plain file"),
    ],
)
def test_an_impossible_output_is_refused_before_any_work(tmp_path: Path, output: str, sentence: str) -> None:
    path = write(tmp_path, "a.csv", "text\nflood\n")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match=sentence):
        run(path, tmp_path / output, overwrite=True)
    assert names_in(tmp_path) == ["a.csv", "folder.csv"]


@pytest.mark.slow
def test_a_pipe_carries_the_input_format_and_nothing_else(tmp_path: Path) -> None:
    code = "score(['-'], '-', Path('model'), Options(columns='short'))"
    process = in_a_process(code, tmp_path)
    out, err = process.communicate(b"id\ttext\n1\tflood\n2\n")
    assert out.decode().splitlines() == [
        "id\ttext\tframes\tvoices\thuman\tscope\tmodel",
        "1\tflood\tflood\treports\t\t\tfake@1",
    ]
    assert err.decode() == "refused: standard input:3: 1 cell where the header has 2: '2'\n"


@pytest.mark.slow
def test_a_damaged_input_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", 50_000)
    # Cut off behind what is read to recognise the table, so that some batches are written before.
    body = "id,text\n" + "".join(f"{n},flood {n * 7919 % 10007} {n**3}\n" for n in range(80_000))
    packed = gzip.compress(body.encode())
    path = write(tmp_path, "a.csv.gz", packed[: len(packed) // 2])
    with pytest.raises(UserError, match="damaged or cut off"):
        run(path, tmp_path / "out.csv", jobs=1)
    assert names_in(tmp_path) == ["a.csv.gz"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl.zst", "out.parquet"])
def test_a_full_disk_gives_one_line_and_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    noise = "".join(f"{n},{n * 7919 % 10007} {n**3} {n**5}\n" for n in range(6000))
    write(tmp_path, "a.csv", "id,text\n" + noise)
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
    code += f"try:\n  score(['a.csv'], {name!r}, Path('model'), Options(jobs=1))\n"
    code += "except UserError as error:\n  sys.exit(str(error))\n"
    process = in_a_process(code, tmp_path)
    assert process.communicate()[1].decode() == f"{name}: no space left; nothing was written\n"
    assert names_in(tmp_path) == ["a.csv"]


def signal_in_the_middle(
    process: "subprocess.Popen[bytes]",
    folder: Path,
    number: signal.Signals,
    send: Callable[[int, int], None] = os.kill,
) -> str:
    """Send a signal after the run has started to write its output; return its standard error."""
    deadline = time.monotonic() + 30
    while len(names_in(folder)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    assert len(names_in(folder)) == 2, "the run has not started to write"
    send(process.pid, number)
    return process.communicate(timeout=20)[1].decode()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_nothing_behind_and_says_so(tmp_path: Path, jobs: int) -> None:
    write(tmp_path, "a.csv", "id,text\n" + "1,flood\n" * 9000)
    code = f"try:\n  score(['a.csv'], 'out.csv', Path('model'), Options(jobs={jobs}))\n"
    code += "except KeyboardInterrupt as error:\n  sys.exit(str(error))\n"
    process = in_a_process(code, tmp_path, SLOW="1")
    assert signal_in_the_middle(process, tmp_path, signal.SIGINT) == "stopped; nothing was written to out.csv\n"
    assert names_in(tmp_path) == ["a.csv"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "send", "jobs"),
    [
        (signal.SIGTERM, 143, os.kill, 1),
        (signal.SIGTERM, 143, os.kill, 2),
        (signal.SIGTERM, 143, os.killpg, 2),  # a service manager signals every process
        (signal.SIGINT, 130, os.killpg, 2),  # as does a terminal
    ],
)
def test_a_terminated_command_leaves_nothing_behind_and_says_so(
    tmp_path: Path, number: signal.Signals, status: int, send: Callable[[int, int], None], jobs: int
) -> None:
    write(tmp_path, "a.csv", "id,text\n" + "1,flood\n" * 9000)
    arguments = ["narratives", "score", "a.csv", "-o", "out.csv", "--model", "model", "--jobs", str(jobs)]
    process = in_a_process(f"from narratives.cli.main import main; sys.argv = {arguments}; main()", tmp_path, SLOW="1")
    stderr = signal_in_the_middle(process, tmp_path, number, send)
    assert stderr.splitlines()[-1] == "narratives: stopped; nothing was written to out.csv"
    assert process.returncode == status
    assert names_in(tmp_path) == ["a.csv"]


def test_an_interrupt_before_the_first_batch_leaves_nothing_whatever_the_output_is_called(tmp_path, monkeypatch):
    def interrupt(self, texts, documents=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeModel, "predict_texts", interrupt)
    write(tmp_path, "a.csv", "id,text\n1,flood\n")
    with pytest.raises(ScoringInterrupted) as caught:
        score([tmp_path / "a.csv"], tmp_path / "out--resume.csv", Path("model"))
    assert not caught.value.resumable
    assert names_in(tmp_path) == ["a.csv"]


def test_a_run_can_be_cancelled_between_batches(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n" + "1,flood\n" * 5000)
    with pytest.raises(ScoringCancelled, match="nothing was written"):
        score([path], tmp_path / "out.csv", Path("model"), Options(jobs=1), should_stop=lambda: True)
    assert names_in(tmp_path) == ["a.csv"]


@pytest.mark.slow
def test_progress_ends_with_all_bytes_and_rows(tmp_path: Path) -> None:
    paths = [write(tmp_path, name, "id,text\n" + "1,flood\n" * 5000) for name in ("a.csv", "b.csv")]
    seen: list[tuple[int, int | None, int]] = []
    score(paths, tmp_path / "out.csv", Path("model"), Options(jobs=1), progress=lambda *at: seen.append(at))
    total = sum(path.stat().st_size for path in paths)
    assert seen[-1] == (total, total, 10_000)
    assert seen == sorted(seen)


@pytest.mark.slow
def test_two_threads_write_the_same_bytes_as_one(tmp_path: Path) -> None:
    words = ("flood", "mayor", "a quiet day", "bridge?")
    path = write(tmp_path, "a.csv", "id,text\n" + "".join(f"{n},{words[n % 4]}\n" for n in range(13_001)))
    for jobs in (1, 2):
        run(path, tmp_path / f"{jobs}.csv", jobs=jobs)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_the_summary_fits_a_screen_and_the_json_is_plain(tmp_path: Path) -> None:
    done = run(write(tmp_path, "a.csv", "id,text\n1,flood\n2\n"), tmp_path / "out.csv")
    assert "2 rows read = 1 scored + 1 refused, kept in" in done.summary()
    assert "  1  flood   ● reports 1\n  never: mayor, bridge" in done.summary()
    assert json.loads(json.dumps(done.as_json()))["frames"] == {"flood": 1, "mayor": 0, "bridge": 0}


def test_the_summary_counts_each_voice_and_says_what_unsettled_means(tmp_path: Path) -> None:
    done = run(write(tmp_path, "a.csv", "id,text\n1,flood\n2,mayor\n"), tmp_path / "out.csv")
    assert done.voices["flood"] == {"promotes": 0, "reports": 1, "rebuts": 0, "unsettled": 0}
    assert json.loads(json.dumps(done.as_json()))["voices"]["mayor"]["reports"] == 1
    assert UNSETTLED_MEANS not in done.summary()
    voices = {"promotes": 2, "reports": 0, "rebuts": 1, "unsettled": 1_200}
    doubtful = replace(done, frames=done.frames | {"flood": 1_203}, voices=done.voices | {"flood": voices})
    assert "  1,203  flood   ▲ promotes 2 · ▼ rebuts 1 · ◇ unsettled 1,200\n" in doubtful.summary()
    assert f"      1  mayor   ● reports 1\n  {UNSETTLED_MEANS}\n" in doubtful.summary()


def test_a_saved_model_scores_a_table(tmp_path: Path, classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_module, "load", persistence.load)
    persistence.save(classifier, tmp_path / "tiny", {}, "card")
    path = write(tmp_path, "a.csv", 'text\nWake up: the dam breaks and the river rises!\n""\n')
    done = score([path], tmp_path / "out.csv", tmp_path / "tiny")
    assert done.model.startswith("tiny@")
    scored = read_all(tmp_path / "out.csv")
    assert scored["frames"] == ["flood", ""]
    assert [name for name in scored if name.startswith("p_")] == [f"p_{frame}" for frame in classifier.frames]


CELLS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ['"', '""', "\r", "\n", "\0", "=1", ",", ""]
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=6))
def test_any_cells_come_back_cell_for_cell(rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([["a", "text", "c"], *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), "a.csv", written.getvalue())
        done = run(path, Path(folder) / "out.csv", text_column="text")
        assert done.rows_scored == len(rows)
        assert [row[:3] for row in rows_of(Path(folder) / "out.csv")[1:]] == rows
        assert done.rows_refused == 0
