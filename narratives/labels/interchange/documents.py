"""Reads files of JSON objects, one a line or all in one array, packed or not, whatever their name."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from narratives.errors import UserError
from narratives.tables.formats import named_format
from narratives.tables.sources import open_source
from narratives.tables.table import decode

_STARTS = "[{"
_TABLES = ("CSV", "TSV", "XLSX", "Parquet", "Arrow")  # a header may begin with a bracket


@dataclass(frozen=True)
class Documents:
    """The objects of a file, in order. ``unit`` is what their places are: lines, or objects of an array."""

    name: str
    unit: str
    text: str

    def objects(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield place and object. Raises UserError that names the place of what is no object."""
        values = self._lines() if self.unit == "line" else enumerate(_parsed(self.text, self.name), 1)
        for place, value in values:
            if not isinstance(value, dict):
                raise UserError(f"{self.name}: {self.unit} {place}: not a JSON object; write one object for each text")
            yield place, value

    def readable(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the objects up to the first place that holds none, to find out what the file is."""
        try:
            yield from self.objects()
        except UserError:
            return

    def _lines(self) -> Iterator[tuple[int, Any]]:
        # Not splitlines(): U+2028, U+2029 and U+0085 end no line of JSON and may stand in a text.
        for place, line in enumerate(self.text.split("\n"), 1):
            if line.strip():
                yield place, _parsed(line, f"{self.name}: line {place}")


def read_documents(path: Path) -> Documents | None:
    """Read a file that begins as JSON does; None for any other. Raises UserError if it cannot be read."""
    if named_format(str(path)) in _TABLES:
        return None
    source = open_source(str(path))
    start = source.head[:64].decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")[:1]
    if not start or start not in _STARTS:
        return None
    text = decode(b"".join(source.blocks()))
    if start == "[":
        return Documents(path.name, "object", text)
    return Documents(path.name, "line", _on_one_line(text))


def _on_one_line(text: str) -> str:
    """Return lines as they are, and a single object that is spread over lines as one line."""
    first = text.lstrip().split("\n", 1)[0]
    try:
        json.loads(first)
    except ValueError:
        try:
            return json.dumps(json.loads(text))
        except ValueError:
            return text
    return text


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{where}: not readable as JSON: {error}; correct it, or export the file again") from None
    except RecursionError:
        raise UserError(f"{where}: JSON that is nested too deeply; export the file again") from None
