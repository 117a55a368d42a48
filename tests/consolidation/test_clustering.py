"""Clusters hold every row once, are full but for one, and keep like rows together."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_editor.consolidation.clustering import cluster


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.integers(0, 3))
def test_every_row_is_in_one_cluster_and_all_are_full_but_one(count: int, size: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((count, 5)).astype(np.float32)
    found = cluster(vectors, size)
    assert sorted(row for rows in found for row in rows) == list(range(count))
    full, rest = divmod(count, size)
    assert sorted(map(len, found)) == ([rest] if rest else []) + [size] * full
    assert cluster(vectors, size) == found


def test_like_rows_are_together() -> None:
    kinds = np.tile([0, 1], 6)
    vectors = np.eye(2, dtype=np.float32)[kinds]
    assert sorted(map(sorted, cluster(vectors, 6))) == [list(range(0, 12, 2)), list(range(1, 12, 2))]


def test_equal_rows_are_split_all_the_same() -> None:
    assert sorted(map(len, cluster(np.ones((7, 3), np.float32), 3))) == [1, 3, 3]
