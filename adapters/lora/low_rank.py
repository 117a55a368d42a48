"""A LoRA as plain products beside linear layers; peft's own bookkeeping at every layer costs a third of decoding."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import PreTrainedModel

from memory_editor.adapters.shared_weights import sharing_weights

_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True, eq=False)
class Lora:
    """What a LoRA adds to the modules at some paths: `up @ down @ input`.

    `pairs` holds for each path `down`, shape (rank, inputs), and `up`, shape (outputs, rank), its scale included.
    """

    pairs: Mapping[str, tuple[Tensor, Tensor]]

    @classmethod
    def of_weights(cls, weights: Mapping[str, Tensor], scale: float) -> Self:
        """Return the LoRA of weights under the names by which peft saves them."""
        paths = [name.removesuffix(_DOWN) for name in weights if name.endswith(_DOWN)]
        return cls({path: (weights[path + _DOWN], weights[path + _UP] * scale) for path in paths})

    @classmethod
    def on(cls, model: PreTrainedModel) -> Self:
        """Return the LoRA that peft or `beside` has put on a model; one without modules where there is none."""
        layers = [(path, layer) for path, layer in model.named_modules() if isinstance(layer, (LoraLayer, _Beside))]
        return cls({path: _pair(layer) for path, layer in layers})


def beside(model: PreTrainedModel, lora: Lora) -> PreTrainedModel:
    """Return a model over the weights of `model` that has a LoRA besides."""
    twin: PreTrainedModel = sharing_weights(model)
    for path, (down, up) in lora.pairs.items():
        parent, _, name = path.rpartition(".")
        setattr(twin.get_submodule(parent), name, _Beside(twin.get_submodule(path), down, up))
    return twin


class _Beside(nn.Module):
    def __init__(self, layer: nn.Module, down: Tensor, up: Tensor) -> None:
        super().__init__()
        self.layer = layer
        self.down, self.up = nn.Parameter(down, requires_grad=False), nn.Parameter(up, requires_grad=False)

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.layer(inputs)
        return output + linear(linear(inputs, self.down), self.up)


def _pair(layer: Any) -> tuple[Tensor, Tensor]:
    if isinstance(layer, _Beside):
        return layer.down, layer.up
    (name,) = layer.active_adapters
    return layer.lora_A[name].weight.detach(), layer.lora_B[name].weight.detach() * layer.scaling[name]
