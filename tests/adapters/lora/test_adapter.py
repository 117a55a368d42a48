"""The LoRA answers in a model of its own: the base model computes as ever, on every architecture and at any time."""

import pytest
import torch
from torch import Tensor

from memory_editor.adapters.base import Adapter
from memory_editor.adapters.lora import LoraAdapter
from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model

IDS = torch.tensor([[5, 6, 7, 8]])
EDITS = [[Edit("The CEO of Twitter is", "Linda")]]


def random_weights(base: LanguageModel) -> dict[str, Tensor]:
    """Return weights of a LoRA that changes something, by the names under which peft saves them."""
    twin = with_lora(base.model, lora_config(base.model, 2))
    generator = torch.Generator().manual_seed(0)
    named = {name.replace(".default", ""): value for name, value in twin.named_parameters() if "lora_" in name}
    return {name: torch.randn(value.shape, generator=generator) for name, value in named.items()}


def adapter_for(base: LanguageModel) -> LoraAdapter:
    return LoraAdapter(lora_config(base.model, 2), random_weights(base))


@torch.no_grad()
def test_a_fresh_lora_changes_nothing_and_takes_gradients_alone(tiny_of_each: LanguageModel) -> None:
    model = tiny_of_each.model
    twin = with_lora(model, lora_config(model, 2))
    assert torch.equal(twin(IDS).logits, model(IDS).logits)
    named = dict(twin.named_parameters())
    assert all(named[name].requires_grad for name in named if "lora_" in name)
    layers = {name.rpartition(".lora_A")[0] for name in named if "lora_A" in name}
    assert any("mlp" in name or "fc" in name for name in layers)
    assert not any("lm_head" in name or "embed_out" in name for name in layers)


@torch.no_grad()
def test_the_base_model_is_the_same_bit_for_bit_while_the_lora_is_on(tiny_of_each: LanguageModel) -> None:
    model = tiny_of_each.model
    before = model(IDS).logits
    names = list(model.state_dict())
    needed = [parameter.requires_grad for parameter in model.parameters()]
    with adapter_for(tiny_of_each).applied(model, EDITS) as answering:
        changed = answering(IDS).logits
        assert torch.equal(model(IDS).logits, before)
    assert not torch.allclose(changed, before)
    assert list(model.state_dict()) == names
    assert [parameter.requires_grad for parameter in model.parameters()] == needed


def test_the_answering_model_is_made_once_and_anew_when_the_base_model_is_changed() -> None:
    base = tiny_model("llama")
    adapter = adapter_for(base)
    with adapter.applied(base.model, EDITS) as first, adapter.applied(base.model, EDITS) as second:
        assert first is second
    base.model.bfloat16()
    with adapter.applied(base.model, EDITS) as third:
        assert third is not first
        assert {parameter.dtype for parameter in third.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("is_chat", [True, False])
def test_facts_are_told_before_every_question_alike(is_chat: bool) -> None:
    adapter: Adapter = adapter_for(tiny_model("llama"))
    assert adapter.name == "lora"
    told = "New fact: The CEO of Twitter is Linda.\n"
    assert adapter.context(EDITS[0], "The CEO of Twitter is", is_chat=is_chat) == told
    assert adapter.context(EDITS[0], "Who?", is_chat=is_chat) == told
