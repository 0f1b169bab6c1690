"""Opens documents that are zip archives, and refuses those that would unpack to more than anybody writes."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from narratives.errors import UserError

_LARGEST = 500_000_000  # bytes, unpacked
# What zipfile and the decompressors raise, depending on which byte is wrong.
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, OSError, EOFError, RuntimeError)


@contextmanager
def opened_archive(name: str, data: bytes, what: str) -> Iterator[zipfile.ZipFile]:
    """Yield the archive. Raises UserError if it is damaged, encrypted or too large, also while it is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > _LARGEST:
                raise UserError(f"{name}: {what} that unpacks to {size / 1e6:,.0f} MB; save its text as .txt")
            yield archive
    except _DAMAGED as error:
        raise UserError(f"{name}: {what} that is damaged or encrypted ({error}); get it again") from None
