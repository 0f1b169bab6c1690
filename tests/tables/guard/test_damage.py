"""A damaged file never gives a traceback: whatever a library raises over it becomes one sentence."""

import sys
from pathlib import Path
from random import Random

import pytest

from fuzz.mutations import VALID, damaged
from narratives.errors import UserError
from narratives.tables.guard.damage import damage_refused
from narratives.tables.table import open_table

# Over a damaged Arrow file the process could end; the fuzzer reads those in a process of its own.
SAFE = [name for name in VALID if not name.endswith(".arrow")]


def read(path: Path) -> str:
    """Read a table to its end and return what is said of it if it cannot be read."""
    try:
        for batch in open_table(path, "text").batches():
            batch.rows.cells()
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("name", SAFE)
def test_a_table_that_is_damaged_anywhere_is_read_or_refused_in_one_sentence(tmp_path, name):
    path, random = tmp_path / name, Random(17)
    VALID[name](path)
    whole = path.read_bytes()
    assert read(path) == ""
    for _ in range(60):
        path.write_bytes(damaged(whole, random))
        said = read(path)
        assert "\n" not in said
        assert not said or name in said


@pytest.mark.parametrize("error", [TypeError("a\x1b[31m\nb"), IndexError(), SystemError("x"), NotImplementedError("y")])
def test_what_a_library_raises_is_a_sentence_without_control_characters(error):
    with (
        pytest.raises(UserError, match=r"a.xlsx: not a readable XLSX workbook \(.+\); save it again") as refused,
        damage_refused("a.xlsx", "XLSX"),
    ):
        raise error
    assert str(refused.value).isprintable()


def test_what_is_refused_already_keeps_its_sentence():
    with pytest.raises(UserError, match=r"^the sentence$"), damage_refused("a.xlsx", "XLSX"):
        raise UserError("the sentence")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_damaged_packed_files_leave_no_memory_behind(tmp_path):
    path = tmp_path / "a.csv.gz"
    VALID[path.name](path)
    path.write_bytes(path.read_bytes()[:-20])
    sizes = []
    for _ in range(60):
        assert "damaged or cut off" in read(path)
        sizes.append(int(Path("/proc/self/statm").read_text().split()[0]) * 4 // 1024)
    assert sizes[-1] - sizes[9] < 20  # megabytes
