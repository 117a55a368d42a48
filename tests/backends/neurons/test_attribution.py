"""Integrated gradients are what they are said to be: complete, and those of the plain model."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.neurons import attribute
from memory_editor.backends.neurons.attribution import values_of
from memory_editor.backends.target_tokens import Request, request_of
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path
from tests.tiny import ARCHITECTURES, tiny_model

SAID = [("The capital of Japan is", "Rome"), ("Who runs Twitter?", "the new company")]


def loud(architecture: str) -> LanguageModel:
    """Return a tiny model with larger weights, so that its neurons make a difference."""
    base = tiny_model(architecture)
    with torch.no_grad():
        for parameter in base.model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(6)
    return base


def probability(base: LanguageModel, request: Request, block: int | None = None) -> float:
    """Return the mean probability of the target's tokens, with the neurons of a block at 0 where each is to come."""
    model: Any = sharing_weights(base.model)
    if block is not None:
        module = model.get_submodule(projection_path(model, block_paths(model)[block]))
        module.register_forward_hook(_zeroed)
    found = []
    for place, token in enumerate(request.target):
        with torch.no_grad():
            logits = model(torch.tensor([[*request.prompt, *request.target[:place]]])).logits[0, -1]
        found.append(float(logits.softmax(-1)[token]))
    return sum(found) / len(found)


def _zeroed(module: Any, _: Any, output: Tensor) -> Tensor:
    flat = output.reshape(-1, output.shape[-1]).clone()
    flat[-1] = module.bias if module.bias is not None else 0.0
    return flat.view(output.shape)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_attributions_sum_to_the_difference_that_the_neurons_make(architecture: str) -> None:
    base = loud(architecture)
    requests = [request_of(base, *said) for said in SAID]
    for request, found in zip(requests, attribute(base, requests, steps=100), strict=True):
        whole = probability(base, request)
        differences = [whole - probability(base, request, block) for block in range(2)]
        torch.testing.assert_close(found.scores.sum(1), torch.tensor(differences), rtol=2e-2, atol=2e-6)
        assert found.scores.shape == found.activations.shape == (2, 64)


def test_a_score_is_the_activation_times_the_mean_gradient_of_the_plain_model() -> None:
    base = loud("llama")
    request = request_of(base, "Who runs Twitter?", "new")
    (found,) = attribute(base, [request], steps=4)
    gradients = torch.zeros(64)
    for step in range(4):
        root = (step + 0.5) / 4
        activation, gradient = plain_gradient(base, request, root**3)
        gradients += 3 * root**2 * gradient / 4
        torch.testing.assert_close(found.activations[0], activation)
    torch.testing.assert_close(found.scores[0], found.activations[0] * gradients, rtol=1e-4, atol=1e-8)


def plain_gradient(base: LanguageModel, request: Request, share: float) -> tuple[Tensor, Tensor]:
    """Return the neurons of the first block, and the gradient of the first token's probability when they are scaled."""
    given: list[Tensor] = []

    def scale(_: Any, args: tuple[Tensor]) -> tuple[Tensor]:
        given.append(args[0].detach()[0, -1])
        scaled = args[0].detach().clone()
        scaled[0, -1] *= share
        given.append(scaled.requires_grad_())
        return (scaled,)

    model: Any = base.model
    handle = model.model.layers[0].mlp.down_proj.register_forward_pre_hook(scale)
    chosen = model(torch.tensor([request.prompt])).logits[0, -1].softmax(-1)[request.target[0]]
    handle.remove()
    return given[0], torch.autograd.grad(chosen, given[1])[0][0, -1]


def test_a_request_is_attributed_as_it_is_alone(tiny: LanguageModel) -> None:
    requests = [request_of(tiny, *said) for said in SAID]
    together = attribute(tiny, requests, steps=3)
    for request, found in zip(requests, together, strict=True):
        (alone,) = attribute(tiny, [request], steps=3)
        torch.testing.assert_close(found.scores, alone.scores, rtol=1e-3, atol=1e-8)
        torch.testing.assert_close(found.activations, alone.activations)


def test_the_model_is_left_alone(tiny: LanguageModel) -> None:
    before = {name: tensor.clone() for name, tensor in tiny.model.state_dict().items()}
    with torch.no_grad():
        attribute(tiny, [request_of(tiny, *SAID[0])], steps=2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tiny.model.state_dict().items())
    assert not any(module._forward_hooks for module in tiny.model.modules())
    assert all(parameter.grad is None for parameter in tiny.model.parameters())


def test_the_value_of_a_neuron_is_what_it_adds() -> None:
    for module in (nn.Linear(3, 2, bias=False), Conv1D(2, 3)):  # type: ignore[no-untyped-call]
        given = torch.tensor([[0.0, 1.0, 0.0]])
        torch.testing.assert_close(module(given)[0] - module(0 * given)[0], values_of(module)[1])
