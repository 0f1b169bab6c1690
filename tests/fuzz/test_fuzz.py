"""Damaged tables of all formats: no traceback, no end of the process, no hang, no lost row."""

from random import Random

import pytest

from fuzz.fuzzer import check, fuzz, write_input
from fuzz.mutations import VALID


@pytest.mark.slow
def test_damaged_tables_are_read_or_refused_in_one_sentence():
    report = fuzz(20, seed=17, most=1500)
    assert report.failures == []
    assert report.inputs > 100
    assert 0 < report.refused < report.inputs


@pytest.mark.parametrize("name", VALID)
def test_tables_that_are_not_damaged_are_read(tmp_path, name):
    VALID[name](tmp_path / name)
    assert check(tmp_path / name)


# Two whose description of a column ended the process, and one whose end says more rows than there are.
@pytest.mark.parametrize(("name", "found"), [("a.parquet", 3369), ("plain.parquet", 4885), ("plain.parquet", 4690)])
def test_what_the_fuzzer_found_is_refused(tmp_path, name, found):
    write_input(tmp_path / name, name, Random(f"1:{found}"))
    assert not check(tmp_path / name)
