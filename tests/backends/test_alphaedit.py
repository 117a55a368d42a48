"""AlphaEdit: changes that leave alone what ordinary text and earlier edits recall."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from memory_editor.backends.alphaedit import AlphaEdit, null_space, null_space_change
from memory_editor.backends.base import Backend
from memory_editor.backends.locating.projections import Projection
from memory_editor.errors import ConfigError, ModelError
from memory_editor.language_model import LanguageModel
from tests.backends.locating.lively import (
    EDITS,
    JAPAN,
    TWITTER,
    half_moments,
    is_as,
    lively_model,
    log_probability,
    state,
)
from tests.tiny import ARCHITECTURES

ALPHAEDIT = AlphaEdit(
    layers=(0, 1),
    moments=half_moments,
    null_threshold=1e-4,
    regularisation=1e-6,
    batch_size=1,
    prefixes=("A new fact", "It is"),
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


@given(st.integers(1, 6), st.integers(0, 99))
def test_the_null_space_is_that_of_the_preserved_keys(rank: int, seed: int) -> None:
    preserved = random(rank, 8, seed=seed)
    empty = null_space(preserved.T @ preserved / rank, 1e-9)
    torch.testing.assert_close(empty, empty.T)
    torch.testing.assert_close(empty @ empty, empty)
    assert torch.trace(empty).round() == 8 - rank
    assert (empty @ preserved.T).abs().max() < 1e-6


@given(st.integers(1, 9), st.floats(0.01, 100), st.integers(0, 99))
def test_the_change_solves_its_equation_and_annihilates_preserved_keys(edits: int, weight: float, seed: int) -> None:
    keys, residuals = random(edits, 8, seed=seed), random(edits, 5, seed=seed + 1)
    preserved, others = random(3, 8, seed=seed + 2), random(2, 8, seed=seed + 3)
    empty, earlier = null_space(preserved.T @ preserved, 1e-9), others.T @ others
    change = null_space_change(keys, residuals, empty, earlier, weight)
    left = change @ ((keys.T @ keys + earlier) @ empty + weight * torch.eye(8))
    torch.testing.assert_close(left, residuals.T @ keys @ empty)
    assert (change @ preserved.T).abs().max() < 1e-6


def test_earlier_keys_are_changed_less_when_they_are_known() -> None:
    keys, residuals, earlier = random(1, 8, seed=0), random(1, 5, seed=1), random(1, 8, seed=2)
    empty = torch.eye(8, dtype=torch.float64)
    unknown, known = (null_space_change(keys, residuals, empty, seen, 0.1) for seen in (0 * empty, earlier.T @ earlier))
    assert (known @ earlier.T).norm() < 0.2 * (unknown @ earlier.T).norm()
    torch.testing.assert_close(known @ keys.T, residuals.T, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_no_layer_returns_anything_else_for_preserved_keys(base: LanguageModel, batch_size: int) -> None:
    layers = [Projection.of(base, layer) for layer in (0, 1)]
    before = [layer.matrix for layer in layers]
    with replace(ALPHAEDIT, batch_size=batch_size).edit(base, EDITS):
        for layer, old in zip(layers, before, strict=True):
            change, preserved = layer.matrix - old, half_moments(base, layer.path).double()
            assert (change @ preserved).norm() < 1e-4 * change.norm() * preserved.norm()


def test_batches_follow_one_another_with_the_keys_of_those_before(base: LanguageModel) -> None:
    with ALPHAEDIT.edit(base, [JAPAN]):
        first = state(base)
        with ALPHAEDIT.edit(base, [TWITTER]):
            forgetful = state(base)
    with ALPHAEDIT.edit(base, [JAPAN, TWITTER]):
        assert not is_as(base, forgetful)
    with replace(ALPHAEDIT, batch_size=2).edit(base, [JAPAN]):
        assert is_as(base, first)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_target_is_more_probable_until_undone(architecture: str) -> None:
    base = lively_model(architecture)
    before, was = state(base), log_probability(base, TWITTER)
    undo = ALPHAEDIT.edit(base, [TWITTER])
    assert log_probability(base, TWITTER) > was
    undo.undo()
    assert is_as(base, before)


def test_an_error_in_a_later_batch_restores_every_weight(base: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    before, add, calls = state(base), Projection.add, list[int]()

    def failing(projection: Projection, change: Tensor) -> None:
        calls.append(projection.layer)
        if len(calls) == 4:
            raise RuntimeError
        add(projection, change)

    monkeypatch.setattr(Projection, "add", failing)
    with pytest.raises(RuntimeError):
        ALPHAEDIT.edit(base, EDITS)
    assert calls == [0, 1, 0, 1]
    assert is_as(base, before)


@pytest.mark.parametrize("name", ["batch_size", "null_threshold", "regularisation"])
def test_a_setting_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be above 0, got 0"):
        replace(ALPHAEDIT, **{name: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [1e-12, 1e3])
def test_a_threshold_that_leaves_all_or_nothing_empty_is_refused(base: LanguageModel, threshold: float) -> None:
    moments = half_moments(base, Projection.of(base, 0).path) + 1e-6 * torch.eye(64)
    with pytest.raises(ConfigError, match=r"null_threshold must lie between the eigenvalues of C, .* to 5.7, got"):
        replace(ALPHAEDIT, null_threshold=threshold, moments=lambda *_: moments).edit(base, EDITS)


def test_moments_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(
        ModelError, match="a matrix of second moments came out infinite or as no number; load the model"
    ):
        null_space(torch.full((3, 3), torch.nan), 0.1)


def test_nothing_to_edit_changes_nothing(base: LanguageModel) -> None:
    before = state(base)
    with ALPHAEDIT.edit(base, []):
        assert is_as(base, before)


def test_it_is_a_backend() -> None:
    backend: Backend = ALPHAEDIT
    assert backend.name == "alphaedit"
