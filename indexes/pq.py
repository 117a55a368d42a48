"""Approximate search: compact codes name candidates, 16-bit vectors decide between them; knows no files."""

from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from memory_editor.indexes.base import Arrays, Ids, Neighbour, Vectors, best, checked_ids, checked_vectors
from memory_editor.indexes.faiss_library import faiss, one_thread

# Measured on real prompts and their paraphrases (benchmarks/index_lookup.py, `memedit bench`). A paraphrase lies so
# far from its prompt that reading only the nearest inverted lists misses its neighbours; noise added to stored vectors
# would not show it.
NUMBERS_A_CODE: Final = 4
"""How many numbers of a vector share a code of 4 bits, where that leaves 64 codes; their number is a multiple of it."""
_CANDIDATES: Final = 20
"""Vectors compared with the query for each neighbour wanted, at least for ten."""
_MORE_CANDIDATES: Final = 1 / 1_000
"""And so many more for each vector stored."""

CODES_FROM: Final = 640
"""Fewer vectors do not train codes, and are all compared with the query."""
_TRAIN_AGAIN: Final = 1.5
"""Codes are trained again when so many times as many rows are held, those of removed vectors included."""
_SAMPLE: Final = 16_384
_SEED: Final = 0

_SCALE: Final = np.float32(32_767)
"""What 1 is in 16 bits: similarities are off by 0.0001 at most, in half the memory of float32."""

_BLOCK: Final = 65_536
"""How many rows are converted at once, or written as one array: all of them would take the memory twice."""


