"""Owns texts as spans of UTF-8 bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TextSpans(Sequence[str]):
    """Texts as spans of bytes in UTF-8 ``data``."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many texts there are."""
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        """Return a text as a string."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        return self.data[self.starts[place] : self.ends[place]].tobytes().decode("utf-8", "surrogatepass")


def spans_of(texts: Sequence[str]) -> TextSpans:
    """Return ``texts`` as spans of UTF-8; half surrogate pairs are kept as three bytes."""
    if isinstance(texts, TextSpans):
        return texts
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    starts = ends - np.array([len(text) for text in encoded], dtype=np.int64)
    return TextSpans(np.frombuffer(b"".join(encoded), np.uint8), starts, ends)
