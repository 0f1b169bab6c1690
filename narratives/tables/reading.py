"""What a user says about a table; what is not said is recognised."""

from dataclasses import dataclass

from narratives.errors import UserError
from narratives.tables.encodings import named_encoding

QUOTINGS = ("minimal", "none", "backslash", "apostrophe", "spaced")


@dataclass(frozen=True)
class Reading:
    r"""How to read a table; None where that is recognised.

    - ``encoding``: the encoding of a text format.
    - ``delimiter``: that of a CSV; ``\\t`` or ``tab`` is a tab.
    - ``quoting``: how a CSV quotes, one of ``QUOTINGS``: a quote in a quoted cell is doubled (``minimal``) or follows
      a backslash, cells are quoted by apostrophes or after a space, or quotes are plain characters (``none``).
    - ``header_row``: the line, or row of a sheet, with the names of the columns; 0 where there are no names.
    - ``sheet``: the name or the number of a sheet.
    - ``text``: the column with the text.
    - ``date``, ``source``, ``url``, ``id``: the columns that hold them.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quoting: str | None = None
    header_row: int | None = None
    sheet: str | None = None
    text: str | None = None
    date: str | None = None
    source: str | None = None
    url: str | None = None
    id: str | None = None

    @property
    def codec(self) -> str:
        """The codec of ``encoding``; empty if none is named. Raises UserError if there is no such encoding."""
        return named_encoding(self.encoding) if self.encoding else ""

    @property
    def delimiter_character(self) -> str | None:
        """The delimiter as one character. Raises UserError if it cannot be a delimiter."""
        if self.delimiter is None:
            return None
        character = {"\\t": "\t", "tab": "\t"}.get(self.delimiter, self.delimiter)
        if len(character) != 1 or character in '"\r\n':
            raise UserError(f"--delimiter {self.delimiter}: not one character; name one such as ; or , or tab")
        return character


AS_RECOGNISED = Reading()
