import numpy as np
import pytest

from memory_editor.indexes import Ids, Vectors
from memory_editor.indexes.ivf import IvfIndex
from tests.indexes.vectors import DIMENSION, clustered, exact, ids_of, similarities_of, unit

LISTS_FROM = 640
VECTORS = clustered(4000)
IDS = np.arange(len(VECTORS))
QUERIES = unit(clustered(100, seed=2) + clustered(100, seed=3))


def built(count: int) -> IvfIndex:
    index = IvfIndex(DIMENSION, lists_from=LISTS_FROM)
    index.add(IDS[:count], VECTORS[:count])
    return index


def trained_on(index: IvfIndex) -> int:
    return int(index.arrays().get("trained_on", 0))


def recall(index: IvfIndex, vectors: Vectors = VECTORS) -> float:
    found = ids_of(index.nearest(QUERIES, 10))
    true = ids_of(exact(index.ids(), vectors[index.ids()], QUERIES, 10))
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, true, strict=True)]))


def test_lists_begin_at_their_size_and_are_trained_again_at_twice_that() -> None:
    index, trained = IvfIndex(DIMENSION, lists_from=LISTS_FROM), []
    for size in (639, 640, 1279, 1280, 2559, 2560):
        index.add(IDS[len(index) : size], VECTORS[len(index) : size])
        trained.append(trained_on(index))
    assert trained == [0, 640, 640, 1280, 1280, 2560]


def test_an_index_that_grows_past_its_size_keeps_its_answers() -> None:
    index = built(LISTS_FROM - 1)
    before = index.nearest(VECTORS[:50], 1)
    index.add(IDS[-1:], VECTORS[-1:])
    assert trained_on(index) == LISTS_FROM
    after = index.nearest(VECTORS[:50], 1)
    assert ids_of(after) == ids_of(before)
    assert np.allclose(similarities_of(after), similarities_of(before), atol=1e-6)


def test_lists_depend_on_what_is_stored_and_not_on_its_order() -> None:
    shuffled = np.random.default_rng(4).permutation(2000)
    other = IvfIndex(DIMENSION, lists_from=LISTS_FROM)
    other.add(IDS[shuffled], VECTORS[shuffled])
    assert np.array_equal(other.arrays()["lists"], built(2000).arrays()["lists"])


def test_most_true_neighbours_are_found_at_every_size() -> None:
    assert [recall(built(count)) >= 0.99 for count in (LISTS_FROM, 1000, 4000)] == [True] * 3


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


def test_an_id_that_returns_with_another_vector_is_found_by_that_one() -> None:
    index = built(2000)
    moved, places = IDS[:200], VECTORS[3000:3200]
    index.remove(moved)
    index.add(moved, places)
    assert ids_of(index.nearest(places, 1)) == [[id_] for id_ in moved.tolist()]
    assert recall(index, np.concatenate([places, VECTORS[200:]])) >= 0.99


def test_where_most_candidates_were_removed_search_is_exact() -> None:
    index = built(4000)
    near: Ids = np.array(ids_of(index.nearest(QUERIES[:1], 190))[0])
    index.remove(near)
    left = np.setdiff1d(IDS, near)
    assert ids_of(index.nearest(QUERIES[:1], 10)) == ids_of(exact(left, VECTORS[left], QUERIES[:1], 10))


def test_lists_end_when_too_few_are_left_to_train_on() -> None:
    index = built(LISTS_FROM)
    index.remove(IDS[10:LISTS_FROM])
    for row in range(LISTS_FROM, 2 * LISTS_FROM):
        index.add(IDS[row : row + 1], VECTORS[row : row + 1])
        index.remove(IDS[row : row + 1])
    assert trained_on(index) == 0
    assert ids_of(index.nearest(QUERIES, 3)) == ids_of(exact(IDS[:10], VECTORS[:10], QUERIES, 3))


def test_an_odd_dimension_is_searched_too() -> None:
    vectors = unit(VECTORS[:1000, 1:])
    index = IvfIndex(DIMENSION - 1, lists_from=LISTS_FROM)
    index.add(IDS[:1000], vectors)
    assert trained_on(index) == 1000
    assert ids_of(index.nearest(vectors, 1)) == [[id_] for id_ in range(1000)]
