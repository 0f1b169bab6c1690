"""Writes files that appear whole or not at all, and says in one sentence why a write failed."""

import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from narratives.errors import UserError

try:
    import fcntl
except ImportError:  # Windows: two runs that write one output are not told apart there
    fcntl = None  # type: ignore[assignment]
_NO_SPACE = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


@contextmanager
def atomic_write(path: Path, temporary: Path | None = None, sync: bool = True) -> Iterator[BinaryIO]:
    """Yield a binary file that replaces ``path`` when the block ends; an exception leaves ``path`` as it was.

    An existing file keeps its mode, and a symbolic link goes on pointing to its target, which is replaced. A device
    or a pipe cannot be replaced and is written directly.

    - ``temporary``: the file to write to until then; by default a new name in the same folder.
    - ``sync``: wait until the content is on the disk, so that it survives a power cut.

    Raises UserError if the file cannot be written.
    """
    if not _replaceable(path):
        with write_errors(path), path.open("wb") as device:
            yield device
        return
    file = AtomicFile(path, temporary)
    try:
        with write_errors(path):
            yield file.file
        file.finish(sync)
        file.place(sync)
    finally:
        file.discard()


def atomic_write_text(path: Path, text: str, errors: str = "strict") -> None:
    """Write ``text`` in UTF-8 as ``atomic_write`` does. ``errors`` says what to do with what UTF-8 cannot hold."""
    content = text.encode("utf-8", errors)
    with atomic_write(path) as file:
        file.write(content)


class AtomicFile:
    """A file that appears whole under ``path`` when ``place`` is called. Standard output where ``path`` is None.

    Most code needs only ``atomic_write``. This class is for output that a later run may resume.

    - ``part``: the file to write to until then, locked against other runs; by default a new name in the same folder.
    - ``resume_at``: how many bytes of ``part`` to keep. The bytes after them are cut off.
    """

    def __init__(self, path: Path | None, part: Path | None = None, resume_at: int = 0) -> None:
        self.path = path
        # Replacing a symbolic link itself would leave its target, perhaps on another disk, with the old content.
        self._target = path.resolve() if path else None
        self.temporary = part or (
            self._target.with_name(f".narratives-{secrets.token_hex(6)}.part") if self._target else None
        )
        # A part is emptied only after it is locked: "wb" would delete the rows of a run that still writes.
        mode = "r+b" if resume_at else "ab" if part else "xb"
        with write_errors(path):
            self.file: BinaryIO = self.temporary.open(mode) if self.temporary else sys.stdout.buffer  # type: ignore[assignment]
            if part:
                _lock(self.file, path)
                self.file.truncate(resume_at)
                self.file.seek(resume_at)

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        with write_errors(self.path):
            self.file.flush()

    def finish(self, sync: bool = True) -> None:
        """Write everything to the disk and close the file; without ``sync``, the system may still delay the write."""
        with write_errors(self.path):
            self.file.flush()
            if self.temporary:
                if sync:
                    os.fsync(self.file.fileno())
                self.file.close()

    def place(self, sync: bool = True) -> None:
        """Give the finished file its name; with ``sync``, make the new name survive a power cut."""
        if self.temporary and self._target:
            with write_errors(self.path):
                with suppress(FileNotFoundError):
                    shutil.copymode(self._target, self.temporary)
                os.replace(self.temporary, self._target)
            if sync:
                _sync_folder(self._target.parent)

    def suspend(self) -> None:
        """Close the file and keep what was written, for a run that resumes."""
        if self.temporary:
            with suppress(OSError):
                self.file.close()

    def discard(self) -> None:
        """Remove what was written, unless ``place`` has named it already."""
        if self.temporary:
            self.suspend()  # closing flushes, and on a full disk that fails again; the bytes are not needed
            self.temporary.unlink(missing_ok=True)


def _replaceable(path: Path) -> bool:
    with write_errors(path):
        return path.is_file() or not path.exists()


def _lock(file: BinaryIO, path: Path | None) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UserError(
            f"{path}: another run is writing it; wait until it has finished, or name another output"
        ) from None


def _sync_folder(folder: Path) -> None:
    """Write a folder's entries to the disk: until then a power cut can undo a rename."""
    # Windows opens no folders, and some network file systems refuse to sync one. The file is in place by now, so a
    # refusal must not be reported as a failed write.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def write_errors(path: Path | None) -> Iterator[None]:
    """Turn an OSError of a write into a UserError that names ``path``, or standard output if it is None.

    A broken pipe passes unchanged: the reader of standard output has closed it, which is not a failure.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        where = "standard output" if path is None else path
        consequence = "the output is not complete" if path is None else "nothing was written"
        reason = "no space left" if error.errno in _NO_SPACE else f"cannot be written ({error.strerror or error})"
        raise UserError(f"{where}: {reason}; {consequence}") from None
