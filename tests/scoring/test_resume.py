"""A killed or interrupted run resumes where it stopped and writes the same bytes; with a real model and processes."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from forked import LETTERS_ONCE, Forked, fork
from narratives.errors import UserError
from narratives.model import persistence
from narratives.scoring.batch_scorer import Options
from narratives.scoring.checkpoint import part_of
from narratives.scoring.output import OutputWriter
from narratives.scoring.score import score

pytestmark = pytest.mark.slow
LOADED = f"""
import narratives.cli.score, narratives.kernel.kernel, narratives.scoring.score, narratives.tables.table
{LETTERS_ONCE}
"""
SMALL_BLOCK = 50_000  # bytes of a batch
SENTENCES = ("The dam breaks and the river rises!", "A quiet day.", 'Who says ""flood""?', "The mayor lies.\nAnd lies.")


@pytest.fixture(scope="module")
def model(tmp_path_factory, classifier, letters_once):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    persistence.save(classifier, folder, {}, "card")
    return folder


def table(path: Path, rows: int, longer: int = 1) -> Path:
    lines = (f'{number:06},"{SENTENCES[number % 4] * longer} {number * 7919 % 10007}"\n' for number in range(rows))
    path.write_text("id,text\n" + "".join(lines) + "bad\n", encoding="utf-8")
    return path


def started(folder: Path, model: Path, output: str, seconds: float) -> Forked:
    """Start or resume a run that makes a checkpoint every few seconds, after every batch for 0."""
    arguments = ["narratives", "score", "a.csv", "-o", output, "--model", str(model), "--resume"]
    code = "import sys; from narratives.cli.main import main; from narratives.scoring import score; "
    code += f"from narratives.tables.readers import csv_blocks; csv_blocks.BLOCK = {SMALL_BLOCK}; "
    code += f"score.CHECKPOINT_SECONDS = {seconds}; sys.argv = {arguments!r}; main()"
    return fork(code, LOADED, folder, folder / "printed")


def batches_done(output: Path) -> int:
    state = part_of(output, "state")
    return json.loads(state.read_text())["batches"] if state.exists() else 0


def wait_for_more(output: Path, than: int) -> None:
    deadline = time.monotonic() + 60
    while batches_done(output) <= than and not output.exists():
        assert time.monotonic() < deadline, "the run makes no progress"
        time.sleep(0.01)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_after_ten_kills_at_random_moments_the_output_is_the_same(tmp_path, model, monkeypatch):
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", SMALL_BLOCK)
    path, output = table(tmp_path / "a.csv", 40_000, longer=8), tmp_path / "out.csv"
    whole = score([path], tmp_path / "whole.csv", model, Options())
    moments, done = random.Random(6), [0]
    for _ in range(10):
        process = started(tmp_path, model, "out.csv", seconds=0)
        wait_for_more(output, than=done[-1])
        time.sleep(moments.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        done.append(batches_done(output))
    assert not output.exists(), "the run ended before the tenth kill; give it more rows"
    assert done == sorted(set(done)), "a run did not resume where the one before it stopped"
    started(tmp_path, model, "out.csv", seconds=1).wait(120)
    printed = tmp_path / "printed"
    assert "40,001 rows read = 40,000 scored + 1 refused" in printed.read_text()
    printed.unlink()
    assert whole.rows_refused == 1
    for name in ("out.csv", "out.csv.refused.csv"):
        assert (tmp_path / name).read_bytes() == (tmp_path / name.replace("out", "whole")).read_bytes()
    assert names_in(tmp_path) == {"a.csv"} | {f"{n}.csv{r}" for n in ("out", "whole") for r in ("", ".refused.csv")}


def interrupt_after(batches: int):
    """Return a progress callback that raises KeyboardInterrupt after a number of batches, as Ctrl-C does."""
    calls = iter(range(batches))

    def progress(done: int, total: int | None, rows: int) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl.zst", "out.tsv.bz2", "out.parquet", "out.arrow"])
@pytest.mark.parametrize("source", ["a.csv", "a.jsonl"])
def test_an_interrupted_run_says_how_to_resume_and_then_writes_the_same_bytes(
    tmp_path, model, name, source, monkeypatch
):
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", SMALL_BLOCK)
    path = table(tmp_path / "a.csv", 9000)
    if source == "a.jsonl":
        path = tmp_path / "a.jsonl"
        path.write_text("".join(f'{{"id": {n}, "text": "{SENTENCES[n % 2]}"}}\n' for n in range(9000)) + "no\n")
    score([path], tmp_path / f"whole.{name}", model, Options())
    with pytest.raises(KeyboardInterrupt, match=r"stopped after [\d,]+ rows; .* --resume"):
        score([path], tmp_path / name, model, Options(), progress=interrupt_after(2))
    assert not (tmp_path / name).exists()
    seen: list[int] = []
    done = score([path], tmp_path / name, model, Options(resume=True), progress=lambda *at: seen.append(at[2]))
    assert seen[0] > 2000, "it started from the beginning"
    assert (done.rows_read, done.rows_refused) == (9001, 1)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole.{name}").read_bytes()
    assert not [path for path in names_in(tmp_path) if path.startswith(".")]


def test_an_unfinished_run_of_something_else_is_not_resumed(tmp_path, model):
    path = table(tmp_path / "a.csv", 2000)
    with pytest.raises(KeyboardInterrupt):
        score([path], tmp_path / "out.csv", model, Options(), progress=interrupt_after(0))
    with pytest.raises(UserError, match="other inputs, options or another model"):
        score([path], tmp_path / "out.csv", model, Options(resume=True, columns="short"))
    os.utime(path, (1, 1))
    with pytest.raises(UserError, match="an input has changed since"):
        score([path], tmp_path / "out.csv", model, Options(resume=True))
    score([path], tmp_path / "out.csv", model, Options())
    assert names_in(tmp_path) == {"a.csv", "out.csv", "out.csv.refused.csv"}


def test_without_an_unfinished_run_resume_starts_from_the_beginning(tmp_path, model):
    path = table(tmp_path / "a.csv", 10)
    assert score([path], tmp_path / "out.csv", model, Options(resume=True)).rows_read == 11


def test_a_run_to_standard_output_cannot_be_resumed(tmp_path, model):
    with pytest.raises(UserError, match="--resume"):
        score([table(tmp_path / "a.csv", 3)], "-", model, Options(resume=True))


def test_two_runs_cannot_write_the_same_output(tmp_path, model):
    path = table(tmp_path / "a.csv", 10)

    def again(*at: int) -> None:
        with pytest.raises(UserError, match="another run is writing it"):
            score([path], tmp_path / "out.csv", model, Options())

    score([path], tmp_path / "out.csv", model, Options(), progress=again)
    assert not part_of(tmp_path / "out.csv", "part").exists()


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.zst"])
def test_an_interrupt_in_the_middle_of_a_write_repeats_no_row(tmp_path, model, monkeypatch, name):
    path = table(tmp_path / "a.csv", 10_000)
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", SMALL_BLOCK)
    score([path], tmp_path / f"whole-{name}", model)
    write, calls = OutputWriter.write, []

    def interrupted(self, rendered):
        write(self, rendered)
        calls.append(rendered)
        if len(calls) == 4:  # the head and three batches, of which the last is not counted yet
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(OutputWriter, "write", interrupted)
        with pytest.raises(KeyboardInterrupt, match="--resume"):
            score([path], tmp_path / name, model)
    done = score([path], tmp_path / name, model, Options(resume=True))
    assert done.complete
    for rest in ("", ".refused.csv"):
        whole, resumed = (tmp_path / f"{prefix}{name}{rest}" for prefix in ("whole-", ""))
        assert resumed.read_bytes() == whole.read_bytes()


def stopped(folder: Path, model: Path, name: str) -> tuple[Path, Path]:
    """Interrupt a run with scored and refused rows; return its input and its output."""
    path, output = table(folder / "a.csv", 9000), folder / name
    path.write_text("id,text\nbad\n" + path.read_text(encoding="utf-8").removeprefix("id,text\n"), encoding="utf-8")
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        score([path], output, model, Options(), progress=interrupt_after(2))
    return path, output


@pytest.mark.parametrize("what", ["part", "refused"])
@pytest.mark.parametrize("left", [0, 1, -1, None])
def test_a_part_file_that_lost_rows_is_one_sentence_and_grows_no_nuls(tmp_path, model, monkeypatch, what, left):
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", SMALL_BLOCK)
    path, output = stopped(tmp_path, model, "out.csv")
    part = part_of(output, what)
    if left is None:
        part.unlink()
    else:
        expected = json.loads(part_of(output, "state").read_text())["output" if what == "part" else "refused"]
        os.truncate(part, left % expected)
    with pytest.raises(UserError, match=r"bytes are left of the [\d,]+ that the unfinished run had written; score wit"):
        score([path], output, model, Options(resume=True))
    score([path], output, model, Options())
    assert b"\x00" not in output.read_bytes()


@pytest.mark.parametrize("place", [20, -20])
def test_an_input_with_other_rows_and_the_same_size_and_time_is_not_resumed(tmp_path, model, monkeypatch, place):
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", SMALL_BLOCK)
    path, output = stopped(tmp_path, model, "out.csv")
    status, content = path.stat(), bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(UserError, match="an input has changed since"):
        score([path], output, model, Options(resume=True))


@pytest.mark.parametrize(
    "state",
    ["", "[" * 100_000, "[]", "{}", '{"made_of": "", "batches": "2", "output": 1, "refused": 0, "counts": {}}'],
)
def test_a_state_that_is_none_is_one_sentence(tmp_path, model, monkeypatch, state):
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", SMALL_BLOCK)
    path, output = stopped(tmp_path, model, "out.csv")
    part_of(output, "state").write_text(state)
    with pytest.raises(UserError, match="not the state of an unfinished run; score without --resume"):
        score([path], output, model, Options(resume=True))


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.zst", "out.parquet"])
def test_after_a_power_cut_that_drops_what_was_not_synced_the_output_is_the_same(tmp_path, model, monkeypatch, name):
    monkeypatch.setattr("narratives.tables.readers.csv_blocks.BLOCK", SMALL_BLOCK)
    synced: dict[int, bytes] = {}
    fsync = os.fsync

    def remembering(descriptor: int) -> None:
        fsync(descriptor)
        file = Path(f"/proc/self/fd/{descriptor}").resolve()
        if file.is_file():
            synced[file.stat().st_ino] = file.read_bytes()

    monkeypatch.setattr(os, "fsync", remembering)
    path, output = stopped(tmp_path, model, name)
    for what in ("part", "refused", "state"):
        file = part_of(output, what)
        file.write_bytes(synced.get(file.stat().st_ino, b""))
    done = score([path], output, model, Options(resume=True))
    assert done.complete
    score([path], tmp_path / f"whole-{name}", model)
    for rest in ("", ".refused.csv"):
        assert (tmp_path / f"{name}{rest}").read_bytes() == (tmp_path / f"whole-{name}{rest}").read_bytes()
