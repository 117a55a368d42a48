import numpy as np
import pytest

from memory_editor.indexes.flat import FlatIndex
from memory_editor.indexes.growing import GrowingIndex
from memory_editor.indexes.pq import PqIndex
from tests.indexes.vectors import DIMENSION, clustered, ids_of, similarities_of

FROM = 700
VECTORS = clustered(2000)
IDS = np.arange(len(VECTORS))
QUERIES = clustered(50, seed=2)


def built(count: int) -> GrowingIndex:
    index = GrowingIndex(DIMENSION, codes_from=FROM)
    index.add(IDS[:count], VECTORS[:count])
    return index


def test_it_answers_as_the_flat_index_and_then_as_the_one_of_codes() -> None:
    flat, codes = FlatIndex(DIMENSION), PqIndex(DIMENSION)
    flat.add(IDS[: FROM - 1], VECTORS[: FROM - 1])
    codes.add(IDS[:FROM], VECTORS[:FROM])
    assert built(FROM - 1).nearest(QUERIES, 10) == flat.nearest(QUERIES, 10)
    assert built(FROM).nearest(QUERIES, 10) == codes.nearest(QUERIES, 10)


def test_an_index_that_grows_past_its_size_keeps_its_answers() -> None:
    index = built(FROM - 1)
    before = index.nearest(VECTORS[:50], 1)
    index.add(IDS[-1:], VECTORS[-1:])
    after = index.nearest(VECTORS[:50], 1)
    assert ids_of(after) == ids_of(before)
    assert np.allclose(similarities_of(after), similarities_of(before), atol=1e-4)


def test_what_is_refused_turns_nothing_into_codes() -> None:
    index = built(FROM - 1)
    before = index.nearest(QUERIES, 10)
    with pytest.raises(ValueError, match="id 3 is stored already"):
        index.add(IDS[3:4], VECTORS[3:4])
    assert index.nearest(QUERIES, 10) == before


def test_codes_stay_until_nothing_is_stored() -> None:
    index = built(1000)
    index.remove(IDS[1:1000])
    assert sorted(index.arrays()) == ["codes", "ids", "rows0", "trained_on"]
    index.remove(IDS[:1])
    assert sorted(index.arrays()) == ["ids", "vectors"]


@pytest.mark.parametrize("count", [0, 10, 1000])
def test_arrays_of_either_kind_make_an_equal_index(count: int) -> None:
    index = built(count)
    copy = GrowingIndex.from_arrays(index.arrays())
    assert (len(copy), copy.dimension) == (count, DIMENSION)
    assert copy.nearest(QUERIES, 10) == index.nearest(QUERIES, 10)
