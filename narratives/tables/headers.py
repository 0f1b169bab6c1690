"""Finds the row with the names of the columns, whatever stands above it, and gives each column a name of its own.

Rows that repeat the names, as in a file that was put together from several, are found here as well.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import numpy as np

from narratives.tables.columns import KNOWN_NAMES, listed, plain_name
from narratives.tables.rows import Batch, CellRows, CsvRows, rows_at
from narratives.text.spans import TextSpans

NO_HEADER = -1
_SEARCHED_ROWS = 40  # the title and the query above a table are not longer
_LONGEST_NAME = 80  # characters; a longer cell is prose
_PROSE_WORDS = 4
_NAME_WORDS = 5  # of a list of texts: a name has fewer words than its first text
_MARK_BYTES = 5  # of a byte order mark in UTF-8, and of two quotes that it hides
_SENTENCE = re.compile(r"[.!?…>»”]\s*$")
_KINDS = {
    "number": re.compile(r"[-+]?[\d.,\u00a0 ]*\d%?"),
    "date": re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}\b.*"),
    "address": re.compile(r"(https?://|www\.)\S+"),
}


def find_header(rows: Sequence[Sequence[str]]) -> int:
    """Return the index of the row that names the columns; ``NO_HEADER`` if the first row is data like the others.

    - The first row names the columns, unless another one plainly does.
    - Rows above it are a title, a query or the like: they have fewer cells, and no names that we know.
    """
    if not rows:
        return 0
    searched = rows[:_SEARCHED_ROWS]
    known = [_known(row) if _may_name(row) else 0 for row in searched]
    best = max(range(len(searched)), key=lambda index: (known[index], -index))
    if known[best] > known[0] and _filled(rows[best]) > _filled(rows[0]):
        return best
    if known[0]:
        return 0
    usual = _usual_width(rows)
    if _filled(rows[0]) * 2 <= usual:  # a title; the table below is wider
        return next((index for index, row in enumerate(searched) if _is_plain(row) and _filled(row) >= usual), 0)
    return NO_HEADER if _is_data(rows[0], rows[1:]) else 0


def name_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return a name of its own for each column.

    One without a name is ``column_3`` or the like, and the second of two columns called ``link`` is ``link_2``.
    """
    taken, named = set(names), []
    for number, name in enumerate(names, 1):
        given = name if name.strip() else f"column_{number}"
        while given != name and given in taken:
            given += "_"
        if given in named:
            given = next(other for other in (f"{name}_{times}" for times in count(2)) if other not in taken)
        taken.add(given)
        named.append(given)
    return tuple(named)


def repeated_names(header: Sequence[str]) -> dict[str, int]:
    """Return the names that several columns have, and how many."""
    return {name: number for name, number in Counter(header).items() if number > 1 and name.strip()}


def naming_notes(columns: Sequence[str], header: Sequence[str]) -> list[str]:
    """Say which columns got a name: ``header`` has the cells that they were called by."""
    unnamed = [column for column, cell in zip(columns, header, strict=True) if not cell.strip()]
    renamed = [column for column, cell in zip(columns, header, strict=True) if cell.strip() and column != cell]
    again = f"{listed(list(repeated_names(header)))} stood above several columns: also {listed(renamed)}"
    return [*([f"{listed(unnamed)} had no name"] if unnamed else []), *([again] if renamed else [])]


def repeating(number: int) -> str:
    """Say that this many rows repeat the names of the columns."""
    return f"{number:,} row{'s that repeat' if number != 1 else ' that repeats'} the names of the columns"


def without_headers(batch: Batch, header: Sequence[str], text: int) -> Batch:
    """Return a batch without the rows that repeat the names of the columns, and count them.

    - ``header``: the cells of the row with the names; empty if there is none.
    - ``text``: the index of the column that ``batch.texts`` are of.
    """
    rows = batch.rows
    if not header or not isinstance(rows, CsvRows | CellRows):
        return batch
    likely = _texts_like(batch.texts, header[text])
    cells = rows_at(rows, likely).cells() if likely else ()
    repeated = {index for index, row in zip(likely, cells, strict=True) if _bare(row) == _bare(header)}
    if not repeated:
        return batch
    kept = [index for index in range(len(batch.texts)) if index not in repeated]
    texts, lines = [batch.texts[index] for index in kept], [int(batch.lines[index]) for index in kept]
    return replace(batch, rows=rows_at(rows, kept), texts=texts, lines=lines, headers=len(repeated))


def _texts_like(texts: Sequence[str], name: str) -> list[int]:
    """Return the indices of the texts that may be a name; one at the beginning of a line may have a mark before it."""
    likely: Sequence[int] = range(len(texts))
    if isinstance(texts, TextSpans):  # decoding all texts of a large batch takes longer than reading it did
        lengths, least = texts.ends - texts.starts, len(name.encode("utf-8", "surrogatepass"))
        likely = np.flatnonzero((lengths >= least) & (lengths <= least + _MARK_BYTES)).tolist()
    return [index for index in likely if _bare([texts[index]]) == _bare([name])]


def _bare(row: Sequence[str]) -> list[str]:
    """Return cells without the mark of a file that begins here, which also hides the quotes of the first cell."""
    bare = [cell.strip('\ufeff"') if cell.startswith("\ufeff") else cell for cell in row[:1]]
    return bare + list(row[1:])


def is_known_header(row: Sequence[str]) -> bool:
    """Return whether a row has a name that columns often have."""
    return _known(row) > 0


def kind_of(cell: str) -> str:
    """Return what a cell is: number, date, address, prose or word; empty for an empty one."""
    cell = cell.strip()
    kind = next((name for name, pattern in _KINDS.items() if pattern.fullmatch(cell)), "")
    return kind or ("" if not cell else "prose" if len(cell.split()) >= _PROSE_WORDS else "word")


def _known(row: Sequence[str]) -> int:
    return sum(plain_name(cell) in KNOWN_NAMES for cell in row)


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    widths = Counter(_filled(row) for row in rows)
    return max(widths, key=lambda width: (widths[width], width))


def _may_name(row: Sequence[str]) -> bool:
    cells = [plain_name(cell) for cell in row if cell.strip()]
    distinct = len(set(cells)) * 2 > len(cells)  # some names may stand twice
    return distinct and all(len(cell) <= _LONGEST_NAME and kind_of(cell) in ("word", "prose") for cell in cells)


def _is_plain(row: Sequence[str]) -> bool:
    """Return whether a row has short names; a sentence that was cut at a comma has a space before its second part."""
    return _may_name(row) and all(kind_of(cell) != "prose" and not cell.startswith(" ") for cell in row)


def _is_data(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Return whether each cell of the first row is of the kind that those below it are."""
    if any(len(cell) > _LONGEST_NAME and kind_of(cell) == "prose" for cell in first):
        return True  # no name is as long as that
    if len(first) == 1:
        return bool(others) and bool(_SENTENCE.search(first[0]) or len(first[0].split()) > _NAME_WORDS)
    kinds = [kind_of(cell) for cell in first]
    below = [row for row in others if len(row) == len(first)]
    if not below or "prose" not in kinds or not {"number", "date", "address"} & set(kinds):
        return False
    usual = (Counter(map(kind_of, column)).most_common(1)[0][0] for column in zip(*below, strict=True))
    return all(kind == other for kind, other in zip(kinds, usual, strict=True))