class PqIndex:
    """An index that compares a query with the codes of all vectors, and with the vectors of the best codes.

    Product quantization (Jégou et al. 2011) in the layout that FAISS scans fastest. Rows of removed vectors stay until
    the codes are trained again and are passed over: in FAISS 1.15, codes added after a removal come out wrong.
    """

    kind: ClassVar[str] = "pq"

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._rows = np.empty((0, dimension), np.int16)
        self._ids: Ids = np.empty(0, np.int64)  # of each row; -1 for the removed
        self._row_of: dict[int, int] = {}
        self._codes: faiss.Index | None = None
        self._trained_on = 0

    def __len__(self) -> int:
        return len(self._row_of)

    def ids(self) -> Ids:
        """Return the ids of the stored vectors, ascending."""
        return np.array(sorted(self._row_of), dtype=np.int64)

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Say of each id whether a vector is stored under it."""
        return np.array([id_ in self._row_of for id_ in ids.tolist()], dtype=np.bool_)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Store `vectors` under `ids`, which must be new."""
        column, new = checked_ids(ids), checked_vectors(vectors, self.dimension)
        if len(column) != len(new):
            raise ValueError(f"{len(column)} ids do not fit {len(new)} vectors; give one id for each")
        if known := [id_ for id_ in column.tolist() if id_ in self._row_of]:
            raise ValueError(f"id {min(known)} is stored already; remove it first")
        first = len(self._ids)
        self._ids = np.append(self._ids, column)
        self._row_of.update(zip(column.tolist(), range(first, len(self._ids)), strict=True))
        self._rows.resize((len(self._ids), self.dimension))  # in place: a copy would take the memory twice
        for start in range(0, len(new), _BLOCK):
            block = np.rint(new[start : start + _BLOCK] * _SCALE)
            self._rows[first + start : first + start + len(block)] = block
        if len(self._ids) >= max(CODES_FROM, _TRAIN_AGAIN * self._trained_on):
            self._train()
        else:
            self._encode(first)

    def remove(self, ids: Ids) -> None:
        """Forget the vectors of `ids`, which must be stored."""
        column = checked_ids(ids)
        if unknown := [id_ for id_ in column.tolist() if id_ not in self._row_of]:
            raise ValueError(f"id {min(unknown)} is not stored, so it cannot be removed")
        self._ids[[self._row_of.pop(id_) for id_ in column.tolist()]] = -1

    def nearest(self, vectors: Vectors, k: int) -> list[list[Neighbour]]:
        """Return for each row its `k` nearest stored vectors, or all where fewer are stored."""
        queries, wanted = checked_vectors(vectors, self.dimension), min(k, len(self))
        if wanted <= 0:
            return [[] for _ in queries]
        with one_thread():
            return [self._nearest(query, wanted) for query in queries]

    def _nearest(self, query: Vectors, wanted: int) -> list[Neighbour]:
        enough = min(len(self), _CANDIDATES * max(wanted, 10) + int(_MORE_CANDIDATES * len(self)))
        # More by the share of removed rows, and more again where these crowd.
        fetched = enough * len(self._ids) // len(self)
        while len(rows := self._candidates(query, fetched)) < enough / 2:
            fetched *= 4
        return best(self._ids[rows], self._similarities(rows, query), wanted)

    def _candidates(self, query: Vectors, count: int) -> NDArray[np.int64]:
        """Return those of the `count` rows with the best codes that are not removed."""
        if self._codes is None or count >= len(self._ids):
            return np.flatnonzero(self._ids >= 0)
        rows: NDArray[np.int64] = self._codes.search(query[np.newaxis], count)[1][0]
        held: NDArray[np.int64] = rows[self._ids[rows] >= 0]
        return held

    def _similarities(self, rows: NDArray[np.int64], query: Vectors) -> NDArray[np.float32]:
        blocks = (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
        # Summed row by row: unlike a matrix product, that gives equal vectors equal similarities.
        sums = [np.einsum("ij,j->i", self._rows.take(block, axis=0).astype(np.float32), query) for block in blocks]
        return (np.concatenate(sums) / _SCALE).astype(np.float32, copy=False)

    def _train(self) -> None:
        self._forget_removed()
        self._codes, self._trained_on = None, 0
        if len(self._ids) < CODES_FROM:
            return
        # In the order of the ids, so that the codes depend on nothing but what is stored.
        order = np.argsort(self._ids, kind="stable")
        sample = order[np.random.default_rng(_SEED).permutation(len(order))[:_SAMPLE]]
        most = max(1, min(NUMBERS_A_CODE, self.dimension // 64))
        numbers = next(n for n in range(most, 0, -1) if self.dimension % n == 0)
        codes = faiss.IndexPQFastScan(self.dimension, self.dimension // numbers, 4, faiss.METRIC_INNER_PRODUCT)
        with one_thread():
            codes.train(self._rows[sample].astype(np.float32) / _SCALE)
        self._codes, self._trained_on = codes, len(self._ids)
        self._encode(0)

    def _encode(self, first: int) -> None:
        if self._codes is None:
            return
        with one_thread():
            for start in range(first, len(self._ids), _BLOCK):
                self._codes.add(self._rows[start : start + _BLOCK].astype(np.float32) / _SCALE)

    def _forget_removed(self) -> None:
        kept = 0
        for start in range(0, len(self._ids), _BLOCK):
            rows = start + np.flatnonzero(self._ids[start : start + _BLOCK] >= 0)
            self._rows[kept : kept + len(rows)] = self._rows[rows]
            kept += len(rows)
        self._rows.resize((kept, self.dimension))
        self._ids = self._ids[self._ids >= 0]
        self._row_of = dict(zip(self._ids.tolist(), range(kept), strict=True))

    def arrays(self) -> Arrays:
        """Return what `from_arrays` needs to make an equal index; the vectors are views of its own, as they are now."""
        arrays: dict[str, NDArray[Any]] = {"ids": self._ids, "trained_on": np.array(self._trained_on)}
        if self._codes is not None:
            arrays["codes"] = faiss.serialize_index(self._codes)
        blocks = range(0, max(1, len(self._ids)), _BLOCK)
        return arrays | {f"rows{number}": self._rows[start : start + _BLOCK] for number, start in enumerate(blocks)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Return the index that `arrays` were taken from, having read one block of vectors at a time."""
        block, ids = arrays["rows0"], arrays["ids"]
        index = cls(block.shape[1])
        index._rows = np.empty((len(ids), index.dimension), np.int16)
        for number, start in enumerate(range(0, len(ids), _BLOCK)):
            index._rows[start : start + _BLOCK] = arrays[f"rows{number}"]
        index._ids = np.array(ids)
        index._row_of = {id_: row for row, id_ in enumerate(ids.tolist()) if id_ >= 0}
        index._trained_on = int(arrays["trained_on"])
        index._codes = faiss.deserialize_index(arrays["codes"]) if index._trained_on else None
        return index
