"""Owns how the kernel's functions are compiled, and the two operations that Numba lacks."""

import hashlib
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

_MODEL = ("features.py", "voice_markers.py", "voice_model.py")  # their constants are compiled in


def _hash_of_sources() -> str:
    """Return a hash of all source files that compiled code is made from."""
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), *(here.parent / "model" / name for name in _MODEL)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


_SOURCES = _hash_of_sources()


def _cached(function: Any, **options: Any) -> Any:
    """Compile ``function`` with Numba and keep the machine code on disk.

    Numba looks only at the file of the function itself: after a change in ``hashing.py`` it would go on with machine
    code of ``read_paragraphs`` that has the old hash compiled in. So the stamp of what it keeps names all files.
    """
    dispatcher = nb.njit(nogil=True, cache=True, error_model="numpy", **options)(function)
    kept = dispatcher._cache._cache_file
    kept._source_stamp = (kept._source_stamp, _SOURCES)
    return dispatcher


def compiled(function: Any) -> Any:
    """Compile a function; it runs without Python's global lock."""
    return _cached(function)


def inlined(function: Any) -> Any:
    """Compile a function that is pasted into whatever calls it."""
    return _cached(function, inline="always")


HALF, ROTATED, REST = np.uint64(32), np.uint64(29), np.uint64(35)
ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
LOW, NONE = np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)


@intrinsic
def add_row(typing, weights, at, value, sums, to):
    """Add ``value`` times eight float32 of ``weights`` from ``at`` on to eight float64 of ``sums`` from ``to`` on."""

    def build(context, builder, signature, arguments):
        source, target = (_item(context, builder, signature, arguments, place) for place in (0, 3))
        eight, sixteen = ir.VectorType(ir.FloatType(), 8), ir.VectorType(ir.DoubleType(), 8)
        row = builder.fpext(builder.load(builder.bitcast(source, eight.as_pointer()), align=4), sixteen)
        held = builder.bitcast(target, sixteen.as_pointer())
        spread = builder.insert_element(ir.Constant(sixteen, ir.Undefined), arguments[2], ir.Constant(_I32, 0))
        spread = builder.shuffle_vector(spread, spread, ir.Constant(ir.VectorType(_I32, 8), [0] * 8))
        builder.store(builder.fadd(builder.load(held, align=8), builder.fmul(spread, row)), held, align=8)
        return context.get_dummy_value()

    return nb.types.none(weights, nb.types.uint64, nb.types.float64, sums, nb.types.uint64), build


@intrinsic
def prefetch(typing, values, at):
    """Ask for the cache line of ``values`` at ``at``."""

    def build(context, builder, signature, arguments):
        place = builder.bitcast(_item(context, builder, signature, arguments, 0), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [place.type, _I32, _I32, _I32])
        fetch = get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(fetch, [place, *(ir.Constant(_I32, number) for number in (0, 3, 1))])
        return context.get_dummy_value()

    return nb.types.none(values, nb.types.uint64), build


_I32 = ir.IntType(32)


def _item(context: Any, builder: Any, signature: Any, arguments: Any, place: int) -> Any:
    """Return the address of an array's item; the argument after the array is its number."""
    data = context.make_array(signature.args[place])(context, builder, arguments[place]).data
    return builder.gep(data, [arguments[place + 1]])
