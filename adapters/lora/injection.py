"""A LoRA put on a model without touching it; knows no edits and no files."""

from collections.abc import Mapping

from peft import LoraConfig, inject_adapter_in_model, set_peft_model_state_dict
from torch import Tensor
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memory_editor.adapters.shared_weights import sharing_weights


def lora_config(model: PreTrainedModel, rank: int) -> LoraConfig:
    """Return the LoRA of a rank on every linear layer of any architecture but the one that gives the logits."""
    is_transposed = any(isinstance(module, Conv1D) for module in model.modules())
    return LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", fan_in_fan_out=is_transposed, task_type="CAUSAL_LM"
    )


def with_lora(
    model: PreTrainedModel, config: LoraConfig, weights: Mapping[str, Tensor] | None = None
) -> PreTrainedModel:
    """Return a model over the weights of `model` that has a LoRA besides, where `model` is and as precise.

    Without `weights` the LoRA is a fresh one, which changes nothing yet.
    """
    needed = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    twin: PreTrainedModel = sharing_weights(model)
    inject_adapter_in_model(config, twin)
    # peft freezes what the two models share: whether those take gradients is for the owner of `model` to say.
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(needed[name])
    if weights is not None:
        set_peft_model_state_dict(twin, dict(weights))
        for name, parameter in twin.named_parameters():
            if "lora_" in name:
                parameter.data = parameter.data.to(model.dtype)
    twin.train(False)
    return twin
