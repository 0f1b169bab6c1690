"""Print how the code is laid out: files in a folder, import depth, lengths of functions, comments, tests.

python benchmarks/structure.py [CHECKOUT ...]     several checkouts are columns of one table
"""

import argparse
import ast
import io
import statistics
import tokenize
from collections import Counter
from functools import cache
from pathlib import Path

from tabulate import tabulate

ROOT = Path(__file__).parent.parent
LONG = 40  # lines of a function


def modules(package: Path) -> dict[str, ast.Module]:
    """Return the parsed modules of a package by their dotted names."""
    paths = {path.relative_to(package.parent).with_suffix(""): path for path in sorted(package.rglob("*.py"))}
    return {
        ".".join(name.parts).removesuffix(".__init__"): ast.parse(path.read_text(encoding="utf-8"))
        for name, path in paths.items()
    }


def imports(tree: ast.Module, known: dict[str, ast.Module]) -> set[str]:
    """Return the modules of the package that a module imports, but for what only the type checker reads."""
    typed = {id(inner) for node in ast.walk(tree) if _for_types(node) for inner in ast.walk(node)}
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in typed:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in names if name in known}


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def import_depth(trees: dict[str, ast.Module]) -> int:
    """Return the number of modules in the longest chain of imports; package files hold no code and do not count."""
    packages = {name.rsplit(".", 1)[0] for name in trees if "." in name}
    graph = {name: imports(tree, trees) - packages - {name} for name, tree in trees.items()}

    @cache
    def depth(name: str) -> int:
        return 1 + max((depth(below) for below in graph[name]), default=0)

    return max(depth(name) for name in graph)


def functions(trees: dict[str, ast.Module]) -> list[ast.FunctionDef]:
    return [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def lines_of(paths: list[Path]) -> int:
    return sum(path.read_text(encoding="utf-8").count("\n") for path in paths)


def comments(paths: list[Path]) -> int:
    """Return how many comments there are, without those that speak to a tool."""
    count = 0
    for path in paths:
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline)
        count += sum(
            token.type == tokenize.COMMENT and not token.string.startswith(("# noqa", "# type:")) for token in tokens
        )
    return count


def structure(checkout: Path) -> dict[str, str]:
    """Return the figures of one checkout, as they are printed."""
    package = checkout / "narratives"
    paths, trees = sorted(package.rglob("*.py")), modules(package)
    lengths = [(node.end_lineno or 0) - node.lineno + 1 for node in functions(trees)]
    named = [node.name for node in functions(trees) if not node.name.startswith("__")]
    private = sum(name.startswith("_") for name in named)
    code, tests = lines_of(paths), lines_of(sorted((checkout / "tests").rglob("*.py")))
    return {
        "most Python files in one folder": str(max(Counter(path.parent for path in paths).values())),
        "import depth": str(import_depth(trees)),
        "median function, lines": f"{statistics.median(lengths):.0f}",
        f"functions over {LONG} lines": f"{sum(length > LONG for length in lengths) / len(lengths):.1%}",
        "private functions": f"{private / len(named):.0%}",
        "comments per 1,000 lines": f"{1000 * comments(paths) / code:.0f}",
        "tests : code": f"{tests / code:.2f}",
        "lines of code": f"{code:,}",
        "README words": f"{len((checkout / 'README.md').read_text(encoding='utf-8').split()):,}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="*", default=[ROOT])
    checkouts = parser.parse_args().checkouts
    columns = [structure(path) for path in checkouts]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    print(tabulate(rows, ["", *(path.resolve().name for path in checkouts)], disable_numparse=True))


if __name__ == "__main__":
    main()
