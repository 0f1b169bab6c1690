"""What large tables need is compiled ahead, and then nothing is compiled in front of a user."""

import os
import subprocess
import sys

import pytest

from narratives.model.persistence import save
from narratives.scoring import warming
from narratives.scoring.batch_scorer import SMALL_ROWS
from narratives.tables.table import read_head


def test_it_scores_tables_that_are_large_enough_for_compiled_code_and_says_what_it_does(monkeypatch, tmp_path):
    tables, told = [], []

    def scored(inputs, output, model, options):
        batches = list(read_head(str(inputs[0])).with_text_column().batches())
        tables.append((sum(len(batch.texts) for batch in batches), '""' in inputs[0].read_text()))

    monkeypatch.setattr(warming, "score", scored)
    warming.warm(tmp_path, lambda step, share: told.append((step, share)))
    assert [quoted for _, quoted in tables] == [False, True]
    assert all(rows > SMALL_ROWS for rows, _ in tables)
    assert told == [("compiling for tables", 0.0), ("compiling for tables with quotes", 0.5), ("compiled", 1.0)]


@pytest.mark.slow
def test_after_it_a_large_table_compiles_nothing(classifier, tmp_path):
    save(classifier, tmp_path / "model", {}, "card")
    table = tmp_path / "a.csv"
    table.write_text("id,text\n" + "".join(f'{n},"The ""dam"" breaks, {n}."\n{n},a day {n}\n' for n in range(2000)))

    def run(*words):
        command = [sys.executable, "-m", "narratives", *words, "--model", str(tmp_path / "model")]
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "code")}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=tmp_path)

    assert "compiled in " in run("warm").stderr
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "code").rglob("*.nb?")}
    assert len(kept) > 10
    run("score", str(table), "-o", str(tmp_path / "scored.csv"))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "code").rglob("*.nb?")} == kept
