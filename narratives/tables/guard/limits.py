"""Holds what a file may ask for, each limit with its reason; a variable ``NARRATIVES_MAX_…`` sets another figure."""

import os
from dataclasses import dataclass

from narratives.errors import UserError

MB = 1 << 20
SHEET_ROWS, SHEET_COLUMNS, SHEET_CELL_CHARACTERS = 1_048_576, 16_384, 32_767  # what a sheet of Excel can hold
ROWS_PER_BYTE = 10_000  # of an Arrow or Parquet file; empty columns repeat in nearly no space


@dataclass(frozen=True)
class Limit:
    """A limit that a user may change: ``variable`` names it, ``usual`` holds where it is not set, and ``least`` too."""

    variable: str
    usual: int
    least: int = 1

    @property
    def value(self) -> int:
        """The figure in force. Raises UserError if the variable holds none."""
        told = os.environ.get(self.variable, "")
        if not told:
            return self.usual
        if not told.isdecimal() or int(told) < self.least:
            raise UserError(f"{self.variable}={told}: not a whole number from {self.least}; correct it or unset it")
        return int(told)

    @property
    def bytes(self) -> int:
        """The figure of a limit in megabytes, in bytes."""
        return self.value * MB

    def way_out(self) -> str:
        """Say how the limit is raised."""
        return f"set {self.variable} above {self.value} if the file is right"


# The longest posts and articles have less than one megabyte. The quick reader of CSV takes blocks of two.
RECORD = Limit("NARRATIVES_MAX_RECORD_MB", 16, least=2)
# Text packs to a tenth; a table of one repeated row, to a hundredth. A bomb packs to a thousandth.
PACKING_RATIO = Limit("NARRATIVES_MAX_RATIO", 200)
# Below this, even a bomb is read to its end in seconds, and streamed it takes no memory.
UNPACKED = Limit("NARRATIVES_MAX_UNPACKED_MB", 2000)
# What a reader has to hold at once: a column of a row group of Parquet, the shared strings of a workbook.
HELD = Limit("NARRATIVES_MAX_HELD_MB", 200)

# For an upload that a process of its own reads, beside what Python itself takes.
READ_MEMORY = Limit("NARRATIVES_MAX_READ_MB", 1000, least=100)
READ_SECONDS = Limit("NARRATIVES_MAX_READ_SECONDS", 300)


def too_long(place: str, what: str = "a line") -> UserError:
    """Return the error for a record above its limit."""
    return UserError(
        f"{place}: {what} longer than {RECORD.value} MB, more than one row may have; correct it, or {RECORD.way_out()}"
    )


def check_unpacked(name: str, unpacked: int, packed: int, most: Limit = UNPACKED) -> None:
    """Raise UserError if so much came out of so little that the file is made to fill memory or disk."""
    if unpacked > most.bytes and unpacked > packed * PACKING_RATIO.value:
        raise UserError(
            f"{name}: unpacks to more than {most.value:,} MB and {PACKING_RATIO.value} times its size, as files do "
            f"that are made to fill the memory; get it from a source that you trust, or {PACKING_RATIO.way_out()}"
        )


def check_held(name: str, what: str, size: int) -> None:
    """Raise UserError if a part of a file that is held in memory whole is above its limit."""
    if size > HELD.bytes:
        raise UserError(f"{name}: {what} of {size / MB:,.0f} MB; export the table as .csv, or {HELD.way_out()}")
