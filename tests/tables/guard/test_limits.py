"""A small file cannot take all memory or all time: what asks for more than a limit is refused in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

from narratives.errors import UserError
from narratives.tables.guard import limits
from narratives.tables.guard.limits import RECORD, Limit
from narratives.tables.table import open_table
from tables import bombs

_READ = """
import sys
from pathlib import Path
from narratives.errors import UserError
from narratives.tables.table import open_table
try:
    table = open_table(sys.argv[1], "text")
    batches = table.quick_batches() if sys.argv[2] == "quick" else table.batches()
    print(*map(sum, zip(*((len(batch.texts), len(batch.refused)) for batch in batches))))
except UserError as error:
    print(error)
# Not by getrusage, which counts the memory of the process that started this one.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


# Only a CSV is read in two ways.
_WAYS = [(name, "strict") for name in bombs.REFUSED] + [(name, "quick") for name in bombs.REFUSED if ".csv" in name]


def read_apart(path: Path, how: str) -> tuple[str, int]:
    """Return what a process of its own says of a table, and how many megabytes it took at most."""
    run = subprocess.run(
        [sys.executable, "-c", _READ, str(path), how], capture_output=True, text=True, timeout=60, check=True
    )
    *said, megabytes = run.stdout.splitlines()
    return "\n".join(said), int(megabytes)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how"), _WAYS)
def test_a_bomb_is_refused_in_one_sentence_and_little_memory(tmp_path, monkeypatch, name, how):
    monkeypatch.setenv("NARRATIVES_MAX_UNPACKED_MB", "30")
    monkeypatch.setenv("NARRATIVES_MAX_RATIO", "50")
    make, sentence = bombs.REFUSED[name]
    make(tmp_path / name)
    said, megabytes = read_apart(tmp_path / name, how)
    with pytest.raises(UserError, match=sentence):
        raise UserError(said)
    assert name in said
    assert "\n" not in said
    assert megabytes < 1000


@pytest.mark.slow
def test_blank_lines_without_number_cost_no_memory_and_no_row(tmp_path):
    bombs.blank_lines(tmp_path / "a.csv")
    said, megabytes = read_apart(tmp_path / "a.csv", "quick")
    assert said == "2 0"
    assert megabytes < 1000


def test_a_limit_is_set_by_its_variable_and_named_in_the_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MAX_RECORD_MB", "2")
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,river\n2," + b"x" * (3 << 20) + b"\n3,choir\n")
    table = open_table(tmp_path / "a.csv")
    for batches in (table.batches, table.quick_batches):
        with pytest.raises(
            UserError, match=r"a\.csv:3: a line longer than 2 MB.* set NARRATIVES_MAX_RECORD_MB above 2"
        ):
            list(batches())
    monkeypatch.setenv("NARRATIVES_MAX_RECORD_MB", "4")
    assert [sum(len(batch.texts) for batch in read()) for read in (table.batches, table.quick_batches)] == [3, 3]


@pytest.mark.parametrize("told", ["many", "0", "-3", "1"])
def test_a_limit_that_is_no_figure_is_refused(monkeypatch, told):
    monkeypatch.setenv("NARRATIVES_MAX_RECORD_MB", told)
    with pytest.raises(UserError, match=f"NARRATIVES_MAX_RECORD_MB={told}: not a whole number from 2"):
        _ = RECORD.value


def test_a_table_of_rows_that_are_all_broken_is_read_in_pieces(tmp_path, monkeypatch):
    from narratives.tables.readers import csv_blocks

    monkeypatch.setattr(csv_blocks, "_UNSETTLED_BYTES", 1000)
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,river\n" + b'2,a"b"c"\n3,choir,x\n' * 2000 + b"4,choir\n")
    strict, quick = (
        list(read()) for read in (open_table(tmp_path / "a.csv").batches, open_table(tmp_path / "a.csv").quick_batches)
    )
    both = [[refusal for batch in batches for refusal in batch.refused] for batches in (strict, quick)]
    assert both[0] == both[1]
    assert len(quick) > 5


@pytest.mark.parametrize("limit", [held for held in vars(limits).values() if isinstance(held, Limit)])
def test_the_page_on_limits_has_each_figure_and_its_variable(limit):
    page = (Path(__file__).parents[3] / "docs" / "limits.md").read_text()
    assert any(f"| {limit.usual}" in line and f"`{limit.variable}`" in line for line in page.splitlines())
