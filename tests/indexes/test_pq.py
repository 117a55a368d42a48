import numpy as np
import pytest

from memory_editor.indexes import Ids, Vectors
from memory_editor.indexes.pq import CODES_FROM, PqIndex
from tests.indexes.vectors import DIMENSION, clustered, exact, ids_of, similarities_of, unit

VECTORS = clustered(4000)
IDS = np.arange(len(VECTORS))
QUERIES = unit(clustered(100, seed=2) + clustered(100, seed=3))


def built(count: int) -> PqIndex:
    index = PqIndex(DIMENSION)
    index.add(IDS[:count], VECTORS[:count])
    return index


def trained_on(index: PqIndex) -> int:
    return int(index.arrays()["trained_on"])


def recall(index: PqIndex, vectors: Vectors = VECTORS) -> float:
    found = ids_of(index.nearest(QUERIES, 10))
    true = ids_of(exact(index.ids(), vectors[index.ids()], QUERIES, 10))
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, true, strict=True)]))


def test_codes_begin_at_their_size_and_are_trained_again_at_half_as_many_more() -> None:
    index, trained = PqIndex(DIMENSION), []
    for size in (CODES_FROM - 1, CODES_FROM, 959, 960, 1439, 1440):
        index.add(IDS[len(index) : size], VECTORS[len(index) : size])
        trained.append(trained_on(index))
    assert trained == [0, 640, 640, 960, 960, 1440]


def test_similarities_are_those_of_the_vectors_in_16_bits() -> None:
    index = built(2000)
    rounded = np.rint(VECTORS * 32_767) / 32_767
    for query, neighbours in zip(QUERIES, index.nearest(QUERIES, 10), strict=True):
        ids = [neighbour.id for neighbour in neighbours]
        assert np.allclose([neighbour.similarity for neighbour in neighbours], rounded[ids] @ query, atol=1e-6)


def test_codes_depend_on_what_is_stored_and_not_on_its_order() -> None:
    shuffled = np.random.default_rng(4).permutation(2000)
    other = PqIndex(DIMENSION)
    other.add(IDS[shuffled], VECTORS[shuffled])
    assert other.nearest(QUERIES, 10) == built(2000).nearest(QUERIES, 10)


def test_codes_added_in_parts_are_those_added_at_once() -> None:
    index = built(2000)
    index.add(IDS[2000:2600], VECTORS[2000:2600])
    other = built(2000)
    for row in range(2000, 2600, 7):
        other.add(IDS[row : row + 7][: 2600 - row], VECTORS[row : row + 7][: 2600 - row])
    assert {name: array.tolist() for name, array in other.arrays().items()} == {
        name: array.tolist() for name, array in index.arrays().items()
    }


def test_most_true_neighbours_are_found_at_every_size() -> None:
    assert [recall(built(count)) >= 0.99 for count in (CODES_FROM, 1000, 4000)] == [True] * 3


@pytest.mark.parametrize("seed", range(3))
def test_adds_and_removals_in_turn_lose_no_neighbours(seed: int) -> None:
    chance, index = np.random.default_rng(seed), built(2000)
    for _ in range(20):
        gone = chance.choice(index.ids(), size=150, replace=False)
        index.remove(gone)
        new = chance.choice(np.setdiff1d(IDS, index.ids()), size=170, replace=False)
        index.add(new, VECTORS[new])
    assert trained_on(index) > 2000
    assert recall(index) >= 0.99
    assert ids_of(index.nearest(VECTORS[index.ids()], 1)) == [[id_] for id_ in index.ids().tolist()]


def test_rows_of_removed_vectors_go_when_the_codes_are_trained_again() -> None:
    index = built(2000)
    index.remove(IDS[500:1500])
    index.add(IDS[2000:2999], VECTORS[2000:2999])
    assert (len(index), len(index.arrays()["ids"]), trained_on(index)) == (1999, 2999, 2000)
    index.add(IDS[3000:3001], VECTORS[3000:3001])
    assert (len(index), len(index.arrays()["ids"]), trained_on(index)) == (2000, 2000, 2000)
    held = index.ids()
    assert held.tolist() == [*range(500), *range(1500, 2999), 3000]
    assert ids_of(index.nearest(VECTORS[held], 1)) == [[id_] for id_ in held.tolist()]


def test_an_id_that_returns_with_another_vector_is_found_by_that_one() -> None:
    index = built(2000)
    moved, places = IDS[:200], VECTORS[3000:3200]
    index.remove(moved)
    index.add(moved, places)
    assert ids_of(index.nearest(places, 1)) == [[id_] for id_ in moved.tolist()]
    assert recall(index, np.concatenate([places, VECTORS[200:]])) >= 0.99


@pytest.mark.parametrize("removed", [190, 1000, 3995])
def test_where_most_candidates_were_removed_more_are_compared(removed: int) -> None:
    index = built(4000)
    near: Ids = np.array(ids_of(index.nearest(QUERIES[:1], removed))[0])
    index.remove(near)
    left = np.setdiff1d(IDS, near)
    assert ids_of(index.nearest(QUERIES[:1], 5)) == ids_of(exact(left, VECTORS[left], QUERIES[:1], 5))


def test_codes_end_when_too_few_are_left_to_train_on() -> None:
    index = built(CODES_FROM)
    index.remove(IDS[10:CODES_FROM])
    for row in range(CODES_FROM, 2 * CODES_FROM):
        index.add(IDS[row : row + 1], VECTORS[row : row + 1])
        index.remove(IDS[row : row + 1])
    assert trained_on(index) == 0
    assert ids_of(index.nearest(QUERIES, 3)) == ids_of(exact(IDS[:10], VECTORS[:10], QUERIES, 3))


@pytest.mark.parametrize("dimension", [61, 62, 63])
def test_any_dimension_is_searched(dimension: int) -> None:
    vectors = unit(VECTORS[:1000, :dimension])
    index = PqIndex(dimension)
    index.add(IDS[:1000], vectors)
    assert trained_on(index) == 1000
    assert ids_of(index.nearest(vectors, 1)) == [[id_] for id_ in range(1000)]


def test_what_is_written_in_blocks_is_read_from_them(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = built(1500)
    monkeypatch.setattr("memory_editor.indexes.pq._BLOCK", 400)
    index = built(1500)
    assert sorted(index.arrays()) == ["codes", "ids", "rows0", "rows1", "rows2", "rows3", "trained_on"]
    copy = PqIndex.from_arrays(index.arrays())
    assert copy.nearest(QUERIES, 10) == index.nearest(QUERIES, 10) == expected.nearest(QUERIES, 10)
    for each in (index, copy, expected):
        each.remove(IDS[:900])
        each.add(IDS[1500:2400], VECTORS[1500:2400])
    assert copy.nearest(QUERIES, 10) == index.nearest(QUERIES, 10) == expected.nearest(QUERIES, 10)


def test_similarities_of_many_rows_are_those_of_few() -> None:
    found = built(4000).nearest(QUERIES[:3], 4000)
    true = exact(IDS, VECTORS, QUERIES[:3], 4000)
    assert np.allclose(similarities_of(found), similarities_of(true), atol=1e-4)
