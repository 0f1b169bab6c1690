"""Compiles the kernel's functions with Numba, and adds the two operations that Numba lacks.

Conventions of all compiled code here:

- Offsets and counts that index arrays are ``uint64``: for a signed index Numba emits a test for negative values (an
  index from the end) at every access, also in the innermost loops.
- A membership is spelled as comparisons, ``letter == 33 or letter == 63``: Numba compiles ``in`` to a search.
- Small functions take the few numbers that they need, not a whole structure: passing a structure copies the headers of
  all its arrays.
- The kernel waits for memory more than it computes. So it asks for a cache line (``prefetch``) as soon as it knows the
  address, and does other work until the line has come.
"""

import hashlib
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

HALF, ROTATED, REST = np.uint64(32), np.uint64(29), np.uint64(35)
ONE, TWO, THREE, FOUR = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
LOW, NONE = np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)
_I32 = ir.IntType(32)
_CONSTANTS = (  # compiled in
    *("model/calibration.py", "model/features.py", "model/voice_markers.py", "model/voice_model.py"),
    "text/cleaning.py",
)


def _hash_of_sources() -> str:
    """Return a hash of all source files that compiled code is made from."""
    here = Path(__file__).parent
    files = [*sorted(here.glob("*.py")), *(here.parent / name for name in _CONSTANTS)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


_SOURCES = _hash_of_sources()


def _cached(function: Any, **options: Any) -> Any:
    """Compile ``function`` with Numba and cache its machine code on disk.

    Numba checks only the file of the function itself: after a change in ``hashing.py`` it would still run machine code
    of ``read_paragraphs`` with the old hash inside. So the stamp of the cache covers all files.
    """
    dispatcher = nb.njit(nogil=True, cache=True, error_model="numpy", **options)(function)
    cache = dispatcher._cache._cache_file
    cache._source_stamp = (cache._source_stamp, _SOURCES)
    return dispatcher


def compiled(function: Any) -> Any:
    """Compile a function; it runs without Python's global lock."""
    return _cached(function)


def inlined(function: Any) -> Any:
    """Compile a function that is pasted into its callers."""
    return _cached(function, inline="always")


@intrinsic
def add_row(typing, weights, offset, value, sums, to):
    """Add ``value`` times eight bytes of ``weights`` from ``offset`` on to eight float64 of ``sums`` from ``to`` on.

    Written in LLVM because Numba does not vectorise a loop that widens bytes to float64. Here it is one load, one
    widening and one multiplication of eight lanes.
    """

    def build(context, builder, signature, arguments):
        source, target = (_item(context, builder, signature, arguments, index) for index in (0, 3))
        eight, sixteen = ir.VectorType(ir.IntType(8), 8), ir.VectorType(ir.DoubleType(), 8)
        row = builder.load(builder.bitcast(source, eight.as_pointer()), align=8)
        row = builder.sitofp(builder.sext(row, ir.VectorType(_I32, 8)), sixteen)
        held = builder.bitcast(target, sixteen.as_pointer())
        spread = builder.insert_element(ir.Constant(sixteen, ir.Undefined), arguments[2], ir.Constant(_I32, 0))
        spread = builder.shuffle_vector(spread, spread, ir.Constant(ir.VectorType(_I32, 8), [0] * 8))
        builder.store(builder.fadd(builder.load(held, align=8), builder.fmul(spread, row)), held, align=8)
        return context.get_dummy_value()

    return nb.types.none(weights, nb.types.uint64, nb.types.float64, sums, nb.types.uint64), build


@intrinsic
def prefetch(typing, values, offset):
    """Ask for the cache line of ``values`` at ``offset``; the processor fetches it while the code goes on."""

    def build(context, builder, signature, arguments):
        address = builder.bitcast(_item(context, builder, signature, arguments, 0), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [address.type, _I32, _I32, _I32])
        fetch = get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # To be read (0), with high locality (3), as data (1).
        builder.call(fetch, [address, *(ir.Constant(_I32, number) for number in (0, 3, 1))])
        return context.get_dummy_value()

    return nb.types.none(values, nb.types.uint64), build


def _item(context: Any, builder: Any, signature: Any, arguments: Any, index: int) -> Any:
    """Return the address of an item: argument ``index`` is the array, the argument after it the offset."""
    data = context.make_array(signature.args[index])(context, builder, arguments[index]).data
    return builder.gep(data, [arguments[index + 1]])
