"""A file that ends the process or takes all memory is a sentence, and the process that asks goes on."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.mutations import VALID, write_arrow
from narratives.errors import UserError
from narratives.tables.guard import child
from narratives.tables.guard.child import survey_apart
from narratives.tables.guard.survey import Survey
from narratives.tables.table import open_table
from tables import bombs


def apart(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let the process that reads a table run this instead."""
    run = subprocess.run
    monkeypatch.setattr(child.subprocess, "run", lambda command, **more: run([sys.executable, "-c", code], **more))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.xlsx"])
def test_a_table_is_read_apart_as_it_is_here(tmp_path, name):
    VALID[name](tmp_path / name)
    found = survey_apart(tmp_path / name)
    first, *others = open_table(tmp_path / name).batches()
    assert isinstance(found, Survey)
    assert (found.good, found.refused) == (len(first.texts) + sum(len(batch.texts) for batch in others), 0)
    assert found.first_rows == first.rows.cells()[:5]


def test_a_process_that_crashes_is_a_sentence(tmp_path, monkeypatch):
    apart(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(UserError, match=r"a.arrow: reading it ended the process that did so \(SIGSEGV\)"):
        survey_apart(tmp_path / "a.arrow")


@pytest.mark.slow
def test_a_process_that_does_not_end_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MAX_READ_SECONDS", "1")
    apart(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(UserError, match=r"a\.xlsx: not read to its end in 1 seconds; .* NARRATIVES_MAX_READ_SECONDS"):
        survey_apart(tmp_path / "a.xlsx")


@pytest.mark.slow
def test_a_file_that_takes_more_memory_than_its_limit_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MAX_READ_MB", "100")
    monkeypatch.setenv("NARRATIVES_MAX_RECORD_MB", "1000")
    bombs.parquet_cell(tmp_path / "a.parquet")
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(UserError, match=r"a\.parquet: it takes more memory to read than there is"):
        survey_apart(tmp_path / "a.parquet")
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def with_wild_offsets(path: Path) -> None:
    """Write an Arrow file whose texts point far out of the file."""
    write_arrow(path)
    data = path.read_bytes()
    offsets = b"\x16\x00\x00\x00"  # the end of the first text, and the start of the second
    at = data.index(b"\x00\x00\x00\x00" + offsets)
    path.write_bytes(data[: at + 4] + b"\xff\xff\xff\x6f" + data[at + 8 :])


def test_texts_that_point_out_of_the_file_are_refused_before_they_are_read(tmp_path):
    with_wild_offsets(tmp_path / "a.arrow")
    with pytest.raises(UserError, match=r"a\.arrow: the Arrow file is damaged or cut off"):
        list(open_table(tmp_path / "a.arrow", "text").batches())


def test_a_cell_beside_the_text_that_is_not_utf_8_costs_its_row_only(tmp_path):
    VALID["a.arrow"](tmp_path / "a.arrow")
    data = (tmp_path / "a.arrow").read_bytes()
    (tmp_path / "a.arrow").write_bytes(data.replace(b"2024-03-01", b"2024-03-\xff1", 1))
    batches = list(open_table(tmp_path / "a.arrow", "text").batches())
    assert [(refusal.line, refusal.reason) for batch in batches for refusal in batch.refused] == [
        (1, "byte 0xff is not UTF-8")
    ]
    assert sum(len(batch.rows.cells()) for batch in batches) == 39
