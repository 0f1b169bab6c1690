"""Writes scored and refused rows: checks the destination before any work, then writes both files or neither.

Refused rows go to a CSV beside the output, which exists only if a row was refused.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from narratives.errors import UserError
from narratives.files import AtomicFile, write_errors
from narratives.scoring.checkpoint import Checkpoint, part_of, remove_checkpoint
from narratives.tables.writers import OutputFormat, csv_text, finish_table, output_format


@dataclass(frozen=True)
class Destination:
    """Where a run writes.

    - ``output``: a file, None for standard output.
    - ``shape``: its format.
    - ``refused``: the file of refused rows, None for standard error.
    """

    output: Path | None
    shape: OutputFormat
    refused: Path | None

    @property
    def name(self) -> str:
        """The name of the output in messages."""
        return str(self.output or "standard output")

    def remains(self) -> str:
        """Say what a run that did not finish leaves behind."""
        return f"nothing was written to {self.output}" if self.output else "standard output is not complete"


def choose_destination(output: str, piped: OutputFormat, delimiter: str, refused: Path | None) -> Destination:
    """Return the destination that the name of an output stands for.

    ``-`` gets the format ``piped``; a ``.csv`` gets ``delimiter``. Raises UserError for an unsupported suffix.
    """
    if output == "-":
        return Destination(None, piped, refused)
    return Destination(Path(output), output_format(Path(output), delimiter), refused or Path(f"{output}.refused.csv"))


def check_destination(destination: Destination, inputs: Sequence[str], overwrite: bool) -> None:
    """Check that both files can be written.

    Raises UserError if one cannot, if it exists (unless ``overwrite``) or if it is one of the inputs.
    """
    if destination.output and destination.refused and destination.output.resolve() == destination.refused.resolve():
        raise UserError(
            f"{destination.refused}: refused rows and the output need two files; name another file with --refused"
        )
    for path in (destination.output, destination.refused):
        if path:
            _check_folder(path)
            _check_existing(path, inputs, overwrite)


def _check_folder(path: Path) -> None:
    folder = path.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{path}: there is no folder {folder}; create it or name another output")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: the folder {folder} is not writable; name another output")


def _check_existing(path: Path, inputs: Sequence[str], overwrite: bool) -> None:
    if not path.exists():
        return
    if any(Path(name).exists() and path.samefile(name) for name in inputs if name != "-"):
        raise UserError(f"{path} is also an input; name another output")
    if not path.is_file():
        raise UserError(f"{path} exists and is not a plain file; name another output, or - for standard output")
    if not overwrite:
        raise UserError(f"{path} exists; name another output, or replace it with --force")


class OutputWriter:
    """Writes scored and refused rows to part files; ``commit`` gives the files their names.

    With ``begun``, the state of an unfinished run, it appends to what that run wrote.
    """

    def __init__(self, destination: Destination, head: bytes, with_file: bool, begun: Checkpoint | None = None) -> None:
        self._destination = destination
        self._header = ("file", "line", "reason", "raw") if with_file else ("line", "reason", "raw")
        self._refused: AtomicFile | None = None
        self._file = self._opened(destination.output, "part", begun.output if begun else 0)
        try:
            if begun is None:
                self.write(head)
            elif begun.refused:
                self._refused = self._opened(destination.refused, "refused", begun.refused)
        except BaseException:
            self.discard()
            raise

    def _opened(self, path: Path | None, what: str, kept: int) -> AtomicFile:
        return AtomicFile(path, part_of(self._destination.output, what) if self._destination.output else None, kept)

    def write(self, rendered: bytes) -> None:
        """Write rows that a ``Renderer`` encoded."""
        with write_errors(self._destination.output):
            self._file.file.write(rendered)

    def refuse(self, file: str, line: int, reason: str, raw: str) -> None:
        """Write a refused row."""
        if self._destination.refused is None:
            print(f"refused: {file}:{line}: {reason}: {raw!r}", file=sys.stderr)
            return
        rows = [(file, str(line), reason, raw)[-len(self._header) :]]
        if self._refused is None:
            self._refused = self._opened(self._destination.refused, "refused", 0)
            rows.insert(0, self._header)
        with write_errors(self._destination.refused):
            self._refused.file.write(csv_text(rows, ",").encode("utf-8", "backslashreplace"))

    def positions(self) -> tuple[int, int]:
        """Return how many bytes each of the two files has, those in its buffer included."""
        return self._file.file.tell(), self._refused.file.tell() if self._refused else 0

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        for file in (self._file, self._refused):
            if file:
                file.flush()

    def commit(self) -> Path | None:
        """Finish both files, then name them; return the file of refused rows, None if none was refused.

        A file of refused rows that an earlier run left is removed: it would be taken for this run's.
        """
        file = self._file
        if self._destination.shape.format in ("Parquet", "Arrow"):
            file = AtomicFile(self._destination.output)
            try:
                finish_table(self._file, file, self._destination.shape)
            except BaseException:
                file.discard()
                raise
        file.finish()
        if self._refused:
            self._refused.finish()
            self._refused.place()
        file.place()
        if self._refused is None and self._destination.output and self._destination.refused:
            self._destination.refused.unlink(missing_ok=True)
        return self._destination.refused if self._refused else None

    def suspend(self) -> None:
        """Close both files and leave them as they are, for a run that resumes."""
        for file in (self._file, self._refused):
            if file:
                file.suspend()

    def discard(self) -> None:
        """Remove both files and the checkpoint."""
        for file in (self._file, self._refused):
            if file:
                file.discard()
        if self._destination.output:
            remove_checkpoint(self._destination.output)
