"""Reads the bytes of a table from a file, an address or standard input, decompressed."""

import io
import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.tables.guard.damage import damage_refused
from narratives.tables.guard.limits import check_unpacked

HEAD_BYTES = 1 << 20  # read at opening, to find out what the table is

_PACKINGS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}


@dataclass
class Source:
    """The bytes of a table. Standard input and pipes can be read only once.

    - ``size``: in bytes as stored; None for standard input and pipes.
    - ``packing``: ``gzip``, ``zstd``, ``bz2``, or empty.
    - ``head``: the first ``HEAD_BYTES``, decompressed.
    - ``bytes_read``: bytes as stored that were read so far.
    - ``recoded``: how many lines of a text in UTF-8 were read in each other code page so far.
    """

    path: str
    size: int | None
    packing: str
    head: bytes
    bytes_read: int = 0
    recoded: Counter[str] = field(default_factory=Counter)
    _open: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name that messages use."""
        return shown(self.path)

    @property
    def whole(self) -> bool:
        """Whether the head is the whole table."""
        return len(self.head) < HEAD_BYTES

    def count_recoded(self, page: str) -> None:
        """Count a line that was read in another code page than the rest of the text."""
        self.recoded[page] += 1

    def blocks(self) -> Iterator[bytes]:
        """Yield all bytes, decompressed, the head first. Raises UserError if the file is damaged or cut off."""
        self.recoded.clear()  # whoever reads a table twice counts its lines once
        yield self.head
        if self.whole:
            self.bytes_read = self.size or len(self.head)
            return
        raw, stream = self._open or _reopen(self.path, self.packing, len(self.head))
        while block := read_bytes(stream, HEAD_BYTES, self.name, self.packing):
            self.bytes_read = raw.tell() if self.size else self.bytes_read + len(block)
            yield block
        raw.close()


class _Counted(io.RawIOBase):
    """Counts the packed bytes that are read, also where a stream has no position."""

    def __init__(self, raw: Any) -> None:
        self._raw, self.count = raw, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._raw.read(size)
        self.count += len(data)
        return data


class _Unpacked:
    """Unpacks a stream. Raises UserError where it is made to unpack to far more than it has."""

    def __init__(self, raw: Any, packing: str, name: str) -> None:
        import pyarrow as pa

        self._packed, self._name, self._count = _Counted(raw), name, 0
        self._stream = pa.CompressedInputStream(self._packed, packing)

    def read(self, size: int) -> bytes:
        buffer = bytearray(size)  # not by ``read``, which leaks as much where the data is damaged
        data = bytes(memoryview(buffer)[: self._stream.readinto(buffer)])
        self._count += len(data)
        check_unpacked(self._name, self._count, self._packed.count)
        return data


def shown(path: str) -> str:
    """Return the name of a path for messages; ``-`` is standard input."""
    return "standard input" if path == "-" else path


def open_source(path: str) -> Source:
    """Read the head of a file, an address or standard input (``-``).

    Raises UserError if it is empty, damaged or cannot be opened.
    """
    raw = open_file(path)
    packing = next((name for magic, name in _PACKINGS.items() if raw.peek(4).startswith(magic)), "")
    stream = _decompressed(raw, packing, shown(path))
    head = read_bytes(stream, HEAD_BYTES, shown(path), packing)
    if not head:
        raise UserError(f"{shown(path)} is empty; a table needs at least a line with the names of its columns")
    size = _size(path, raw)
    # A file is opened again to be read; a pipe cannot be, so it stays open behind its head.
    if size is not None:
        raw.close()
        return Source(path, size, packing, head)
    return Source(path, None, packing, head, _open=(raw, stream))


def is_url(path: str) -> bool:
    """Return whether a path is the address of a remote file (``s3://…``, ``file://…``)."""
    return "://" in path


def _size(path: str, raw: Any) -> int | None:
    """Return the size of a file or address, None for standard input and pipes."""
    if is_url(path):
        return int(raw.seek(0, os.SEEK_END))
    status = None if path == "-" else Path(path).stat()
    return status.st_size if status and stat.S_ISREG(status.st_mode) else None


def read_span(path: str, start: int, end: int) -> bytes:
    """Return the bytes from ``start`` to ``end`` of a file that is not compressed."""
    with open_file(path) as file:
        file.seek(start)
        return read_bytes(file, end - start, shown(path), "")


def read_bytes(stream: Any, count: int, name: str, packing: str) -> bytes:
    """Read ``count`` bytes, fewer only at the end. Raises UserError for damaged, cut-off or unreadable data."""
    parts: list[bytes] = []
    with damage_refused(name, packing):
        while count and (part := stream.read(count)):
            parts.append(part)
            count -= len(part)
    return b"".join(parts)


def open_file(path: str) -> Any:
    """Open a file, standard input (``-``) or the address of a remote file for reading bytes.

    Raises UserError if it cannot be opened, or if an address needs a package that is not installed.
    """
    if path == "-":
        return sys.stdin.buffer
    try:
        return _open_url(path) if is_url(path) else open(path, "rb")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check the name and the folder") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; name the files in it") from None
    except PermissionError:
        raise UserError(f"{path} cannot be read: permission denied; ask its owner for the right to read it") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be opened ({error}); check the name") from None


def _open_url(path: str) -> Any:
    try:
        import fsspec
    except ImportError:
        raise UserError(f"{path}: addresses need the extra narratives[cluster]; install it") from None
    try:
        return io.BufferedReader(fsspec.open(path, "rb").open())
    except ImportError as error:
        raise UserError(f"{path}: {error}; install the package that reads such addresses") from None


def _decompressed(raw: Any, packing: str, name: str) -> Any:
    return _Unpacked(raw, packing, name) if packing else raw


def _reopen(path: str, packing: str, skip: int) -> tuple[Any, Any]:
    raw = open_file(path)
    stream = _decompressed(raw, packing, path)
    read_bytes(stream, skip, path, packing)
    return raw, stream
