import pytest
import torch

from memory_editor.backends import weights
from memory_editor.backends.weights import undoable
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model

NAMES = ["model.layers.0.mlp.down_proj.weight", "model.layers.1.mlp.up_proj.weight"]


@pytest.fixture
def base() -> LanguageModel:
    return tiny_model()


def state(base: LanguageModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in base.model.state_dict().items()}


def change(base: LanguageModel, by: float) -> None:
    with torch.no_grad():
        for name in NAMES:
            base.model.get_parameter(name).add_(by)


def is_as(base: LanguageModel, before: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in base.model.state_dict().items())


def test_undo_restores_every_weight_bit_for_bit(base: LanguageModel) -> None:
    before = state(base)
    with undoable(base, NAMES) as undo:
        change(base, 0.1)
    assert not is_as(base, before)
    assert undo.model is base.model
    undo.undo()
    assert is_as(base, before)


def test_a_second_undo_does_nothing(base: LanguageModel) -> None:
    with undoable(base, NAMES) as undo:
        change(base, 0.1)
    undo.undo()
    change(base, 0.2)
    changed = state(base)
    undo.undo()
    assert is_as(base, changed)


def test_the_end_of_a_with_block_undoes(base: LanguageModel) -> None:
    before = state(base)
    with undoable(base, NAMES) as undo:
        change(base, 0.1)
    with undo:
        assert not is_as(base, before)
    assert is_as(base, before)


def test_an_error_during_the_change_leaves_the_weights_as_they_were(base: LanguageModel) -> None:
    before = state(base)

    def interrupted() -> None:
        with undoable(base, NAMES):
            change(base, 0.1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert is_as(base, before)


def test_an_interrupt_while_the_change_is_remembered_leaves_the_weights_as_they_were(
    base: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(base)

    def interrupted(_: torch.Tensor) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "digest", interrupted)
    with pytest.raises(KeyboardInterrupt), undoable(base, NAMES):
        change(base, 0.1)
    assert is_as(base, before)


def test_edits_are_undone_last_first(base: LanguageModel) -> None:
    before = state(base)
    with undoable(base, NAMES) as first:
        change(base, 0.1)
    with undoable(base, NAMES) as second:
        change(base, 0.2)
    with pytest.raises(ModelError, match="undo the later edits first"):
        first.undo()
    second.undo()
    first.undo()
    assert is_as(base, before)


def test_works_in_any_dtype() -> None:
    base = tiny_model()
    base.model.bfloat16()
    before = state(base)
    with undoable(base, NAMES) as undo:
        change(base, 1.0)
    undo.undo()
    assert is_as(base, before)
