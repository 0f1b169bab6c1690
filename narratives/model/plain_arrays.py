"""Reads arrays of numbers and words from files of others; checks each header before it takes memory for the array."""

import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from narratives.errors import UserError

_FAULTS = (
    ValueError,
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)


@dataclass(frozen=True)
class Expected:
    """What an array must be.

    - ``shape``: None stands for any length up to ``MOST_ANY``.
    - ``kinds``: NumPy's letters for its kind of values, and ``most_bytes`` the most bytes of one.
    - ``nan``: whether NaN may stand for what is not known; infinity never may.
    """

    shape: tuple[int | None, ...]
    kinds: str = "fiu"
    most_bytes: int = 8
    nan: bool = False


MOST_ANY = 10_000


def read_arrays(path: Path, expected: Mapping[str, Expected]) -> dict[str, NDArray[Any]]:
    """Return those of the expected arrays that an ``npz`` file has; what else it has is not read.

    Raises UserError if the file holds anything but plain arrays, or is damaged, and ValueError if an array is not what
    is expected.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            found = {name: wanted for name, wanted in expected.items() if f"{name}.npy" in names}
            for name, wanted in found.items():
                with archive.open(f"{name}.npy") as file:
                    _check_header(name, wanted, *_header(file))
            arrays = {name: _read(archive, name) for name in found}
    except _UnexpectedError:
        raise
    except _FAULTS as error:
        raise UserError(f"{path}: not plain arrays ({error}); do not use this model, train it again") from None
    for name, array in arrays.items():
        _check_values(name, expected[name], array)
    return arrays


def read_array(path: Path) -> NDArray[Any]:
    """Return the array of an ``npy`` file. Raises ValueError or OSError if it is no plain array or is cut off."""
    with path.open("rb") as file:
        shape, dtype = _header(file)
        if dtype.hasobject or math.prod(shape) * dtype.itemsize != path.stat().st_size - file.tell():
            raise ValueError("its length is not that of its array")
        file.seek(0)
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return array


class _UnexpectedError(ValueError):
    """An array that is not what a model needs."""


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(npy.read_magic(file))
    if read is None:
        raise ValueError("unknown version of an array")
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("objects, which can run code")
    return shape, dtype


def _check_header(name: str, expected: Expected, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    fits = len(shape) == len(expected.shape) and all(
        0 <= length <= MOST_ANY if wanted is None else length == wanted
        for length, wanted in zip(shape, expected.shape, strict=True)
    )
    if not fits:
        wanted_shape = tuple("any" if length is None else length for length in expected.shape)
        raise _UnexpectedError(f"{name} has shape {shape}, not {wanted_shape}")
    if dtype.kind not in expected.kinds or dtype.itemsize > expected.most_bytes:
        raise _UnexpectedError(f"{name} holds {dtype}, which no model has there")


def _read(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    file: BinaryIO
    with archive.open(f"{name}.npy") as file:  # type: ignore[assignment]
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
        return array


def _check_values(name: str, expected: Expected, array: NDArray[Any]) -> None:
    if array.dtype.kind == "f" and not (np.isfinite(array) | (expected.nan & np.isnan(array))).all():
        raise ValueError(f"{name} has values that are no finite numbers")
