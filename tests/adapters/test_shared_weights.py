"""The second model computes the same over the same weights, and what is put on it stays off the first."""

import torch
from torch import nn

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model

IDS = torch.tensor([[5, 6, 7, 8]])


@torch.no_grad()
def test_it_computes_the_same_with_the_very_same_parameters(tiny_of_each: LanguageModel) -> None:
    model = tiny_of_each.model
    twin = sharing_weights(model)
    assert type(twin) is type(model)
    assert torch.equal(twin(IDS).logits, model(IDS).logits)
    own = dict(model.named_parameters())
    assert all(parameter is own[name] for name, parameter in twin.named_parameters())
    assert [name for name, _ in twin.named_parameters()] == list(own)


@torch.no_grad()
def test_hooks_and_replaced_modules_do_not_show_in_the_first(tiny_of_each: LanguageModel) -> None:
    model = tiny_of_each.model
    before = model(IDS).logits
    twin = sharing_weights(model)
    twin.set_output_embeddings(nn.Identity())  # type: ignore[no-untyped-call]
    twin.get_input_embeddings().register_forward_hook(lambda module, ids, embedded: embedded + 1)
    assert not torch.equal(twin(IDS).logits, before)
    assert torch.equal(model(IDS).logits, before)


def test_moving_the_first_to_another_precision_moves_the_parameters_of_both() -> None:
    model = tiny_model("llama").model
    twin = sharing_weights(model)
    model.bfloat16()
    assert {parameter.dtype for parameter in twin.parameters()} == {torch.bfloat16}
