"""MEMIT: many facts at once, spread over the MLPs of several layers; knows no edit memory.

Meng et al. 2023, "Mass-Editing Memory in a Transformer".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from memory_editor.backends.locating.facts import facts_of
from memory_editor.backends.locating.projections import required, solved
from memory_editor.backends.locating.spreading import Spreader, SpreadSearch
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress


@dataclass(frozen=True, kw_only=True)
class Memit(SpreadSearch):
    """Mass-editing memory: all edits in one least-squares change of each layer."""

    name: ClassVar[str] = "memit"

    moments_weight: float = 1500.0
    """λ, how many keys of ordinary text the second moments count as, against one of each edit; published: 20,000 for
    GPT2-XL, 15,000 for GPT-J and Llama-3. Of smaller models less will do."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.moments_weight > 0:
            raise ConfigError(f"moments_weight must be above 0, got {self.moments_weight}")

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        """Write all edits into the layers at once; see `Backend`."""
        spreader = Spreader(base, self)
        facts = facts_of(base, edits, self.contexts(base))
        covariances = required(self.moments, base, spreader.projections)

        def solve(place: int, keys: Tensor, residuals: Tensor) -> Tensor:
            return least_squares(keys, residuals, covariances[place], self.moments_weight)

        names = [projection.weight_name for projection in spreader.projections]
        with undoable(base, names) as undo, progress("MEMIT", len(facts)) as show:
            spreader.write(facts, solve, show)
        return undo


def least_squares(keys: Tensor, residuals: Tensor, covariance: Tensor, weight: float) -> Tensor:
    """Return the change of W, shape (out, in), by which keys make residuals more, at the least cost to ordinary ones.

    Meng et al. 2023, equation 14: R Kᵀ (λ C + K Kᵀ)⁻¹. Keys are of shape (edits, in), residuals (edits, out).
    """
    return solved(weight * covariance + keys.T @ keys, keys.T @ residuals).T
