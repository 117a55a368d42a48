"""What every kind of index promises, checked against exact search by NumPy."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.indexes import Ids, VectorIndex, Vectors
from memory_editor.indexes.flat import FlatIndex
from memory_editor.indexes.growing import GrowingIndex
from memory_editor.indexes.pq import PqIndex
from tests.indexes.vectors import DIMENSION, clustered, exact, ids_of, similarities_of, unit

COUNT = 700
VECTORS = clustered(COUNT)
IDS = np.random.default_rng(1).permutation(10 * COUNT)[:COUNT].astype(np.int64)
QUERIES = unit(clustered(50, seed=2) + clustered(50, seed=3))

Maker = Callable[[], VectorIndex]
EXACT: dict[str, Maker] = {
    "flat": lambda: FlatIndex(DIMENSION),
    "growing below its size": lambda: GrowingIndex(DIMENSION, codes_from=10_000),
}
EVERY: dict[str, Maker] = EXACT | {
    "growing": lambda: GrowingIndex(DIMENSION, codes_from=128),
    "pq": lambda: PqIndex(DIMENSION),
}

every_kind = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)
exact_kinds = pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)


def built(make: Maker, ids: Ids = IDS, vectors: Vectors = VECTORS) -> VectorIndex:
    index = make()
    index.add(ids, vectors)
    return index


@exact_kinds
def test_neighbours_are_the_true_ones(make: Maker) -> None:
    found, true = built(make).nearest(QUERIES, 10), exact(IDS, VECTORS, QUERIES, 10)
    assert ids_of(found) == ids_of(true)
    assert np.allclose(similarities_of(found), similarities_of(true), atol=1e-6)


@every_kind
def test_99_of_100_true_neighbours_are_found(make: Maker) -> None:
    found, true = ids_of(built(make).nearest(QUERIES, 10)), ids_of(exact(IDS, VECTORS, QUERIES, 10))
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, true, strict=True)]) >= 0.99


@every_kind
def test_similarities_are_exact_and_descend(make: Maker) -> None:
    row_of = {id_: row for row, id_ in enumerate(IDS.tolist())}
    for query, neighbours in zip(QUERIES, built(make).nearest(QUERIES, 10), strict=True):
        similarities = [neighbour.similarity for neighbour in neighbours]
        rows = [row_of[neighbour.id] for neighbour in neighbours]
        assert np.allclose(similarities, VECTORS[rows] @ query, atol=1e-4)
        assert similarities == sorted(similarities, reverse=True)


@every_kind
def test_a_stored_vector_is_its_own_nearest(make: Maker) -> None:
    found = built(make).nearest(VECTORS, 1)
    assert ids_of(found) == [[id_] for id_ in IDS.tolist()]
    assert np.allclose(similarities_of(found), 1.0, atol=1e-4)


@every_kind
def test_a_row_gets_the_same_neighbours_in_any_batch(make: Maker) -> None:
    index = built(make)
    together = index.nearest(QUERIES, 10)
    assert together == [index.nearest(query[np.newaxis], 10)[0] for query in QUERIES]


@every_kind
@pytest.mark.parametrize("k", [1, 3, 7, 20])
def test_of_equals_the_lowest_ids_come_first(make: Maker, k: int) -> None:
    ids = np.array([9, 4, 7, 1, 8, 3, 2], dtype=np.int64)
    index = built(make, 10_000 + ids, np.repeat(VECTORS[:1], 7, axis=0))
    index.add(IDS, VECTORS[::-1].copy())
    found = index.nearest(VECTORS[:1], k)[0]
    assert len(found) == k
    equals = sorted([*(10_000 + ids).tolist(), int(IDS[-1])])
    assert [neighbour.id for neighbour in found[:8]] == equals[:k]
    assert len({neighbour.similarity for neighbour in found[:8]}) == 1


@every_kind
def test_all_are_returned_where_fewer_are_stored(make: Maker) -> None:
    found, true = built(make).nearest(QUERIES[:3], COUNT + 1), exact(IDS, VECTORS, QUERIES[:3], COUNT)
    assert [sorted(row) for row in ids_of(found)] == [sorted(IDS.tolist())] * 3
    assert np.allclose(similarities_of(found), similarities_of(true), atol=1e-4)


@every_kind
def test_an_empty_index_has_no_neighbours(make: Maker) -> None:
    index = make()
    assert index.nearest(QUERIES[:2], 5) == [[], []]
    assert (len(index), index.ids().tolist()) == (0, [])
    index.add(np.array([], dtype=np.int64), np.zeros((0, DIMENSION), dtype=np.float32))
    index.remove(np.array([], dtype=np.int64))
    assert index.nearest(QUERIES[:2], 5) == [[], []]


@every_kind
def test_no_neighbours_of_no_queries_and_none_wanted(make: Maker) -> None:
    index = built(make)
    assert index.nearest(QUERIES[:0], 5) == []
    assert index.nearest(QUERIES[:2], 0) == [[], []]


@every_kind
def test_it_says_which_ids_it_holds(make: Maker) -> None:
    index = built(make)
    index.remove(IDS[:10])
    assert index.holds(np.append(IDS[:12], [-1, 99_999])).tolist() == [False] * 10 + [True, True, False, False]
    assert index.holds(np.array([], dtype=np.int64)).tolist() == []


@every_kind
def test_the_removed_are_gone_and_may_come_back(make: Maker) -> None:
    index = built(make)
    before = index.nearest(VECTORS[:200], 1)
    index.remove(IDS[:200])
    assert index.ids().tolist() == sorted(IDS[200:].tolist())
    assert not {id_ for row in ids_of(index.nearest(VECTORS[:200], 10)) for id_ in row} & set(IDS[:200].tolist())
    index.add(IDS[:200], VECTORS[:200])
    assert index.nearest(VECTORS[:200], 1) == before


@every_kind
def test_an_emptied_index_starts_again(make: Maker) -> None:
    index = built(make)
    index.remove(IDS)
    assert (len(index), index.nearest(QUERIES[:1], 5)) == (0, [[]])
    index.add(IDS[:3], VECTORS[:3])
    found, true = index.nearest(QUERIES, 5), exact(IDS[:3], VECTORS[:3], QUERIES, 5)
    assert ids_of(found) == ids_of(true)
    assert np.allclose(similarities_of(found), similarities_of(true), atol=1e-4)


REFUSED_VECTORS = {
    "not a number": (np.full((1, DIMENSION), np.nan), r"vectors\[0\] has the length nan, not 1"),
    "infinite": (np.full((1, DIMENSION), np.inf), r"vectors\[0\] has the length inf"),
    "too long": (2 * VECTORS[:1], r"vectors\[0\] has the length 2, not 1; normalise it first"),
    "zero": (np.zeros((1, DIMENSION)), r"vectors\[0\] has the length 0"),
    "another dimension": (VECTORS[:1, 1:], rf"shape \(n, {DIMENSION}\), got \(1, {DIMENSION - 1}\)"),
    "no matrix": (VECTORS[0], rf"shape \(n, {DIMENSION}\), got \({DIMENSION},\)"),
}


@every_kind
@pytest.mark.parametrize(("vectors", "message"), REFUSED_VECTORS.values(), ids=REFUSED_VECTORS)
def test_bad_vectors_are_refused(make: Maker, vectors: Vectors, message: str) -> None:
    index = built(make)
    with pytest.raises(ValueError, match=message):
        index.nearest(vectors, 1)
    with pytest.raises(ValueError, match=message):
        index.add(np.array([99_999], dtype=np.int64), vectors)
    assert index.nearest(QUERIES, 5) == built(make).nearest(QUERIES, 5)


REFUSED_IDS = {
    "repeated": ([99_998, 99_998], r"id 99998 is given 2 times"),
    "stored": ([99_998, int(IDS[0])], rf"id {IDS[0]} is stored already"),
    "negative": ([99_998, -1], r"must not be negative, got -1"),
    "fractions": ([1.5, 2.5], r"one row of integers, got shape \(2,\) of float64"),
    "too few": ([99_998], r"1 ids do not fit 2 vectors"),
    "a table": ([[99_998, 99_999]], r"one row of integers, got shape \(1, 2\)"),
}


@every_kind
@pytest.mark.parametrize(("ids", "message"), REFUSED_IDS.values(), ids=REFUSED_IDS)
def test_bad_ids_are_refused(make: Maker, ids: list[int], message: str) -> None:
    index = built(make)
    with pytest.raises(ValueError, match=message):
        index.add(np.array(ids), VECTORS[:2])
    assert index.ids().tolist() == sorted(IDS.tolist())


@every_kind
def test_what_is_not_stored_cannot_be_removed(make: Maker) -> None:
    index = built(make)
    with pytest.raises(ValueError, match=r"id 99999 is not stored"):
        index.remove(np.array([IDS[0], 99_999], dtype=np.int64))
    assert index.ids().tolist() == sorted(IDS.tolist())


@every_kind
def test_arrays_make_an_equal_index(make: Maker) -> None:
    index = built(make)
    index.remove(IDS[::3])
    copy = type(index).from_arrays(index.arrays())
    assert copy.nearest(QUERIES, 10) == index.nearest(QUERIES, 10)
    assert {name: array.tolist() for name, array in copy.arrays().items()} == {
        name: array.tolist() for name, array in index.arrays().items()
    }


STEPS = st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 39), min_size=1, max_size=8)), max_size=12)
FEW = clustered(20, seed=5)[np.arange(40) % 20]  # every vector twice


@exact_kinds
@settings(max_examples=50, deadline=None)
@given(steps=STEPS)
def test_any_adds_and_removals_end_as_a_fresh_build(make: Maker, steps: list[tuple[bool, set[int]]]) -> None:
    index, held = make(), set[int]()
    for adds, chosen in steps:
        changed = np.array(sorted(chosen - held if adds else chosen & held), dtype=np.int64)
        if adds:
            index.add(changed[::-1], FEW[changed[::-1]])
            held |= chosen
        else:
            index.remove(changed)
            held -= chosen
    ids = np.array(sorted(held), dtype=np.int64)
    assert np.array_equal(index.ids(), ids)
    assert index.nearest(QUERIES[:5], 7) == built(make, ids, FEW[ids]).nearest(QUERIES[:5], 7)
    assert ids_of(index.nearest(QUERIES[:5], 7)) == ids_of(exact(ids, FEW[ids], QUERIES[:5], 7))
