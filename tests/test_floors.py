"""Imports go down only: each module may import from floors below its own, so that no cycle can exist."""

import ast
from pathlib import Path

import pytest

import narratives

PACKAGE = Path(narratives.__file__).parent
FLOORS = [
    "errors",
    "codebook paragraphs places sources formats rows features columns solver csvscan",
    "signs lines sheets jsonlines csvrows outputs arrowfiles",
    "codebookfile csvblocks checkpoint",
    "destination",
    "tables",
    "labels results background",
    "queue layouts disputes labelstats merging examples agreement calibration thresholds splits model voice",
    "store exchange classifier evaluation",
    "flips comparison review team kernel",
    "modelfile card verdicts classification",
    "batchwork",
    "cluster",
    "scoring training ranking labelling measuring sheet",
    "estimator export retraining",
    "cli ui",
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names.split()}
THIRD_PARTIES = {
    "streamlit": {"ui"},
    "altair": {"ui"},
    "click": {"cli"},
    "openpyxl": {"sheets"},
    "platformdirs": {"places"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "cleanlab": {"ranking"},
    "tomlkit": {"codebookfile"},
    "numba": {"kernel", "csvscan"},
    "llvmlite": {"kernel"},
    "distributed": {"cluster"},
    "fsspec": {"sources"},
}
PARTS = ("store", "ui")  # folders that stand on a floor as one
MODULES = sorted(PACKAGE.rglob("*.py"))


def owner(path: Path) -> str:
    inside = path.relative_to(PACKAGE).parts[0]
    return inside if inside in PARTS else path.stem


def imports(path: Path) -> set[str]:
    """Return every module imported anywhere in a file, but for what only the type checker reads."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(inner) for node in ast.walk(tree) if is_for_types(node) for inner in ast.walk(node)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and id(node) not in skipped:
            found |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and id(node) not in skipped:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_floors_below(path):
    mine = owner(path)
    if mine in ("__init__", "__main__"):
        return
    parts = [name.split(".") for name in imports(path) if name.startswith("narratives.")]
    used = {part[1] for part in parts} - {"__version__"}
    assert used <= set(FLOOR), f"not on any floor: {used - set(FLOOR)}"
    above = {name for name in used if FLOOR[name] >= FLOOR[mine] and not (mine == name in PARTS)}
    assert above <= ({"ui"} if mine == "cli" else set())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_third_parties_have_floors_too(path):
    for name in imports(path):
        allowed = THIRD_PARTIES.get(name.split(".")[0])
        assert allowed is None or owner(path) in allowed
