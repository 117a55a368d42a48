"""MEMIT: the least-squares change that solves its normal equations, spread over layers."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.base import Backend
from memory_editor.backends.locating.facts import facts_of
from memory_editor.backends.locating.projections import Projection
from memory_editor.backends.locating.recall import Site
from memory_editor.backends.locating.values import ValueOptimiser
from memory_editor.backends.memit import Memit, least_squares
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from tests.backends.locating.lively import (
    EDITS,
    JAPAN,
    NOT_ADDING,
    TWITTER,
    half_moments,
    is_as,
    lively_model,
    log_probability,
    state,
)
from tests.tiny import ARCHITECTURES, tiny_model

PREFIXES = ("A new fact", "It is")
MEMIT = Memit(
    layers=(0, 1),
    moments=half_moments,
    moments_weight=1e-6,
    prefixes=PREFIXES,
    steps=15,
    learning_rate=0.1,
    clamp=30.0,
    weight_decay=0.0,
)


@pytest.fixture
def base() -> LanguageModel:
    return lively_model()


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@given(st.integers(1, 12), st.floats(0.01, 100), st.integers(0, 99))
def test_the_change_solves_its_normal_equations(edits: int, weight: float, seed: int) -> None:
    keys, residuals = random(edits, 8, seed=seed), random(edits, 5, seed=seed + 1)
    ordinary = random(20, 8, seed=seed + 2)
    covariance = ordinary.T @ ordinary / 20
    change = least_squares(keys, residuals, covariance, weight)
    torch.testing.assert_close(change @ (weight * covariance + keys.T @ keys), residuals.T @ keys)


@given(st.integers(0, 99))
def test_no_other_change_costs_less(seed: int) -> None:
    keys, residuals, ordinary = random(3, 8, seed=seed), random(3, 5, seed=seed + 1), random(20, 8, seed=seed + 2)
    covariance = ordinary.T @ ordinary / 20

    def cost(change: Tensor) -> float:
        return float((residuals - keys @ change.T).pow(2).sum() + 2 * torch.trace(change @ covariance @ change.T))

    best = least_squares(keys, residuals, covariance, 2)
    assert cost(best) < cost(best + 1e-3 * random(5, 8, seed=seed + 3))


def test_with_one_layer_and_little_weight_every_key_has_its_value(base: LanguageModel) -> None:
    facts = facts_of(base, EDITS, ())
    model = sharing_weights(base.model)
    block = Site(model, "model.layers.1")
    memit = replace(MEMIT, layers=(1,), prefixes=(), moments_weight=1e-9)
    wanted = ValueOptimiser(model, block, 1, memit).values(facts).new
    heads = [fact.contexts[0].head for fact in facts]
    assert (block.returned(heads) - wanted).norm() > 1
    with memit.edit(base, EDITS):
        torch.testing.assert_close(block.returned(heads), wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("architecture", NOT_ADDING)
def test_where_layers_do_not_add_what_their_mlps_make_the_last_alone_gets_the_values(architecture: str) -> None:
    base = lively_model(architecture)
    facts = facts_of(base, EDITS, ())
    model, path = sharing_weights(base.model), "model.layers.1.mlp.down_proj"
    projection = Site(model, path)
    memit = replace(MEMIT, prefixes=(), moments_weight=1e-9)
    wanted = ValueOptimiser(model, projection, 1, memit).values(facts).new
    heads = [fact.contexts[0].head for fact in facts]
    assert (projection.returned(heads) - wanted).norm() > 1
    with memit.edit(base, EDITS) as undo:
        assert [*undo.before] == [f"{path}.weight"]
        torch.testing.assert_close(projection.returned(heads), wanted, atol=1e-4, rtol=1e-4)


def test_each_layer_takes_its_share_of_what_is_lacking(base: LanguageModel) -> None:
    """The first of two layers is given half, by the mean keys over contexts."""
    facts = facts_of(base, EDITS, PREFIXES)
    model = sharing_weights(base.model)
    lower, block = Projection.of(base, 0), Site(model, "model.layers.1")
    keys = torch.stack([Site(model, lower.path).given([row.head for row in fact.contexts]).mean(0) for fact in facts])
    wanted = ValueOptimiser(model, block, 1, MEMIT).values(facts).new
    lacking = (wanted - block.returned([fact.contexts[0].head for fact in facts])).double()
    covariance = half_moments(base, lower.path).double()
    before = lower.matrix
    with replace(MEMIT, moments_weight=0.01).edit(base, EDITS):
        change = lower.matrix - before
    torch.testing.assert_close(
        change, least_squares(keys.double(), lacking / 2, covariance, 0.01), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_target_is_more_probable_until_undone(architecture: str) -> None:
    base = lively_model(architecture)
    before, was = state(base), log_probability(base, TWITTER)
    undo = replace(MEMIT, prefixes=()).edit(base, [TWITTER])
    assert len(undo.before) == (1 if architecture in NOT_ADDING else 2)
    assert log_probability(base, TWITTER) > was
    undo.undo()
    assert is_as(base, before)


def test_the_default_layers_are_those_from_two_to_four_fifteenths() -> None:
    base = tiny_model(num_hidden_layers=15)
    with replace(MEMIT, layers=(), steps=1).edit(base, [JAPAN]) as undo:
        assert [*undo.before] == [f"model.layers.{layer}.mlp.down_proj.weight" for layer in (2, 3, 4)]


def test_prefixes_are_written_by_the_model_unless_given(base: LanguageModel) -> None:
    with replace(MEMIT, prefixes=None, steps=2).edit(base, [JAPAN]):
        written = state(base)
    with replace(MEMIT, steps=2).edit(base, [JAPAN]):
        assert not is_as(base, written)


def test_an_error_between_two_layers_restores_every_weight(
    base: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, add = state(base), Projection.add

    def failing(projection: Projection, change: Tensor) -> None:
        if projection.layer == 1:
            assert not is_as(base, before)
            raise KeyboardInterrupt
        add(projection, change)

    monkeypatch.setattr(Projection, "add", failing)
    with pytest.raises(KeyboardInterrupt):
        MEMIT.edit(base, EDITS)
    assert is_as(base, before)


def test_moments_are_needed_and_their_weight_counts(base: LanguageModel) -> None:
    with pytest.raises(ConfigError, match="memedit moments"):
        replace(MEMIT, moments=None).edit(base, EDITS)
    with pytest.raises(ConfigError, match="moments_weight must be above 0, got 0"):
        Memit(moments_weight=0)


def test_nothing_to_edit_changes_nothing(base: LanguageModel) -> None:
    before = state(base)
    with MEMIT.edit(base, []):
        assert is_as(base, before)


def test_it_is_a_backend() -> None:
    backend: Backend = MEMIT
    assert backend.name == "memit"
