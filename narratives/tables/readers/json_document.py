r"""Reads JSON documents piece by piece: an array of objects, or such an array inside an object.

Every object becomes one line of JSON, as in a JSONL file, so that ``jsonl`` reads both. Telegram writes control
characters as ``\x0b``, which is not JSON; they are repaired.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from narratives.errors import UserError
from narratives.tables.encodings import ENCODING_NAMES
from narratives.tables.exports.export import ANY, ENOUGH, Export, JsonPath, known_exports
from narratives.tables.guard.limits import RECORD, too_long
from narratives.tables.lines import Line
from narratives.tables.rows import dig
from narratives.tables.sources import Source

BY_COLUMNS = "JSON by columns, as pandas writes it; write it with to_json(orient='records', lines=True)"
_DEEPEST = 4
_JUDGED_ROWS = 50  # a single row may lack what others have
_SCRIPT = re.compile(r"\s*window\.YTD\.[\w.]+\s*=\s*")  # how a file of a Twitter archive begins
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_ESCAPES = re.compile(r"\\(\\|x([0-9a-fA-F]{2}))")
# JSON has no NaN, but programs write it; for us it is a missing value.
_decoder = json.JSONDecoder(parse_constant=lambda name: None)


class _CutError(Exception):
    """The text ends in the middle of a value."""


class JsonStream:
    """Takes values and parts of values from a JSON text that comes in pieces."""

    def __init__(self, pieces: Iterator[str], name: str) -> None:
        self._pieces, self._name = pieces, name
        self._text, self._at = next(pieces, ""), 0
        if script := _SCRIPT.match(self._text):
            self._at = script.end()

    def peek(self) -> str:
        """Return the next character that is not white space; empty at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(1):
                return ""

    def take(self, character: str) -> bool:
        """Step over a character if it is the next one."""
        if self.peek() != character:
            return False
        self._at += 1
        return True

    def value(self) -> Any:
        """Take the next value whole. Raises UserError if it is not JSON, and _CutError if it is cut off."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                self._complete(error)
                continue
            except RecursionError:
                raise UserError(f"{self._name}: JSON that is nested too deeply; export it in another way") from None
            if end - self._at > RECORD.bytes:
                raise too_long(self._name, "a value in the JSON")
            if end == len(self._text) and self._more(1):
                continue  # a number may go on in the next piece
            self._at = end
            return value

    def _complete(self, error: json.JSONDecodeError) -> None:
        """Read more, or repair what is there, so that the value can be tried again."""
        rest = self._text[self._at :]
        repaired = _ESCAPES.sub(lambda found: found[0] if found[1] == "\\" else f"\\u00{found[2]}", rest)
        if repaired != rest:
            self._text, self._at = repaired, 0
        elif len(rest) > RECORD.bytes:
            raise UserError(
                f"{self._name}: not readable as JSON ({error.msg}, or a value longer than {RECORD.value} MB); export "
                f"it again, or {RECORD.way_out()}"
            ) from None
        elif not self._more(len(rest)):
            raise _CutError(error.msg)

    def object_keys(self) -> Iterator[str]:
        """Yield the keys of an object; after each, its value must be taken before the next."""
        if not self.take("{"):
            raise UserError(f"{self._name}: not readable as JSON; export it again")
        while not self.take("}"):
            key = self.value()
            if not (isinstance(key, str) and self.take(":")):
                raise UserError(f"{self._name}: not readable as JSON; export it again")
            yield key
            self._step("}")

    def elements(self) -> Iterator[None]:
        """Step through an array; at each step, the element must be taken before the next."""
        self.take("[")
        while not self.take("]"):
            yield None
            self._step("]")

    def _step(self, closing: str) -> None:
        if not self.take(",") and (character := self.peek()) != closing:
            if not character:
                raise _CutError("it ends early")
            raise UserError(f"{self._name}: not readable as JSON (unexpected {character!r}); export it again")

    def _more(self, least: int) -> bool:
        """Read pieces of at least this number of characters; return whether there were any."""
        parts, size = [self._text[self._at :]], 0
        for piece in self._pieces:
            parts.append(piece)
            size += len(piece)
            if size >= least:
                break
        self._text, self._at = "".join(parts), 0
        return size > 0


def walk(
    stream: JsonStream, paths: Sequence[JsonPath], around: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Yield the values at the paths, each with the plain values of the objects around it that come before it."""
    if () in paths:
        yield around, stream.value()
    elif stream.peek() == "{":
        known = dict(around)
        for key in stream.object_keys():
            below = [path[1:] for path in paths if path[0] == key]
            if below:
                yield from walk(stream, below, known)
            elif stream.peek() in "[{":
                count_rows(stream, (), Counter())  # steps over it in pieces
            else:
                known[key] = stream.value()
    elif stream.peek() == "[" and (below := [path[1:] for path in paths if path[0] == ANY]):
        for _ in stream.elements():
            yield from walk(stream, below, around)
    else:
        stream.value()


def count_rows(stream: JsonStream, path: JsonPath, counts: Counter[JsonPath]) -> None:
    """Count the objects in each array of the next value, by the path of the array's elements."""
    if stream.peek() == "[":
        for _ in stream.elements():
            counts[(*path, ANY)] += stream.peek() == "{"
            stream.value()
    elif stream.peek() == "{" and len(path) < _DEEPEST:
        for key in stream.object_keys():
            count_rows(stream, (*path, key), counts)
    else:
        stream.value()


