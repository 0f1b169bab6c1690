"""Keeps what an unfinished run needs to be resumed: two part files beside the output, and their state.

The state is a small JSON file: what decides the output, how many batches are done, how long the part files are then,
and what was counted. Resuming cuts the part files to those lengths.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.files import atomic_write, write_errors
from narratives.tables.sources import is_url
from narratives.version import __version__

_PARTS = ("part", "refused")  # the files with scored and with refused rows
_BLOCK = 1 << 16  # bytes of an input's beginning and end that tell it from another


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run.

    - ``made_of``: a hash of what decides the output.
    - ``batches``: how many are done.
    - ``output``, ``refused``: how many bytes of each part file belong to those batches.
    - ``counts``: what the run counted in them.
    """

    made_of: str
    batches: int
    output: int
    refused: int
    counts: dict[str, Any]


def part_of(output: Path, what: str) -> Path:
    """Return the path of a file that an unfinished run keeps beside ``output``."""
    target = output.resolve()
    return target.with_name(f".{target.name}.narratives-{what}")


def made_of(inputs: Sequence[str], model: str, options: Mapping[str, Any]) -> str:
    """Return a hash of what decides the output: the input files, the model, the options and this version."""
    files = [_identity(path) for path in inputs if path != "-"]
    parts = json.dumps([files, model, {key: str(value) for key, value in sorted(options.items())}, __version__])
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def _identity(path: str) -> tuple[str, int, int, str]:
    if is_url(path):
        return path, 0, 0, ""
    status = Path(path).stat()
    return str(Path(path).resolve()), status.st_size, status.st_mtime_ns, _hash_of_ends(Path(path), status.st_size)


def _hash_of_ends(path: Path, size: int) -> str:
    """Return a hash of the first and the last block of a file: a copy may restore the time of another file."""
    if not path.is_file():
        return ""  # reading would take its bytes from a pipe
    with path.open("rb") as file:
        first = file.read(_BLOCK)
        file.seek(max(0, size - _BLOCK))
        return hashlib.sha256(first + file.read(_BLOCK)).hexdigest()


def write_checkpoint(output: Path, checkpoint: Checkpoint) -> None:
    """Write the state of a run, whole or not at all; when it returns, a power cut undoes nothing of it."""
    # The rows go to the disk before the state that counts them: the other way round, a power cut could leave a state
    # that vouches for rows that are gone.
    for what in _PARTS:
        _sync(part_of(output, what))
    # The fixed name keeps a run that is killed from leaving many drafts.
    with atomic_write(part_of(output, "state"), part_of(output, "state-new")) as file:
        file.write(json.dumps(asdict(checkpoint)).encode())


def _sync(path: Path) -> None:
    """Wait until what was written to a part file is on the disk; nothing if there is no such file."""
    with write_errors(path), suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_checkpoint(output: Path, wanted: str) -> Checkpoint | None:
    """Return the state of an unfinished run, None if there is none.

    Raises UserError if the state is not readable, if ``wanted``, the hash of this run, is not that of the state, and if
    a part file is shorter than the state says.
    """
    path = part_of(output, "state")
    try:
        checkpoint = _checked(Checkpoint(**json.loads(path.read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError):
        raise UserError(f"{path}: not the state of an unfinished run; score without --resume to start again") from None
    if checkpoint.made_of != wanted:
        raise UserError(
            f"{output}: the unfinished run had other inputs, options or another model, or an input has changed since; "
            "score without --resume to start again"
        )
    for what, expected in zip(_PARTS, (checkpoint.output, checkpoint.refused), strict=True):
        _check_length(output, what, expected)
    return checkpoint


def _checked(checkpoint: Checkpoint) -> Checkpoint:
    """Return the checkpoint. Raises TypeError or ValueError if a field is not what a run writes there."""
    numbers = checkpoint.batches, checkpoint.output, checkpoint.refused
    if not all(type(number) is int for number in numbers) or not isinstance(checkpoint.counts, dict):
        raise TypeError("not the fields of a checkpoint")
    if min(numbers) < 0:
        raise ValueError("a negative number")
    return checkpoint


def _check_length(output: Path, what: str, expected: int) -> None:
    """Raise UserError if a part file lost rows that the state counts, as after a power cut; growing would add NULs."""
    path = part_of(output, what)
    length = path.stat().st_size if path.exists() else 0
    if length < expected:
        raise UserError(
            f"{path}: {length:,} bytes are left of the {expected:,} that the unfinished run had written; score without "
            "--resume to start again"
        )


def remove_checkpoint(output: Path) -> None:
    """Remove the state of a run that is finished or discarded."""
    for what in ("state", "state-new"):
        part_of(output, what).unlink(missing_ok=True)
