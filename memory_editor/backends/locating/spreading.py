"""Writes values that one layer is to return into the MLPs of several; knows no method of solving.

Meng et al. 2023, "Mass-Editing Memory in a Transformer", section 4.3 and algorithm 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeAlias

import torch
from torch import Tensor

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.finite import checked_finite
from memory_editor.backends.locating.facts import Fact
from memory_editor.backends.locating.prefixes import written_prefixes
from memory_editor.backends.locating.projections import Projection, SecondMoments, projections_at
from memory_editor.backends.locating.recall import Site
from memory_editor.backends.locating.values import ValueOptimiser, ValueSearch
from memory_editor.language_model import LanguageModel

DEPTHS: Final = Fraction(2, 15), Fraction(4, 15)
"""The default layers' shares of the depth; published: 3 to 8 of GPT-J's 28, 4 to 8 of Llama-3's 32."""

PREFIX_LENGTHS: Final = (10,) * 5

_ROUNDING: Final = 0.05
"""What of a change may get lost on its way, several times what bfloat16 rounds off."""

Solve: TypeAlias = Callable[[int, Tensor, Tensor], Tensor]
"""Given the place of a projection, keys (edits, in) and what their values lack (edits, out), gives the change of W."""


@dataclass(frozen=True, kw_only=True)
class SpreadSearch(ValueSearch):
    """What methods that write into several layers have in common.

    `clamp` is 4 norms of the old value here, as for ROME: with that the other defaults were chosen. Published: 0.75.
    """

    layers: tuple[int, ...] = ()
    """The blocks whose MLPs are written into, counted from 0; by default those from 2/15 to 4/15 of the depth. In a
    model that normalises or scales what its MLPs add, as Gemma 3 does, the last of them alone."""
    prefixes: tuple[str, ...] | None = None
    """What is put before the prompt for the mean key and the value; by default 5 texts that the model writes."""
    moments: SecondMoments | None = None
    """Gives C, the second moments of keys; the method needs them."""

    def contexts(self, base: LanguageModel) -> tuple[str, ...]:
        """Return what is put before prompts."""
        return written_prefixes(base, PREFIX_LENGTHS) if self.prefixes is None else self.prefixes


class Spreader:
    """Optimises values at the output of the last of some blocks, and writes them into the MLPs of all of them.

    Where what an MLP's projection makes is not added as it is, what the block lacks is not what the projections are to
    make more. The values are then optimised at the projection of the last block, and written into that alone.
    """

    def __init__(self, base: LanguageModel, search: SpreadSearch) -> None:
        model = sharing_weights(base.model)
        every = projections_at(base, search.layers, DEPTHS)
        last = every[-1]
        block, projection = Site(model, last.block), Site(model, last.path)
        is_added = adds_as_it_is(projection, block, base.encode("The")[0])
        self.projections: Sequence[Projection] = every if is_added else [last]
        """What is written into, from below."""
        self._keys = [Site(model, one.path) for one in self.projections]
        self._values = block if is_added else projection
        self._optimiser = ValueOptimiser(model, self._values, last.layer, search)

    def write(self, facts: Sequence[Fact], solve: Solve, show: Callable[[int], None] = lambda _: None) -> None:
        """Change the projections, from below, each by its share of what is still lacking.

        `show` is told how many values are found.
        """
        if not facts:
            return
        wanted = self._optimiser.values(facts, show).new
        heads = [fact.contexts[0].head for fact in facts]
        for place, projection in enumerate(self.projections):
            lacking = (wanted - self._values.returned(heads)).double()
            projection.add(solve(place, self.keys(place, facts), lacking / (len(self.projections) - place)))

    def keys(self, place: int, facts: Sequence[Fact]) -> Tensor:
        """Return the key of each fact at one of the projections, float64 (facts, in).

        It is the mean over all contexts alike. The published code first takes the mean of those that are made in one
        way, which gives the bare prompt the weight of all others together.
        """
        given = self._keys[place].given([row.head for fact in facts for row in fact.contexts])
        return given.double().reshape(len(facts), -1, given.shape[1]).mean(1)


@torch.no_grad()
def adds_as_it_is(projection: Site, block: Site, token: int) -> bool:
    """Say whether what a block's projection makes is added to what the block returns, not normalised or scaled before.

    What the block returns is added to what the projection makes, which is then to double what the block returns.
    """
    before = block.returned([[token]])
    with projection.adding(before):
        after = checked_finite(block.returned([[token]]), "what a block returns")
    off = (after.double() - 2 * before.double()).norm()
    return bool(off <= _ROUNDING * before.double().norm())
