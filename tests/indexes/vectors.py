"""Vectors that look like those of sentences, and the exact search that every index is compared with."""

import numpy as np

from memory_editor.indexes import Ids, Neighbour, Vectors

DIMENSION = 64


def unit(rows: np.ndarray) -> Vectors:
    """Return `rows` at unit length."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def clustered(count: int, *, seed: int = 0, clusters: int = 16) -> Vectors:
    """Return unit vectors around a few centres, which do not depend on the seed."""
    centres = np.random.default_rng(99).normal(size=(clusters, DIMENSION))
    chance = np.random.default_rng(seed)
    return unit(centres[chance.integers(clusters, size=count)] + 0.7 * chance.normal(size=(count, DIMENSION)))


def exact(ids: Ids, vectors: Vectors, queries: Vectors, k: int) -> list[list[Neighbour]]:
    """Return the true neighbours by NumPy alone."""
    similarities = np.einsum("qd,nd->qn", queries, vectors)
    orders = [np.lexsort((ids, -row))[:k] for row in similarities]
    return [
        [Neighbour(int(ids[place]), float(row[place])) for place in order]
        for row, order in zip(similarities, orders, strict=True)
    ]


def ids_of(found: list[list[Neighbour]]) -> list[list[int]]:
    """Return the ids alone."""
    return [[neighbour.id for neighbour in row] for row in found]


def similarities_of(found: list[list[Neighbour]]) -> list[list[float]]:
    """Return the similarities alone."""
    return [[neighbour.similarity for neighbour in row] for row in found]
