"""What every index is: ids and unit vectors in, neighbours out; knows no edits and no models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
"""Rows of unit length, shape (n, dimension)."""

Ids: TypeAlias = NDArray[np.int64]
"""One id for each row, none negative."""

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""What a file keeps of an index, by name."""

LENGTH_TOLERANCE: Final = 1e-3
"""How far from 1 the length of a unit vector may be."""


@dataclass(frozen=True)
class Neighbour:
    """One stored vector near a query."""

    id: int
    similarity: float
    """Cosine similarity to the query."""


class VectorIndex(Protocol):
    """Vectors by id, searched by cosine similarity; misuse raises `ValueError` and changes nothing."""

    kind: ClassVar[str]
    dimension: int

    def __init__(self, dimension: int) -> None:
        """Start empty, for vectors of `dimension` numbers."""
        ...

    def __len__(self) -> int:
        """Return the number of stored vectors."""
        ...

    def ids(self) -> Ids:
        """Return the ids of the stored vectors, ascending."""
        ...

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Say of each id whether a vector is stored under it."""
        ...

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Store `vectors` under `ids`, which must be new."""
        ...

    def remove(self, ids: Ids) -> None:
        """Forget the vectors of `ids`, which must be stored."""
        ...

    def nearest(self, vectors: Vectors, k: int) -> list[list[Neighbour]]:
        """Return for each row its `k` nearest stored vectors, or all where fewer are stored.

        The best comes first, and of equals the lowest id. What a row gets does not depend on the rows beside it.
        """
        ...

    def arrays(self) -> Arrays:
        """Return what `from_arrays` needs to make an equal index."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Return the index that `arrays` were taken from."""
        ...


def checked_vectors(vectors: Vectors, dimension: int) -> Vectors:
    """Return `vectors` as FAISS reads them, or raise where a row is no unit vector of `dimension` numbers."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != dimension:
        raise ValueError(f"vectors must have the shape (n, {dimension}), got {np.shape(vectors)}")
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    # Written so that NaN, which compares as false, is refused too.
    refused = np.flatnonzero(~(np.abs(lengths - 1.0) <= LENGTH_TOLERANCE))
    if refused.size:
        raise ValueError(f"vectors[{refused[0]}] has the length {lengths[refused[0]]:.4g}, not 1; normalise it first")
    return rows


def checked_ids(ids: Ids) -> Ids:
    """Return `ids` as FAISS reads them, or raise where one repeats, is negative or is no integer."""
    column = np.asarray(ids)
    if column.ndim != 1 or (column.size and not np.issubdtype(column.dtype, np.integer)):
        raise ValueError(f"ids must be one row of integers, got shape {column.shape} of {column.dtype}")
    if column.size and column.min() < 0:
        raise ValueError(f"ids must not be negative, got {column.min()}")
    values, counts = np.unique(column, return_counts=True)
    if values.size < column.size:
        raise ValueError(f"id {values[counts > 1][0]} is given {counts.max()} times; give every id once")
    return np.ascontiguousarray(column, dtype=np.int64)


def best(ids: Ids, similarities: NDArray[np.float32], k: int) -> list[Neighbour]:
    """Return the `k` most similar, the best first and of equals the lowest id."""
    order = np.lexsort((ids, -similarities))[:k]
    return [Neighbour(int(ids[place]), float(similarities[place])) for place in order]
