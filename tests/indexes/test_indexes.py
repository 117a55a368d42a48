import numpy as np
import pytest

from memory_editor.errors import ConfigError
from memory_editor.indexes import DEFAULT_KIND, KINDS, index_class
from tests.indexes.vectors import DIMENSION, clustered, exact, ids_of


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_the_table_is_found(kind: str) -> None:
    ids, vectors = np.arange(30), clustered(30)
    index = index_class(kind)(DIMENSION)
    index.add(ids, vectors)
    assert (index.kind, len(index), index.dimension) == (kind, 30, DIMENSION)
    assert ids_of(index.nearest(vectors[:5], 4)) == ids_of(exact(ids, vectors, vectors[:5], 4))


def test_the_default_kind_is_one_of_the_table() -> None:
    assert DEFAULT_KIND in KINDS


def test_another_kind_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown kind of index 'hnsw'; known are flat, pq, growing"):
        index_class("hnsw")
