"""Compiles ahead what a first large table would otherwise wait for."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from narratives.scoring.batch_scorer import SMALL_ROWS, Options
from narratives.scoring.score import score

# What is read from cells with doubled quotes is compiled on its own. Two columns, because a table of one has no
# delimiter, and its output is not written by compiled code.
_TABLES = {
    "tables": "1,The choir sings on Sunday.\n",
    "tables with quotes": '1,"The ""choir"" sings on Sunday."\n',
}


def warm(model: Path, progress: Callable[[str, float], None]) -> None:
    """Score small tables, so that Numba compiles what large ones need and keeps it on disk.

    ``progress`` gets what is being compiled and the share that is done. Raises UserError as ``score`` does.
    """
    with tempfile.TemporaryDirectory(prefix="narratives-") as folder:
        table = Path(folder) / "table.csv"
        for number, (name, row) in enumerate(_TABLES.items()):
            progress(f"compiling for {name}", number / len(_TABLES))
            table.write_text("id,text\n" + row * (SMALL_ROWS + 1), encoding="utf-8")
            score([table], Path(folder) / "scored.csv", model, Options(overwrite=True))
    progress("compiled", 1.0)
