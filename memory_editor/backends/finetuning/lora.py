"""Fine-tuning of a LoRA on edits, merged into the weights; knows no routing.

What answers is the user's model with the product of the LoRA's matrices added to its own, so that the edited model can
be saved as any other and undone as any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.backends.finetuning.trainer import Schedule, Trainer, checked_above_0
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, editable_weight
from memory_editor.progress import Progress, no_progress

_DEPTH: Final = 1 / 2
"""From what share of the blocks on the LoRA lies by default: what is below need not be run again and again."""


@dataclass(frozen=True, kw_only=True)
class LoraFt(Schedule):
    """Fine-tuning of a LoRA (Hu et al. 2022, section 4.1) on every linear layer from a block up, by peft."""

    name: ClassVar[str] = "lora"
    learning_rate: float = 1e-3
    rank: int = 8
    """Of the matrices whose product is added."""

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_above_0("rank", self.rank)

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        """Train the LoRA on all edits at once, in batches."""
        requests = self.requests(base, edits)
        blocks = block_paths(base.model)
        first = self.block(len(blocks), _DEPTH)
        twin = self._with_lora(base.model, blocks[first:])
        weights = [weight for name, weight in twin.named_parameters() if "lora_" in name]
        for weight in weights:
            weight.data = weight.data.float()
        trainer = Trainer(twin, first, weights)
        with progress("Fine-tuning", self.epochs) as report:
            trainer.train(trainer.batches(requests, self.batch), self, report)
        return _merge(base, _deltas(twin))

    def _with_lora(self, model: PreTrainedModel, blocks: Sequence[str]) -> PreTrainedModel:
        config = lora_config(model, self.rank)
        config.target_modules = [path for block in blocks for path in _linear(model, block)]
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            return with_lora(model, config)


def _linear(model: PreTrainedModel, block: str) -> list[str]:
    """Return the paths of the linear layers of a block, all of which can be changed."""
    modules = model.get_submodule(block).named_modules()
    paths = [f"{block}.{path}" for path, module in modules if isinstance(module, (nn.Linear, Conv1D))]
    return [editable_weight(model, path).removesuffix(".weight") for path in paths]


@torch.no_grad()
def _deltas(model: PreTrainedModel) -> dict[str, Tensor]:
    """Return by name of a weight what a LoRA adds to it."""
    layers: list[tuple[str, Any]] = [
        (path, module) for path, module in model.named_modules() if isinstance(module, LoraLayer)
    ]
    return {f"{path}.weight": layer.get_delta_weight("default") for path, layer in layers}


@torch.no_grad()
def _merge(base: LanguageModel, deltas: dict[str, Tensor]) -> WeightUndo:
    with undoable(base, [*deltas]) as undo:
        for name, delta in deltas.items():
            weight = base.model.get_parameter(name)
            weight.copy_(weight.float() + delta)
    return undo
