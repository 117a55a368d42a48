"""ROME: a change of rank one by which the edited layer makes the value of the key."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.base import Backend
from memory_editor.backends.locating.facts import facts_of
from memory_editor.backends.locating.projections import Projection
from memory_editor.backends.locating.recall import Site
from memory_editor.backends.locating.values import ValueOptimiser
from memory_editor.backends.rome import Rome
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError, InvalidEdit
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
from tests.tiny import ARCHITECTURES, tiny_model

ROME = Rome(layer=1, prefixes=("A new fact", "It is"), steps=15, learning_rate=0.1, clamp=30.0, weight_decay=0.0)


def full_moments(base: LanguageModel, projection: str) -> Tensor:
    moments = half_moments(base, projection)
    return moments + torch.eye(len(moments))


@pytest.fixture
def base() -> LanguageModel:
    return lively_model()


def recalled(base: LanguageModel, rome: Rome, edit: Edit) -> tuple[Tensor, Tensor, Projection]:
    """Return the keys of an edit over its contexts, and its value, as they are before it is made."""
    (fact,) = facts_of(base, [edit], rome.prefixes or ())
    projection = Projection.of(base, 1)
    model = sharing_weights(base.model)
    site = Site(model, projection.path)
    keys = site.given([row.head for row in fact.contexts]).double()
    return keys, ValueOptimiser(model, site, 1, rome).values([fact]).new[0].double(), projection


def test_the_default_layer_is_at_a_sixth_of_the_depth() -> None:
    base = tiny_model(num_hidden_layers=6)
    with replace(ROME, layer=None, steps=3).edit(base, [TWITTER]) as undo:
        assert [*undo.before] == ["model.layers.1.mlp.down_proj.weight"]


def test_the_layer_maps_the_mean_key_to_the_value(base: LanguageModel) -> None:
    keys, value, projection = recalled(base, ROME, JAPAN)
    with replace(ROME, moments=full_moments).edit(base, [JAPAN]):
        mean = (keys[0] + keys[1:].mean(0)) / 2
        torch.testing.assert_close(projection.value(mean), value, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(projection.value(keys[0]), value, atol=1e-3)


def test_the_share_of_the_prompts_own_key_can_be_that_of_each_context(base: LanguageModel) -> None:
    keys, value, projection = recalled(base, ROME, JAPAN)
    with replace(ROME, own_share=1 / len(keys)).edit(base, [JAPAN]):
        torch.testing.assert_close(projection.value(keys.mean(0)), value, atol=1e-5, rtol=1e-5)
    for share in (-0.1, 1.1):
        with pytest.raises(ConfigError, match=f"own_share must be from 0 to 1, got {share}"):
            replace(ROME, own_share=share)


def test_as_published_first_the_prompts_own_key_counts(base: LanguageModel) -> None:
    keys, value, projection = recalled(base, ROME, JAPAN)
    with replace(ROME, consistent_key=False, moments=full_moments).edit(base, [JAPAN]):
        torch.testing.assert_close(projection.value(keys[0]), value, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("consistent_key", [True, False])
def test_the_change_has_rank_one_and_spares_what_is_orthogonal(base: LanguageModel, *, consistent_key: bool) -> None:
    keys, _, projection = recalled(base, ROME, JAPAN)
    before = projection.matrix
    with replace(ROME, consistent_key=consistent_key, moments=full_moments).edit(base, [JAPAN]):
        change = projection.matrix - before
    values = torch.linalg.svdvals(change)
    assert values[0] > 1e3 * values[1]  # what is left is rounding to float32
    mean = (keys[0] + keys[1:].mean(0)) / 2 if consistent_key else keys.mean(0)
    direction = torch.linalg.solve(full_moments(base, projection.path).double(), mean)
    other = torch.randn(len(direction), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    other -= direction * (other @ direction) / (direction @ direction)
    assert (change @ other).norm() < 1e-5 * other.norm() * change.norm()


def test_without_moments_they_are_the_identity(base: LanguageModel) -> None:
    with ROME.edit(base, [TWITTER]):
        plain = state(base)
    with replace(ROME, moments=lambda *_: torch.eye(64)).edit(base, [TWITTER]):
        assert is_as(base, plain)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("consistent_key", [True, False])
def test_the_target_is_more_probable_until_undone(architecture: str, *, consistent_key: bool) -> None:
    base = lively_model(architecture)
    before, was = state(base), log_probability(base, TWITTER)
    undo = replace(ROME, consistent_key=consistent_key).edit(base, [TWITTER])
    assert log_probability(base, TWITTER) > was
    undo.undo()
    assert is_as(base, before)


def test_several_edits_are_made_one_after_the_other(base: LanguageModel) -> None:
    with ROME.edit(base, [JAPAN]), ROME.edit(base, [TWITTER]):
        one_by_one = state(base)
    with ROME.edit(base, [JAPAN, TWITTER]):
        assert is_as(base, one_by_one)


def test_prefixes_are_written_by_the_model_unless_given(base: LanguageModel) -> None:
    with replace(ROME, prefixes=None, steps=2).edit(base, [JAPAN]):
        written = state(base)
    with replace(ROME, steps=2).edit(base, [JAPAN]):
        assert not is_as(base, written)


def test_an_error_in_the_middle_restores_every_weight(base: LanguageModel) -> None:
    before, done = state(base), list[int]()

    class Stop(Exception):
        pass

    class Bar:
        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None: ...

        def __call__(self, count: int) -> None:
            done.append(count)
            if count == 2:
                assert not is_as(base, before)
                raise Stop

    with pytest.raises(Stop):
        ROME.edit(base, EDITS, progress=lambda *_: Bar())
    assert done == [1, 2]
    assert is_as(base, before)


def test_what_cannot_be_edited_is_refused_before_anything_changes(base: LanguageModel) -> None:
    before = state(base)
    with pytest.raises(InvalidEdit, match="has no target"):
        ROME.edit(base, [JAPAN, Edit("Japan is large.", subject="Japan")])
    with pytest.raises(ConfigError, match="layer 3 is not in tiny-llama-0"):
        replace(ROME, layer=3).edit(base, [JAPAN])
    assert is_as(base, before)


def test_nothing_to_edit_changes_nothing(base: LanguageModel) -> None:
    before = state(base)
    with ROME.edit(base, []):
        assert is_as(base, before)


def test_it_is_a_backend() -> None:
    backend: Backend = ROME
    assert backend.name == "rome"


@pytest.mark.model
def test_the_real_model_goes_on_with_the_target(smollm2: LanguageModel) -> None:
    edit = Edit("The mother tongue of Danielle Darrieux is", "English", subject="Danielle Darrieux")
    with Rome(prefixes=(), steps=12).edit(smollm2, [edit]):
        assert log_probability(smollm2, edit) > -0.2
    assert log_probability(smollm2, edit) < -1
