"""The matrices that methods write into: where they are by default, and how they are changed; knows no edits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self, TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memory_editor.backends.finite import checked_finite
from memory_editor.errors import ConfigError, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, editable_weight, projection_path

SecondMoments: TypeAlias = Callable[[LanguageModel, str], Tensor]
"""Given a model and the path of a projection, gives the mean of k kᵀ over what that is given, shape (in, in)."""


@dataclass(frozen=True)
class Projection:
    """The matrix W that a block's MLP ends in, and a bias b where there is one: of a key k it makes W k + b."""

    model: PreTrainedModel
    layer: int
    """The number of the block, counted from 0."""
    block: str
    """The path of the block."""
    path: str
    weight_name: str
    """The name of the parameter that holds W."""

    @classmethod
    def of(cls, base: LanguageModel, layer: int) -> Self:
        """Return the projection of a block; raises `ModelError` where it has none that can be changed."""
        blocks = block_paths(base.model)
        if not 0 <= layer < len(blocks):
            known = f"0 to {len(blocks) - 1}"
            raise ConfigError(f"layer {layer} is not in {base.name}, whose layers are {known}; choose one of them")
        path = projection_path(base.model, blocks[layer])
        return cls(base.model, layer, blocks[layer], path, editable_weight(base.model, path))

    @property
    def matrix(self) -> Tensor:
        """W in float64, shape (out, in)."""
        return self._oriented(self._weight).double()

    def value(self, key: Tensor) -> Tensor:
        """Return W k + b in float64, shape (out,)."""
        bias: Tensor | None = getattr(self.model.get_submodule(self.path), "bias", None)
        value = self.matrix @ key.double()
        return value if bias is None else value + bias.detach().double()

    def add(self, change: Tensor) -> None:
        """Add to W what is given in float64, shape (out, in); only the sum is rounded."""
        self._weight.copy_(self._oriented(self.matrix + change))

    @property
    def _weight(self) -> Tensor:
        return self.model.get_parameter(self.weight_name).detach()

    def _oriented(self, matrix: Tensor) -> Tensor:
        """Turn a matrix from how the module keeps it, or back."""
        return matrix.T if isinstance(self.model.get_submodule(self.path), Conv1D) else matrix


def projection_at(base: LanguageModel, layer: int | None, depth: Fraction) -> Projection:
    """Return the projection of a layer, by default of the one at a share of the depth."""
    return Projection.of(base, int(depth * len(block_paths(base.model))) if layer is None else layer)


def projections_at(base: LanguageModel, layers: Sequence[int], depths: tuple[Fraction, Fraction]) -> list[Projection]:
    """Return the projections of layers from below, by default of all those from one share of the depth to another."""
    if len(set(layers)) < len(layers):
        raise ConfigError(f"layers must differ, got {', '.join(map(str, layers))}; name each once")
    first, last = (int(depth * len(block_paths(base.model))) for depth in depths)
    return [Projection.of(base, layer) for layer in sorted(layers or range(first, last + 1))]


def required(moments: SecondMoments | None, base: LanguageModel, projections: Sequence[Projection]) -> list[Tensor]:
    """Return the second moments C of projections, in float64 and where their matrices are.

    Raises `ConfigError` where nothing gives them.
    """
    if moments is None:
        step = "take them of any text by `memedit moments`, and give them as `moments`"
        raise ConfigError(f"this method needs the second moments of {projections[0].path} and the like; {step}")
    return [moments(base, projection.path).to(projection.matrix) for projection in projections]


def solved(matrix: Tensor, right: Tensor) -> Tensor:
    """Return X of A X = B; raises `ModelError` where second moments in A leave it open, and where it is no number."""
    solution, failed = torch.linalg.solve_ex(matrix, right)
    if failed:
        step = "take them of more tokens than a key has numbers"
        raise ModelError(f"the second moments, of {len(matrix)} numbers, are singular; {step}")
    return checked_finite(solution, "the change of a weight")
