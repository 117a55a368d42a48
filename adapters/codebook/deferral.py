"""How far each key of a codebook reaches: the published rule, on vectors and labels alone."""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

COVERED: Final = -math.inf
"""The radius of a key that is no entry, because one with the same label covers it."""

_MARGIN: Final = 1e-5


def deferral_radii(keys: Tensor, labels: Sequence[str], initial: float) -> Tensor:
    """Return the deferral radius of every key, the keys being added one after the other.

    Hartvigsen et al. 2023, section 3: a key farther from the nearest entry than its radius and the initial one together
    is an entry of its own. Else the entry grows to cover a key with its own label ("expand"), and gives half of the
    distance to one with another ("split"). Shapes (keys, width) and (keys,).
    """
    radii = torch.full((len(keys),), COVERED)
    for place in range(len(keys)):
        distances = torch.where(radii[:place] > COVERED, distances_to(keys[:place], keys[place]), math.inf)
        nearest = int(distances.argmin()) if place else None
        if nearest is None or distances[nearest] > initial + radii[nearest]:
            radii[place] = initial
        elif labels[nearest] == labels[place]:
            radii[nearest] = torch.maximum(radii[nearest], distances[nearest])
        else:
            radii[place] = distances[nearest] / 2
            radii[nearest] = distances[nearest] / 2 - _MARGIN
    return radii


def distances_to(keys: Tensor, query: Tensor) -> Tensor:
    """Return the Euclidean distance of each key, shape (keys, width), to a query; shape (keys,)."""
    distances: Tensor = (keys - query).norm(dim=1)
    return distances
