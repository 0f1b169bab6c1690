"""Holds texts as spans of UTF-8 bytes, so that compiled code can read them without copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextSpans(Sequence[str]):
    """A sequence of texts: the bytes of ``data`` from ``starts`` to ``ends``, which need not be in order."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return a text, or a list of texts, decoded."""
        if isinstance(index, slice):
            return [self[item] for item in range(*index.indices(len(self)))]
        return self.data[self.starts[index] : self.ends[index]].tobytes().decode("utf-8", "surrogatepass")


def spans_of(texts: Sequence[str]) -> TextSpans:
    """Encode texts as spans of UTF-8. An unpaired surrogate, which UTF-8 lacks, is kept as three bytes."""
    if isinstance(texts, TextSpans):
        return texts
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    starts = ends - np.array([len(text) for text in encoded], dtype=np.int64)
    return TextSpans(np.frombuffer(b"".join(encoded), np.uint8), starts, ends)
