"""Approximate search: compact codes name candidates, the exact vectors decide between them; knows no files."""

from math import ceil, isqrt
from typing import ClassVar, Final, Self

import numpy as np

from memory_editor.indexes.base import Arrays, Ids, Neighbour, Vectors, best
from memory_editor.indexes.faiss_library import faiss, one_thread
from memory_editor.indexes.flat import FlatIndex

IVF_FROM: Final = 16_384
"""From how many vectors on codes are searched; until then exact search takes about 2 ms at 384 dimensions."""

# Measured on real prompts and their paraphrases (benchmarks/index_lookup.py). A paraphrase lies so far from its prompt
# that half of the lists miss 1 to 2 % of its neighbours; noise added to stored vectors would not show it.
_LISTS_READ: Final = 0.75
_CANDIDATES: Final = 20
"""Vectors compared exactly for each neighbour wanted, at least for ten."""

_SAMPLE: Final = IVF_FROM
_SEED: Final = 0


class IvfIndex(FlatIndex):
    """An exact index that searches codes in inverted lists first while it holds `lists_from` vectors or more.

    The codes have 2 bits a number and choose the candidates; similarities are exact. They are trained on a sample that
    depends on nothing but what is stored, and again whenever twice as many are held.
    """

    kind: ClassVar[str] = "ivf"

    def __init__(self, dimension: int, lists_from: int = IVF_FROM) -> None:
        super().__init__(dimension)
        self._lists_from = lists_from
        # Codes of removed vectors stay until the next training and are passed over: in FAISS 1.15, codes added after a
        # removal come out wrong.
        self._lists: faiss.Index | None = None
        self._trained_on = 0

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Store `vectors` under `ids`, which must be new."""
        super().add(ids, vectors)
        if self._lists is not None:
            with one_thread():
                self._lists.add_with_ids(vectors, ids)
        codes = len(self) if self._lists is None else self._lists.ntotal
        if codes >= max(self._lists_from, 2 * self._trained_on):
            self._train()

    def _nearest(self, row: Vectors, wanted: int) -> list[Neighbour]:
        enough = _CANDIDATES * max(wanted, 10)
        if self._lists is None or enough >= len(self):
            return super()._nearest(row, wanted)
        # More by the share of codes whose vectors were removed; where the removed crowd, the exact search steps in.
        _, candidates = self._lists.search(row, enough * self._lists.ntotal // len(self))
        stored = np.array(sorted(self._stored.intersection(candidates[0].tolist())), dtype=np.int64)
        if len(stored) < enough / 2:
            return super()._nearest(row, wanted)
        # Summed row by row: unlike a matrix product, that gives equal vectors equal similarities.
        return best(stored, (self.vectors(stored) * row).sum(axis=1), wanted)

    def _train(self) -> None:
        self._lists, self._trained_on = None, 0
        if len(self) < self._lists_from:
            return
        ids = self.ids()
        vectors = self.vectors(ids)
        count = max(1, isqrt(len(ids)) // 4)
        # 4 bits for every two numbers, or for each one where their number is odd.
        codes = self.dimension // 2 if self.dimension % 2 == 0 else self.dimension
        quantizer = faiss.IndexFlatIP(self.dimension)
        lists = faiss.IndexIVFPQFastScan(quantizer, self.dimension, count, codes, 4, faiss.METRIC_INNER_PRODUCT)
        lists.nprobe = ceil(_LISTS_READ * count)
        with one_thread():
            lists.train(vectors[np.random.default_rng(_SEED).permutation(len(ids))[:_SAMPLE]])
            lists.add_with_ids(vectors, ids)
        self._lists, self._trained_on = lists, len(ids)

    def arrays(self) -> Arrays:
        """Return what `from_arrays` needs to make an equal index."""
        if self._lists is None:
            return super().arrays()
        lists = {"lists": faiss.serialize_index(self._lists), "trained_on": np.array(self._trained_on)}
        return {**super().arrays(), **lists}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Return the index that `arrays` were taken from."""
        index = cls(arrays["vectors"].shape[1])
        FlatIndex.add(index, arrays["ids"], arrays["vectors"])  # its own `add` would train the lists anew
        if "lists" in arrays:
            index._lists = faiss.deserialize_index(arrays["lists"])
            index._trained_on = int(arrays["trained_on"])
        return index
