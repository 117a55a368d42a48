"""The fast search for values gives what a full forward pass of every text at every step gives."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from benchmarks.plain_values import plain_value
from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.locating.facts import Fact, facts_of
from memory_editor.backends.locating.recall import Site
from memory_editor.backends.locating.values import ValueOptimiser, Values, ValueSearch
from memory_editor.errors import ConfigError, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path
from tests.backends.locating.lively import EDITS, lively_model
from tests.tiny import ARCHITECTURES

SEARCH = ValueSearch(steps=6, learning_rate=0.1, clamp=30.0, kl_factor=1.0)
PREFIXES = ("A new fact", "It is")


def found(base: LanguageModel, path: str, facts: list[Fact], search: ValueSearch = SEARCH) -> Values:
    model = sharing_weights(base.model)
    return ValueOptimiser(model, Site(model, path), 1, search).values(facts)


@pytest.fixture(scope="module")
def base() -> LanguageModel:
    return lively_model()


@pytest.fixture(scope="module")
def facts(base: LanguageModel) -> list[Fact]:
    return facts_of(base, EDITS, PREFIXES)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("whole_block", [False, True])
def test_values_are_those_of_the_plain_forward_pass(architecture: str, *, whole_block: bool) -> None:
    base = lively_model(architecture)
    block = block_paths(base.model)[1]
    path = block if whole_block else projection_path(base.model, block)
    facts = facts_of(base, EDITS, PREFIXES)
    values = found(base, path, facts)
    for place, fact in enumerate(facts):
        change, losses = plain_value(base, path, fact, SEARCH)
        torch.testing.assert_close(values.change[place], change, atol=1e-4, rtol=1e-3)
        assert values.losses[place].item() == pytest.approx(losses[-1], abs=1e-5)
        assert values.steps[place] == len(losses)
        assert losses[-1] < losses[0]


def test_the_old_value_is_that_of_the_prompt_alone(base: LanguageModel, facts: list[Fact]) -> None:
    path = "model.layers.1.mlp.down_proj"
    values = found(base, path, facts)
    alone = Site(sharing_weights(base.model), path).returned([fact.contexts[0].head for fact in facts])
    torch.testing.assert_close(values.old, alone)
    assert torch.equal(values.new, values.old + values.change)


def test_an_edit_stops_by_itself_and_keeps_what_it_had_then(base: LanguageModel, facts: list[Fact]) -> None:
    path = "model.layers.1.mlp.down_proj"
    every = found(base, path, facts, replace(SEARCH, steps=12))
    bound = every.losses.sort().values[1].item()  # two of three reach it
    search = replace(SEARCH, steps=12, enough=bound)
    together = found(base, path, facts, search)
    assert together.steps.min() < together.steps.max()
    for place, fact in enumerate(facts):
        alone = found(base, path, [fact], search)
        torch.testing.assert_close(together.change[place], alone.change[0], atol=1e-5, rtol=1e-4)
        assert together.steps[place] == alone.steps[0]
        assert (together.losses[place] < bound) or together.steps[place] == 12


def test_no_change_is_longer_than_the_clamp(base: LanguageModel, facts: list[Fact]) -> None:
    values = found(base, "model.layers.1", facts, replace(SEARCH, clamp=0.05))
    torch.testing.assert_close(values.change.norm(dim=1), 0.05 * values.old.norm(dim=1))


def test_what_is_told_is_how_many_are_found(base: LanguageModel, facts: list[Fact]) -> None:
    model, told = sharing_weights(base.model), list[int]()
    optimiser = ValueOptimiser(model, Site(model, "model.layers.1"), 1, replace(SEARCH, steps=1))
    values = optimiser.values(facts * 9, told.append)
    assert told[-1] == len(values.steps) == 27
    assert told == sorted(told)
    assert torch.equal(values.change, torch.zeros(27, 32))  # one step is a look


def test_the_user_model_is_left_alone(base: LanguageModel, facts: list[Fact]) -> None:
    ids = torch.tensor([[5, 6, 7]])
    before: Tensor = base.model(ids).logits
    found(base, "model.layers.1", facts)
    assert torch.equal(base.model(ids).logits, before)
    assert all(parameter.grad is None for parameter in base.model.parameters())


@pytest.mark.parametrize("name", ["steps", "learning_rate", "clamp", "weight_decay", "kl_factor", "enough"])
def test_a_setting_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be .*, got -1"):
        ValueSearch(**{name: -1})


@torch.no_grad()
def test_a_loss_that_is_no_number_is_not_low_enough() -> None:
    base = lively_model()
    base.model.get_parameter("model.norm.weight").fill_(float("inf"))
    with pytest.raises(ModelError, match=r"the loss of a value came out .* no number; load the model in float32"):
        found(base, "model.layers.1", facts_of(base, EDITS, ()))
