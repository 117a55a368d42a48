"""Exact search: every query is compared with every vector; knows no files."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from memory_editor.indexes.base import Arrays, Ids, Neighbour, Vectors, best, checked_ids, checked_vectors
from memory_editor.indexes.faiss_library import faiss, one_thread


class FlatIndex:
    """An index that finds the true nearest vectors, in time proportional to their number.

    It stays on the CPU also where FAISS has a GPU: up to the size at which `GrowingIndex` leaves it, sending the query
    there costs as much as answering it.
    """

    kind: ClassVar[str] = "flat"

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._stored: set[int] = set()

    def __len__(self) -> int:
        return len(self._stored)

    def ids(self) -> Ids:
        """Return the ids of the stored vectors, ascending."""
        return np.array(sorted(self._stored), dtype=np.int64)

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Say of each id whether a vector is stored under it."""
        return np.array([id_ in self._stored for id_ in ids.tolist()], dtype=np.bool_)

    def vectors(self, ids: Ids) -> Vectors:
        """Return the stored vectors of `ids`, in their order."""
        return self._index.reconstruct_batch(ids)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Store `vectors` under `ids`, which must be new."""
        column, rows = checked_ids(ids), checked_vectors(vectors, self.dimension)
        if len(column) != len(rows):
            raise ValueError(f"{len(column)} ids do not fit {len(rows)} vectors; give one id for each")
        if known := self._stored.intersection(column.tolist()):
            raise ValueError(f"id {min(known)} is stored already; remove it first")
        self._index.add_with_ids(rows, column)
        self._stored.update(column.tolist())

    def remove(self, ids: Ids) -> None:
        """Forget the vectors of `ids`, which must be stored."""
        column = checked_ids(ids)
        if unknown := set(column.tolist()) - self._stored:
            raise ValueError(f"id {min(unknown)} is not stored, so it cannot be removed")
        self._index.remove_ids(faiss.IDSelectorBatch(column))
        self._stored.difference_update(column.tolist())

    def nearest(self, vectors: Vectors, k: int) -> list[list[Neighbour]]:
        """Return for each row its `k` nearest stored vectors, or all where fewer are stored."""
        rows, wanted = checked_vectors(vectors, self.dimension), min(k, len(self))
        if wanted <= 0:
            return [[] for _ in rows]
        # Row by row: from 20 rows on FAISS computes them together, in another order and so with other last digits.
        with one_thread():
            return [self._nearest(row[np.newaxis], wanted) for row in rows]

    def _nearest(self, row: Vectors, wanted: int) -> list[Neighbour]:
        """Return the neighbours of a matrix of one row; between one of them and all are wanted."""
        fetched = wanted
        while True:
            fetched = min(2 * fetched, len(self))
            similarities, ids = self._index.search(row, fetched)
            # While all that follow are equal to the last one wanted, an equal with a lower id may be still to come.
            if fetched == len(self) or similarities[0, -1] < similarities[0, wanted - 1]:
                return best(ids[0], similarities[0], wanted)

    def arrays(self) -> Arrays:
        """Return what `from_arrays` needs to make an equal index."""
        ids = self.ids()
        return {"ids": ids, "vectors": self.vectors(ids)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Return the index that `arrays` were taken from."""
        index = cls(arrays["vectors"].shape[1])
        index.add(arrays["ids"], arrays["vectors"])
        return index
