"""The matrices: where they are, and that a change of them is one of what the module makes of a key."""

from fractions import Fraction

import pytest
import torch

from memory_editor.backends.locating.projections import Projection, projection_at, projections_at, required, solved
from memory_editor.errors import ConfigError, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.layers import widths
from tests.tiny import tiny_model

THIRD = Fraction(1, 3)


@torch.no_grad()
def test_a_matrix_is_what_the_module_multiplies_by_and_takes_a_change(tiny_of_each: LanguageModel) -> None:
    base = tiny_model(tiny_of_each.model.config.model_type)
    projection = Projection.of(base, 1)
    module = base.model.get_submodule(projection.path)
    given, made = widths(base.model, projection.path)
    key, change = torch.randn(given), torch.randn(made, given, dtype=torch.float64)
    assert projection.matrix.shape == (made, given)
    before = module(key)
    torch.testing.assert_close(projection.value(key).float(), before)
    projection.add(change)
    torch.testing.assert_close(module(key).double(), before.double() + change @ key.double(), atol=1e-4, rtol=1e-4)
    assert base.model.get_parameter(projection.weight_name).dtype is torch.float32


def test_layers_are_those_given_or_those_of_a_depth() -> None:
    base = tiny_model(num_hidden_layers=6)
    assert projection_at(base, None, THIRD).layer == 2
    assert projection_at(base, 5, THIRD).path == "model.layers.5.mlp.down_proj"
    assert [projection.layer for projection in projections_at(base, (), (THIRD, 2 * THIRD))] == [2, 3, 4]
    assert [projection.block for projection in projections_at(base, (4, 1), (THIRD, THIRD))] == [
        "model.layers.1",
        "model.layers.4",
    ]


def test_layers_that_are_not_there_or_twice_are_refused(tiny: LanguageModel) -> None:
    with pytest.raises(ConfigError, match="layer 2 is not in tiny-llama-0, whose layers are 0 to 1"):
        projection_at(tiny, 2, THIRD)
    with pytest.raises(ConfigError, match="layers must differ, got 1, 0, 1"):
        projections_at(tiny, (1, 0, 1), (THIRD, THIRD))


def test_moments_are_asked_for_by_path_and_missed_by_name(tiny: LanguageModel) -> None:
    places = projections_at(tiny, (0, 1), (THIRD, THIRD))
    found = required(lambda base, path: torch.eye(64) * (1 + int(base is tiny and ".1." in path)), tiny, places)
    assert torch.equal(torch.stack(found), torch.stack([torch.eye(64), 2 * torch.eye(64)]).double())
    with pytest.raises(ConfigError, match=r"second moments of model.layers.0.mlp.down_proj .* `memedit moments`"):
        required(None, tiny, places)


def test_moments_of_too_little_text_are_refused() -> None:
    assert torch.equal(solved(2 * torch.eye(3), torch.ones(3)), torch.full((3,), 0.5))
    with pytest.raises(ModelError, match="the second moments, of 3 numbers, are singular; take them of more tokens"):
        solved(torch.zeros(3, 3), torch.ones(3))


def test_what_is_no_number_is_no_solution() -> None:
    with pytest.raises(ModelError, match="the change of a weight came out infinite or as no number; load the model in"):
        solved(torch.full((3, 3), torch.nan), torch.ones(3))
