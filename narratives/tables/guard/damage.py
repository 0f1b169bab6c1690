"""Turns what a library raises over a damaged file into the one sentence that a user needs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from narratives.errors import UserError

_SAYS = {
    "XLSX": "not a readable XLSX workbook ({}); save it again or export it as .csv",
    "Parquet": "the Parquet file is damaged or cut off ({}); get it again",
    "Arrow": "the Arrow file is damaged or cut off ({}); get it again",
    "gzip": "the gzip data is damaged or cut off ({}); get the file again",
    "zstd": "the zstd data is damaged or cut off ({}); get the file again",
    "bz2": "the bz2 data is damaged or cut off ({}); get the file again",
    "document": "a document that is damaged or cut off ({}); get it again",
    "": "it cannot be read to its end ({}); get the file again",
}
BY_LIBRARIES = ("XLSX", "Parquet", "Arrow")  # formats that packages of others read
_LONGEST_REASON = 200  # characters
_Item = TypeVar("_Item")


@contextmanager
def damage_refused(name: str, kind: str) -> Iterator[None]:
    """Raise UserError for any exception of a library that reads bytes of ``kind``, which is a key of ``_SAYS``.

    Only around code of others, and formats of which they read every byte: an error of ours would hide in it.
    """
    try:
        yield
    except UserError:
        raise
    except MemoryError:
        raise UserError(
            f"{name}: it takes more memory to read than there is; it is damaged, or made to do so; get it again"
        ) from None
    # Over a wrong byte they raise nearly all that Python has: zlib.error, TypeError, SystemError, struct.error …
    except Exception as error:  # noqa: BLE001
        raise UserError(f"{name}: {_SAYS[kind].format(_reason(error))}") from None


def guarded(name: str, kind: str, items: Iterable[_Item]) -> Iterator[_Item]:
    """Yield the items of a table. Raises UserError where a library fails over its bytes."""
    if kind not in BY_LIBRARIES:
        yield from items
        return
    with damage_refused(name, kind):
        yield from items


def _reason(error: Exception) -> str:
    """Return the first line of what a library says, without characters that would change a terminal."""
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return "".join(character if character.isprintable() else "?" for character in line[:_LONGEST_REASON])
