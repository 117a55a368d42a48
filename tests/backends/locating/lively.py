"""Random models whose tokens take notice of one another, and edits for them."""

from functools import cache
from typing import Any

import torch
from torch import Tensor

from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.layers import widths
from tests.tiny import tiny_model

JAPAN = Edit("The capital of Japan is", "Paris", subject="Japan")
TWITTER = Edit("Who runs Twitter?", "new", subject="Twitter")
TOWER = Edit("The Eiffel Tower stands in the city of", "Rome", subject="Eiffel Tower")
EDITS = (JAPAN, TWITTER, TOWER)


NOT_ADDING: dict[str, dict[str, Any]] = {
    "gemma3_text": {},
    "olmo2": {"intermediate_size": 64},
    "granite": {"intermediate_size": 64, "residual_multiplier": 0.22},
}
"""Architectures that normalise or scale what an MLP adds."""


def lively_model(architecture: str = "llama") -> LanguageModel:
    """Return a random model of 3 layers whose weights are larger than usual."""
    over: dict[str, Any] = {"init_std" if architecture == "opt" else "initializer_range": 0.15}
    return tiny_model(architecture, num_hidden_layers=3, **over | NOT_ADDING.get(architecture, {}))


@cache
def half_moments(base: LanguageModel, projection: str) -> Tensor:
    """Return second moments of keys that fill half of the directions."""
    width = widths(base.model, projection)[0]
    keys = torch.randn(width // 2, width, generator=torch.Generator().manual_seed(0))
    return keys.T @ keys / len(keys)


def log_probability(base: LanguageModel, edit: Edit) -> float:
    return base.log_probabilities(edit.prompt, f" {edit.target_new}").sum().item()


def state(base: LanguageModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in base.model.state_dict().items()}


def is_as(base: LanguageModel, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in base.model.state_dict().items())
