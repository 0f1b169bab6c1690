"""Owns the objects of a JSONL file: reading one line, finding the keys and the text. Floor 1.

Faults are ValueErrors whose message is the reason for which the line is refused.
"""

import json
from collections.abc import Iterable
from itertools import islice
from typing import Any

_HEAD_LINES = 1000


def parse_object(line: str) -> dict[str, Any]:
    """Return the object on a line. Raises ValueError if there is none."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}, character {error.pos + 1})") from None
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    if "\\ud" in line.lower() and _has_half_pairs(value):
        raise ValueError("half of a surrogate pair (\\uD8xx), which is no character")
    return value


def _has_half_pairs(value: dict[str, Any]) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def text_of(value: dict[str, Any], column: str) -> str:
    """Return the text of an object, null as empty. Raises ValueError if it is missing or not a string."""
    if column not in value:
        raise ValueError(f"there is no '{column}'")
    text = value[column]
    if text is not None and not isinstance(text, str):
        raise ValueError(f"'{column}' is not a string")
    return text or ""


def head_objects(lines: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return the objects of the first 1,000 lines, leaving out those that will be refused."""
    objects = []
    for line, fault in islice(lines, _HEAD_LINES):
        if line.strip() and not fault:
            try:
                objects.append(parse_object(line))
            except ValueError:
                continue
    return objects


def text_cells(objects: Iterable[dict[str, Any]], columns: Iterable[str]) -> dict[str, list[str]]:
    """Return the strings of each column that has any."""
    objects = list(objects)
    strings = {column: [row[column] for row in objects if isinstance(row.get(column), str)] for column in columns}
    return {column: values for column, values in strings.items() if values}
