"""Owns where scored and refused rows go: checked before any work, written together or not at all. Floor 2.

Rows that are refused go to a CSV of their own beside the output, which exists only if there is such a row.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from narratives.errors import UserError
from narratives.files import AtomicFile, write_errors
from narratives.scoring.checkpoint import Checkpoint, part_of, remove_checkpoint
from narratives.tables.writers import OutputFormat, csv_text, finish_table, shape_of


@dataclass(frozen=True)
class Destination:
    """Where the output goes (None: standard output) and in what shape; where refused rows go (None: standard error)."""

    output: Path | None
    shape: OutputFormat
    refused: Path | None

    @property
    def name(self) -> str:
        """What messages call the output."""
        return str(self.output or "standard output")

    def remains(self) -> str:
        """Say what is left behind by a run that did not end."""
        return f"nothing was written to {self.output}" if self.output else "standard output is not complete"


def choose_destination(output: str, piped: OutputFormat, delimiter: str, refused: Path | None) -> Destination:
    """Read the destination from the output's name; ``-`` takes the shape ``piped``, a ``.csv`` takes ``delimiter``.

    Raises UserError for a suffix that cannot be written.
    """
    if output == "-":
        return Destination(None, piped, refused)
    return Destination(Path(output), shape_of(Path(output), delimiter), refused or Path(f"{output}.refused.csv"))


def check_destination(place: Destination, inputs: Sequence[str], overwrite: bool) -> None:
    """Raise UserError if a file cannot be written, exists (unless ``overwrite``), or is one of the inputs."""
    if place.output and place.refused and place.output.resolve() == place.refused.resolve():
        raise UserError(f"{place.refused}: refused rows and the output need two files; name another with --refused")
    for path in (place.output, place.refused):
        if path:
            _check_folder(path)
            _check_existing(path, inputs, overwrite)


def _check_folder(path: Path) -> None:
    folder = path.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{path}: there is no folder {folder}; make it or name another output")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: the folder {folder} cannot be written to; name another output")


def _check_existing(path: Path, inputs: Sequence[str], overwrite: bool) -> None:
    if not path.exists():
        return
    if any(Path(name).exists() and path.samefile(name) for name in inputs if name != "-"):
        raise UserError(f"{path} is an input, too; name another output")
    if not path.is_file():
        raise UserError(f"{path} exists and is not a plain file; name another output, or - for standard output")
    if not overwrite:
        raise UserError(f"{path} exists; name another output, or replace it with --force")


class OutputWriter:
    """Scored and refused rows on their way to a destination; ``commit`` gives the files their names."""

    def __init__(self, place: Destination, head: bytes, with_file: bool, begun: Checkpoint | None = None) -> None:
        self._place = place
        self._header = ("file", "line", "reason", "raw") if with_file else ("line", "reason", "raw")
        self._refused: AtomicFile | None = None
        self._file = self._opened(place.output, "part", begun.output if begun else 0)
        try:
            if begun is None:
                self.write(head)
            elif begun.refused:
                self._refused = self._opened(place.refused, "refused", begun.refused)
        except BaseException:
            self.discard()
            raise

    def _opened(self, path: Path | None, what: str, kept: int) -> AtomicFile:
        return AtomicFile(path, part_of(self._place.output, what) if self._place.output else None, kept)

    def write(self, rendered: bytes) -> None:
        """Write rows that a ``Renderer`` made."""
        with write_errors(self._place.output):
            self._file.file.write(rendered)

    def refuse(self, file: str, line: int, reason: str, raw: str) -> None:
        """Keep a row that was refused."""
        if self._place.refused is None:
            print(f"refused: {file}:{line}: {reason}: {raw!r}", file=sys.stderr)
            return
        rows = [(file, str(line), reason, raw)[-len(self._header) :]]
        if self._refused is None:
            self._refused = self._opened(self._place.refused, "refused", 0)
            rows.insert(0, self._header)
        with write_errors(self._place.refused):
            self._refused.file.write(csv_text(rows, ",").encode("utf-8", "backslashreplace"))

    def sizes(self) -> tuple[int, int]:
        """Bring what was written out of this process; return the bytes of both files."""
        return self._file.size(), self._refused.size() if self._refused else 0

    def commit(self) -> Path | None:
        """Finish both files, then name them; a refused file of an earlier run goes. Return where refused rows are."""
        file = self._file
        if self._place.shape.format in ("Parquet", "Arrow"):
            file = AtomicFile(self._place.output)
            try:
                finish_table(self._file, file, self._place.shape)
            except BaseException:
                file.discard()
                raise
        file.finish()
        if self._refused:
            self._refused.finish()
            self._refused.place()
        file.place()
        if self._refused is None and self._place.output and self._place.refused:
            self._place.refused.unlink(missing_ok=True)
        return self._place.refused if self._refused else None

    def suspend(self) -> None:
        """Leave both files as they are, to be gone on with."""
        for file in (self._file, self._refused):
            if file:
                file.suspend()

    def discard(self) -> None:
        """Remove what was written."""
        for file in (self._file, self._refused):
            if file:
                file.discard()
        if self._place.output:
            remove_checkpoint(self._place.output)
