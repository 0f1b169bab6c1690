"""Opens documents that are zip archives, and refuses those that would unpack to more than anybody writes."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from narratives.errors import UserError

_LARGEST = 500_000_000  # bytes, unpacked


@contextmanager
def opened_archive(name: str, data: bytes, what: str) -> Iterator[zipfile.ZipFile]:
    """Yield the archive. Raises UserError if it is damaged, encrypted or too large, also while it is read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > _LARGEST:
                raise UserError(f"{name}: {what} that unpacks to {size / 1e6:,.0f} MB; save its text as .txt")
            yield archive
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{name}: {what} that is damaged or encrypted ({error}); get it again") from None
