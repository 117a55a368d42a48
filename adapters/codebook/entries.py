"""Keys and values by edit, and the entry nearest to a key; knows no model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import torch
from torch import Tensor

from memory_editor.adapters.codebook.deferral import COVERED, deferral_radii, distances_to
from memory_editor.edits import EditId


class Match(NamedTuple):
    """The entry nearest to a prompt, how far away it is and how far it reaches."""

    edit: EditId
    distance: float
    radius: float

    @property
    def is_within(self) -> bool:
        """Whether the entry answers the prompt (equation 1 of the paper)."""
        return self.distance <= self.radius


@dataclass(frozen=True, eq=False)
class Entries:
    """Edits in the order in which they were added, with labels that are equal where their targets are.

    `keys` and `values` are of shape (edits, width); `initial` is the deferral radius with which an entry begins.
    """

    initial: float
    ids: tuple[EditId, ...]
    labels: tuple[str, ...]
    keys: Tensor
    values: Tensor

    @cached_property
    def places(self) -> dict[EditId, int]:
        """Where each edit stands."""
        return {id_: place for place, id_ in enumerate(self.ids)}

    @cached_property
    def radii(self) -> Tensor:
        """The deferral radius of each edit; shape (edits,)."""
        return deferral_radii(self.keys, self.labels, self.initial)

    def nearest(self, key: Tensor) -> Match | None:
        """Return the entry nearest to a key; none while there are no entries."""
        if not self.ids:
            return None
        distances = torch.where(self.radii > COVERED, distances_to(self.keys, key), torch.inf)
        place = int(distances.argmin())
        return Match(self.ids[place], float(distances[place]), float(self.radii[place]))

    def with_more(self, ids: Sequence[EditId], labels: Sequence[str], keys: Tensor, values: Tensor) -> Self:
        """Return these entries and others behind them."""
        return replace(
            self,
            ids=(*self.ids, *ids),
            labels=(*self.labels, *labels),
            keys=torch.cat([self.keys, keys]),
            values=torch.cat([self.values, values]),
        )

    def without(self, ids: Collection[EditId]) -> Self:
        """Return these entries but those of some edits."""
        kept = [place for place, id_ in enumerate(self.ids) if id_ not in ids]
        return replace(
            self,
            ids=tuple(self.ids[place] for place in kept),
            labels=tuple(self.labels[place] for place in kept),
            keys=self.keys[kept],
            values=self.values[kept],
        )
