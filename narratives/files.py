"""Owns files that appear whole or not at all, and what to say when a write fails."""

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from narratives.errors import UserError

try:
    import fcntl
except ImportError:  # not on this system; two runs on one output are then not told apart
    fcntl = None  # type: ignore[assignment]
_NO_SPACE = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


class AtomicFile:
    """A file that appears under its name whole, by ``place``, or not at all. Standard output where path is None.

    ``part`` names what it is written to until then, so that a later run can go on with it; it is locked. Where it is
    not given, the name is one of its own and ``kept`` bytes make no sense.
    """

    def __init__(self, path: Path | None, part: Path | None = None, kept: int = 0) -> None:
        self.path = path
        # A link stays a link: what it points to is replaced.
        self._target = path.resolve() if path else None
        own = self._target.with_name(f".narratives-{secrets.token_hex(6)}.part") if self._target else None
        self.temporary = part or own
        with write_errors(path):
            self.file: BinaryIO = self.temporary.open("r+b" if kept else "ab") if self.temporary else sys.stdout.buffer
            if part:
                _lock(self.file, path)
                self.file.truncate(kept)
                self.file.seek(kept)

    def size(self) -> int:
        """Bring what was written out of this process and return how many bytes it is."""
        with write_errors(self.path):
            self.file.flush()
            return self.file.tell()

    def finish(self) -> None:
        """Bring everything to the disk."""
        with write_errors(self.path):
            self.file.flush()
            if self.temporary:
                os.fsync(self.file.fileno())
                self.file.close()

    def place(self) -> None:
        """Give the finished file its name."""
        if self.temporary and self._target:
            with write_errors(self.path):
                os.replace(self.temporary, self._target)

    def suspend(self) -> None:
        """Leave what was written where it is."""
        if self.temporary:
            with suppress(OSError):
                self.file.close()

    def discard(self) -> None:
        """Remove what was written, unless it has its name already."""
        if self.temporary:
            self.suspend()  # a full disk also refuses the last buffer, which nobody wants any more
            self.temporary.unlink(missing_ok=True)


def _lock(file: BinaryIO, path: Path | None) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(f"{path}: another run is writing it; wait for that one, or name another output") from None


@contextmanager
def write_errors(path: Path | None) -> Iterator[None]:
    """Turn an OSError while writing into one sentence; a broken pipe passes."""
    try:
        yield
    except BrokenPipeError:
        raise  # who reads our standard output has seen enough
    except OSError as error:
        where = "standard output" if path is None else path
        nothing = "the output is not complete" if path is None else "nothing was written"
        what = "no space left" if error.errno in _NO_SPACE else f"cannot be written ({error.strerror or error})"
        raise UserError(f"{where}: {what}; {nothing}") from None
