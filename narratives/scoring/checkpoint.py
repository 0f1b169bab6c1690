"""Owns what a long run leaves beside its output so that another can go on with it: two part files and their state.

The state is a small JSON file: what the run was made of, how many batches are done, how long the parts are then, and
what was counted. Bytes after those lengths are thrown away when the run goes on.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.files import write_errors
from narratives.tables.sources import is_url
from narratives.version import __version__


@dataclass(frozen=True)
class Checkpoint:
    """``batches`` are done; their rows are ``output`` bytes, those refused ``refused`` bytes; ``counts`` as counted."""

    made_of: str
    batches: int
    output: int
    refused: int
    counts: dict[str, Any]


def part_of(output: Path, what: str) -> Path:
    """Return the name of a part file or the state of an unfinished run, beside ``output``."""
    target = output.resolve()
    return target.with_name(f".{target.name}.narratives-{what}")


def made_of(inputs: Sequence[str], model: str, options: Mapping[str, Any]) -> str:
    """Return a hash of what decides the output: files as they stand, the model, options, this version."""
    files = [_state(path) for path in inputs if path != "-"]
    told = json.dumps([files, model, {key: str(value) for key, value in sorted(options.items())}, __version__])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _state(path: str) -> tuple[str, int, int]:
    if is_url(path):
        return path, 0, 0
    status = Path(path).stat()
    return str(Path(path).resolve()), status.st_size, status.st_mtime_ns


def write_checkpoint(output: Path, checkpoint: Checkpoint) -> None:
    """Write the state of a run, whole or not at all."""
    path, new = part_of(output, "state"), part_of(output, "state-new")
    with write_errors(output):
        new.write_text(json.dumps(asdict(checkpoint)), encoding="utf-8")
        os.replace(new, path)


def read_checkpoint(output: Path, wanted: str) -> Checkpoint | None:
    """Return the state of an unfinished run, None if there is none. Raises UserError if it is another's."""
    path = part_of(output, "state")
    try:
        found = Checkpoint(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise UserError(f"{path}: not the state of an unfinished run; score without --resume to begin anew") from None
    if found.made_of != wanted:
        raise UserError(
            f"{output}: the unfinished run had other inputs, options or another model, or an input has changed since; "
            "score without --resume to begin anew"
        )
    return found


def remove_checkpoint(output: Path) -> None:
    """Remove the state of a run that is finished or given up."""
    for what in ("state", "state-new"):
        part_of(output, what).unlink(missing_ok=True)
