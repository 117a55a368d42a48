"""Which edits share a LoRA: those whose prompts are alike; knows no edits, only their vectors."""

import numpy as np
from numpy.typing import NDArray

from memory_editor.store import Vectors


def cluster(vectors: Vectors, size: int) -> list[list[int]]:
    """Return the rows of `vectors` in clusters of like ones, all of them full, `size`, but one.

    MELO groups edits within a radius and forgets those that fall between. Here what is alike is halved along its first
    principal axis (Boley 1998, "Principal direction divisive partitioning"), until it fits: nothing is left over, and
    the same vectors always give the same clusters.
    """
    return [rows.tolist() for rows in _halved(np.arange(len(vectors)), vectors, size)] if len(vectors) else []


def _halved(rows: NDArray[np.int64], vectors: Vectors, size: int) -> list[NDArray[np.int64]]:
    if len(rows) <= size:
        return [rows]
    centred = vectors[rows].astype(np.float64) - vectors[rows].mean(0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    ordered = rows[np.argsort(centred @ axis, kind="stable")]
    half = size * (-(-len(rows) // size) // 2)
    return _halved(ordered[:half], vectors, size) + _halved(ordered[half:], vectors, size)
