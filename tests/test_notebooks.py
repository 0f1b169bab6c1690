"""The notebooks run from top to bottom, show a chart, and are stored without outputs. Does not need Jupyter."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path: Path, kind: str) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


def run(path: Path) -> int:
    """Run the code cells in order, render the value that each shows, and return the number of charts."""
    namespace, charts = {"__name__": "__main__"}, 0
    for number, cell in enumerate(cells_of(path, "code"), 1):
        name = f"{path.name}, code cell {number}"  # so that a traceback names the cell
        tree = ast.parse("".join(cell["source"]), name)
        shown = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), namespace)
        if shown:
            charts += render(eval(compile(ast.Expression(shown.value), name, "eval"), namespace))
    return charts


def render(value: Any) -> bool:
    """Render ``value`` as a notebook would; return whether it is a chart. Altair checks a chart when it is rendered."""
    if hasattr(value, "to_dict") and type(value).__module__.startswith("altair."):
        value.to_dict()
        return True
    str(value)
    return False


def test_there_are_three_notebooks():
    assert [path.name[:2] for path in NOTEBOOKS] == ["1-", "2-", "3-"]


@each
def test_a_notebook_runs_in_any_folder_shows_a_chart_and_leaves_no_file(path, town, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    command = [sys.executable, "-W", "error::FutureWarning", __file__, str(path)]
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) >= 1
    assert list(folder.iterdir()) == []


@each
def test_a_notebook_is_stored_without_outputs(path):
    code = cells_of(path, "code")
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}


@each
def test_a_notebook_is_of_format_4_5_with_an_id_for_each_cell(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in ids)


@each
def test_a_notebook_names_no_absolute_path(path):
    assert not re.search(r"(?<![\w.:/])/(home|root|tmp|work|Users|mnt)/", path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    print(run(Path(sys.argv[1])))
