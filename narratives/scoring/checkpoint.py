"""Keeps what an unfinished run needs to be resumed: two part files beside the output, and their state.

The state is a small JSON file: what decides the output, how many batches are done, how long the part files are then,
and what was counted. Resuming cuts the part files to those lengths.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.files import atomic_write
from narratives.tables.sources import is_url
from narratives.version import __version__


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


def _identity(path: str) -> tuple[str, int, int]:
    if is_url(path):
        return path, 0, 0
    status = Path(path).stat()
    return str(Path(path).resolve()), status.st_size, status.st_mtime_ns


def write_checkpoint(output: Path, checkpoint: Checkpoint) -> None:
    """Write the state of a run, whole or not at all."""
    # Written several times a second, so without fsync: after a power cut the state may be old or unreadable, and then
    # some batches, or all, are scored again. The fixed name keeps a run that is killed from leaving many drafts.
    with atomic_write(part_of(output, "state"), part_of(output, "state-new"), sync=False) as file:
        file.write(json.dumps(asdict(checkpoint)).encode())


def read_checkpoint(output: Path, wanted: str) -> Checkpoint | None:
    """Return the state of an unfinished run, None if there is none.

    Raises UserError if the state is not readable, and if ``wanted``, the hash of this run, is not that of the state.
    """
    path = part_of(output, "state")
    try:
        checkpoint = Checkpoint(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise UserError(f"{path}: not the state of an unfinished run; score without --resume to start again") from None
    if checkpoint.made_of != wanted:
        raise UserError(
            f"{output}: the unfinished run had other inputs, options or another model, or an input has changed since; "
            "score without --resume to start again"
        )
    return checkpoint


def remove_checkpoint(output: Path) -> None:
    """Remove the state of a run that is finished or discarded."""
    for what in ("state", "state-new"):
        part_of(output, what).unlink(missing_ok=True)
