"""AlphaEdit: MEMIT in sequence, whose changes leave alone what ordinary text and earlier edits recall.

Fang et al. 2025, "AlphaEdit: Null-Space Constrained Knowledge Editing for Language Models". Knows no edit memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from memory_editor.backends.finite import checked_finite
from memory_editor.backends.locating.facts import facts_of
from memory_editor.backends.locating.projections import required, solved
from memory_editor.backends.locating.spreading import Spreader, SpreadSearch
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress


@dataclass(frozen=True, kw_only=True)
class AlphaEdit(SpreadSearch):
    """Null-space constrained editing: one batch of edits after the other, each mindful of those before.

    Only edits that are given together are: what an earlier call wrote is not known to a later one.
    """

    name: ClassVar[str] = "alphaedit"

    batch_size: int = 100
    """How many edits are made at once; published: 100 of 2,000."""
    null_threshold: float = 0.02
    """The eigenvalue of C below which a direction counts as empty, free to be written into; published: 0.02."""
    regularisation: float = 10.0
    """The weight of the squared norm of the change; published: 10, for Llama-3 in a later toolkit 1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("batch_size", "null_threshold", "regularisation"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        """Write the edits into the layers, a batch after the other; see `Backend`."""
        spreader = Spreader(base, self)
        facts = facts_of(base, edits, self.contexts(base))
        empty = [null_space(c, self.null_threshold) for c in required(self.moments, base, spreader.projections)]
        earlier = [torch.zeros_like(c) for c in empty]  # K Kᵀ of the batches before

        def solve(place: int, keys: Tensor, residuals: Tensor) -> Tensor:
            return null_space_change(keys, residuals, empty[place], earlier[place], self.regularisation)

        names = [projection.weight_name for projection in spreader.projections]
        with undoable(base, names) as undo, progress("AlphaEdit", len(facts)) as show:
            for start in range(0, len(facts), self.batch_size):
                batch = facts[start : start + self.batch_size]
                spreader.write(batch, solve)
                show(start + len(batch))
                for place, known in enumerate(earlier):
                    keys = spreader.keys(place, batch)
                    known.addmm_(keys.T, keys)
        return undo


def null_space(covariance: Tensor, threshold: float) -> Tensor:
    """Return the projection P onto the directions in which C has less than a threshold: section 3.2, equation 6.

    Raises `ConfigError` where there are none, or no others, and `ModelError` for a C that holds what is no number.
    """
    values, directions = torch.linalg.eigh(checked_finite(covariance, "a matrix of second moments"))
    empty = directions[:, values < threshold]
    if empty.shape[1] in (0, len(values)):
        known = f"{values[0]:.2g} to {values[-1]:.2g}"
        raise ConfigError(f"null_threshold must lie between the eigenvalues of C, {known}, got {threshold:g}")
    projection: Tensor = empty @ empty.T
    return projection


def null_space_change(keys: Tensor, residuals: Tensor, empty: Tensor, earlier: Tensor, weight: float) -> Tensor:
    """Return the change of W, shape (out, in), within a null space, by which keys make residuals more.

    Equation 11: R Kᵀ P (Kₚ Kₚᵀ P + K Kᵀ P + I)⁻¹, with a weight for I. Keys are of shape (edits, in), residuals
    (edits, out); P is symmetric, and `earlier` is Kₚ Kₚᵀ.
    """
    identity = weight * torch.eye(len(empty), dtype=empty.dtype, device=empty.device)
    return solved(empty @ (keys.T @ keys + earlier) + identity, empty @ keys.T @ residuals).T
