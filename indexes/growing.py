"""Exact search while few vectors are stored, approximate search when they are many; knows no files."""

from typing import ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from memory_editor.indexes.base import Arrays, Ids, Neighbour, Vectors
from memory_editor.indexes.flat import FlatIndex
from memory_editor.indexes.pq import PqIndex

CODES_FROM: Final = 16_384
"""From how many vectors on codes are searched; until then exact search takes about 2 ms at 384 dimensions."""


class GrowingIndex:
    """A flat index that turns into one of codes when it would hold `codes_from` vectors.

    Those codes stay, with vectors of 16 bits, until the index is empty.
    """

    kind: ClassVar[str] = "growing"

    def __init__(self, dimension: int, codes_from: int = CODES_FROM) -> None:
        self.dimension = dimension
        self._codes_from = codes_from
        self._index: FlatIndex | PqIndex = FlatIndex(dimension)

    def __len__(self) -> int:
        return len(self._index)

    def ids(self) -> Ids:
        """Return the ids of the stored vectors, ascending."""
        return self._index.ids()

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Say of each id whether a vector is stored under it."""
        return self._index.holds(ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Store `vectors` under `ids`, which must be new."""
        index = self._index
        if isinstance(index, FlatIndex) and len(index) + len(ids) >= self._codes_from:
            held, index = index, PqIndex(self.dimension)
            index.add(held.ids(), held.vectors(held.ids()))
        index.add(ids, vectors)
        self._index = index

    def remove(self, ids: Ids) -> None:
        """Forget the vectors of `ids`, which must be stored."""
        self._index.remove(ids)
        if not len(self):
            self._index = FlatIndex(self.dimension)

    def nearest(self, vectors: Vectors, k: int) -> list[list[Neighbour]]:
        """Return for each row its `k` nearest stored vectors, or all where fewer are stored."""
        return self._index.nearest(vectors, k)

    def arrays(self) -> Arrays:
        """Return what `from_arrays` needs to make an equal index."""
        return self._index.arrays()

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Return the index that `arrays` were taken from."""
        held = (PqIndex if "trained_on" in arrays else FlatIndex).from_arrays(arrays)
        index = cls(held.dimension)
        index._index = held
        return index