def _row_path(text: str, name: str) -> JsonPath | None:
    """Return the path of the longest array of objects; the empty one for objects that follow each other."""
    stream, counts, values = JsonStream(iter([text]), name), Counter[JsonPath](), 0
    try:
        while stream.peek():
            count_rows(stream, (), counts)
            values += 1
    except _CutError:
        values += bool(values)  # the last one is cut off by the end of the head
    if values > 1:
        return ()
    path, most = max(counts.items(), key=lambda item: item[1], default=((), 0))
    return path if most else None


@dataclass(frozen=True)
class JsonDocument:
    """The rows of a JSON document as lines of JSON.

    - ``encoding``, ``mark``: a codec, and the length of the byte order mark.
    - ``paths``: where the rows are.
    - ``export``: the program that wrote it, if its structure says it.
    """

    source: Source
    encoding: str
    mark: int
    paths: tuple[JsonPath, ...]
    export: Export | None = None

    @property
    def encoding_name(self) -> str:
        """The name of the encoding for people."""
        return ENCODING_NAMES.get(self.encoding, self.encoding)

    def head(self) -> list[Line]:
        """Return the rows that are whole in the head."""
        rows: list[Line] = []
        try:
            for line in self._lines(iter([self.source.head])):
                rows.append(line)
        except _CutError:
            return rows  # by the end of the head
        return rows

    def __iter__(self) -> Iterator[Line]:
        """Yield all rows. Raises UserError if the document is damaged."""
        try:
            yield from self._lines(self.source.blocks())
        except _CutError as error:
            raise UserError(f"{self.source.name}: the JSON is cut off or damaged ({error}); get it again") from None

    def _lines(self, blocks: Iterator[bytes]) -> Iterator[Line]:
        stream = JsonStream(_decoded(blocks, self.encoding, self.mark), self.source.name)
        while stream.peek():  # several documents may follow each other, one a line
            for around, value in self._values(stream):
                row = self.export.row(value, around) if self.export and isinstance(value, dict) else value
                if row is not None:
                    yield _as_line(row), ""

    def _values(self, stream: JsonStream) -> Iterator[tuple[Mapping[str, Any], Any]]:
        if self.export and self.export.lookup:
            yield from _looked_up(stream.value(), self.export, self.paths, self.source.name)
        else:
            yield from walk(stream, self.paths, {})


def _looked_up(
    page: Any, export: Export, paths: Sequence[JsonPath], name: str
) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Yield the rows of a page, with the object that each names by its key from the list beside the rows."""
    _, listed = dig(page, export.lookup["in"]) if isinstance(page, dict) else (False, None)
    by = {item.get(export.lookup["by"]): item for item in listed or () if isinstance(item, dict)}
    for around, row in walk(JsonStream(iter([json.dumps(page)]), name), paths, {}):
        other = by.get(row.get(export.lookup["key"])) if isinstance(row, dict) else None
        yield around, row | {export.lookup["column"]: other} if other else row


def open_document(source: Source, encoding: str, mark: int) -> JsonDocument:
    """Find the rows of a document. Raises UserError, with what it is, if it has none."""
    if known := find_export(source, encoding, mark):
        return known
    text = _head_text(source, encoding, mark)
    path = _row_path(text, source.name)
    if path is None:
        raise UserError(f"{source.name}: {_without_rows(text)}")
    return JsonDocument(source, encoding, mark, (path,))


def find_export(source: Source, encoding: str, mark: int) -> JsonDocument | None:
    """Return the document that a known program exported; None if its structure is that of none."""
    text = _head_text(source, encoding, mark)
    keys = _outer_keys(JsonStream(iter([text]), source.name))
    best, most = None, ENOUGH - 1
    for export in known_exports():
        for path in export.rows:
            first = _first_row(JsonStream(iter([text]), source.name), path)
            # That the rows are where the export has them counts like one of its names.
            hits = 1 + len(export.hits(first or ())) + len(keys & set(export.beside))
            if first and hits > most:
                best, most = JsonDocument(source, encoding, mark, export.rows, export), hits
    return best


def _head_text(source: Source, encoding: str, mark: int) -> str:
    return "".join(_decoded(iter([source.head]), encoding, mark))


def _outer_keys(stream: JsonStream) -> set[str]:
    keys: set[str] = set()
    try:
        for key in stream.object_keys() if stream.peek() == "{" else ():
            keys.add(key)
            stream.value()
    except _CutError:
        return keys
    return keys


def _first_row(stream: JsonStream, path: JsonPath) -> dict[str, Any] | None:
    """Return the keys of the first rows at a path; None if there is no object."""
    rows: dict[str, Any] = {}
    try:
        for _, row in islice(walk(stream, [path], {}), _JUDGED_ROWS):
            rows |= row if isinstance(row, dict) else {}
    except _CutError:
        pass
    return rows or None


def _without_rows(text: str) -> str:
    try:
        value = _decoder.decode(text)
    except ValueError:
        return "JSON in which no list of objects was found; write one object per line"
    if isinstance(value, dict) and (is_by_columns(value) or {"columns", "data"} <= set(value)):
        return BY_COLUMNS
    return "JSON without rows" if value in ([], {}) else "JSON without a list of objects; write one object per line"


def is_by_columns(value: Mapping[str, Any]) -> bool:
    """Return whether an object has a whole column in each value, by row number, as pandas writes a table by default."""
    columns = [column for column in value.values() if isinstance(column, dict) and column]
    return bool(columns) and len(columns) == len(value) and all(key.isdecimal() for column in columns for key in column)


def _decoded(blocks: Iterator[bytes], encoding: str, mark: int) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block[mark:])
        mark = 0


def _as_line(value: Any) -> str:
    line = json.dumps(value, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(value)  # half a surrogate pair, which is refused later
    return line
