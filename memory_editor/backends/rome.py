"""ROME: one fact is written into one MLP as a change of rank one; knows no edit memory.

Meng et al. 2022, "Locating and Editing Factual Associations in GPT"; Gupta et al. 2024, "Rebuilding ROME: Resolving
Model Collapse during Sequential Model Editing", for the consistent key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

import torch
from torch import Tensor

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.locating.facts import facts_of
from memory_editor.backends.locating.prefixes import written_prefixes
from memory_editor.backends.locating.projections import Projection, SecondMoments, projection_at, solved
from memory_editor.backends.locating.recall import Site
from memory_editor.backends.locating.values import ValueOptimiser, ValueSearch
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress

DEPTH: Final = Fraction(1, 6)
"""The default layer's share of the depth; published: GPT-J and Llama 5, of 28 and 32."""

PREFIX_LENGTHS: Final = (5,) * 10 + (10,) * 10


@dataclass(frozen=True, kw_only=True)
class Rome(ValueSearch):
    """Rank-one model editing; several edits are made one after the other."""

    name: ClassVar[str] = "rome"

    layer: int | None = None
    """The block whose MLP is written into, counted from 0; by default the one at a sixth of the depth."""
    consistent_key: bool = True
    """Whether one key, the mean over contexts, stands everywhere (R-ROME), or that of the prompt alone in the
    denominator and the residual (ROME as its code has it)."""
    own_share: float = 0.5
    """What part of the consistent key is the prompt's own, the rest the mean over contexts. Published: as much as each
    of these; but the key of a subject that opens the prompt may be far from all others, and the edit then fails."""
    prefixes: tuple[str, ...] | None = None
    """What is put before the prompt for the mean key and the value; by default 20 texts that the model writes."""
    moments: SecondMoments | None = None
    """Gives C, the second moments of keys; by default C is the identity."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.own_share <= 1:
            raise ConfigError(f"own_share must be from 0 to 1, got {self.own_share}")

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        """Write each edit into the layer, in their order; see `Backend`."""
        projection = projection_at(base, self.layer, DEPTH)
        prefixes = written_prefixes(base, PREFIX_LENGTHS) if self.prefixes is None else self.prefixes
        facts = facts_of(base, edits, prefixes)
        covariance = self.moments(base, projection.path) if self.moments else None
        model = sharing_weights(base.model)
        site = Site(model, projection.path)
        optimiser = ValueOptimiser(model, site, projection.layer, self)
        with undoable(base, [projection.weight_name]) as undo, progress("ROME", len(facts)) as show:
            for done, fact in enumerate(facts, 1):
                keys = site.given([row.head for row in fact.contexts]).double()
                key, looked_for = (self._mean(keys),) * 2 if self.consistent_key else (keys[0], keys.mean(0))
                value = optimiser.values([fact]).new[0].double()
                projection.add(rank_one(projection, key, value, _whitened(looked_for, covariance)))
                show(done)
        return undo

    def _mean(self, keys: Tensor) -> Tensor:
        """Return the key that stands for the prompt, the first one, and for all contexts."""
        if len(keys) == 1:
            return keys[0]
        return self.own_share * keys[0] + (1 - self.own_share) * keys[1:].mean(0)


def rank_one(projection: Projection, key: Tensor, value: Tensor, direction: Tensor) -> Tensor:
    """Return the change of W by which it makes the value of a key, and changes nothing at right angles to a direction.

    Meng et al. 2022, equation 2: Λ (C⁻¹ k)ᵀ, where C⁻¹ k is the direction; float64, shape (out, in).
    """
    return torch.outer(value - projection.value(key), direction) / (direction @ key)


def _whitened(key: Tensor, covariance: Tensor | None) -> Tensor:
    """Return C⁻¹ k."""
    return key if covariance is None else solved(covariance.to(key), key)
