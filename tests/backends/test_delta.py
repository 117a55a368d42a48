"""A delta makes exactly the edited weights, and exactly the base's again."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from memory_editor.backends.delta import MANIFEST, WEIGHTS, Delta
from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model

DOWN = "model.layers.0.mlp.down_proj.weight"
NORM = "model.layers.1.input_layernorm.weight"
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def model_in(dtype: torch.dtype) -> LanguageModel:
    base = tiny_model(hidden_size=64, intermediate_size=128)
    {torch.float32: base.model.float, torch.bfloat16: base.model.bfloat16, torch.float16: base.model.half}[dtype]()
    return base


def edit(base: LanguageModel) -> WeightUndo:
    """Make a change of rank one and one of a vector."""
    generator = torch.Generator().manual_seed(1)
    with undoable(base, [DOWN, NORM]) as undo, torch.no_grad():
        weight = base.model.get_parameter(DOWN)
        factors = [torch.randn(size, generator=generator, dtype=torch.float64) for size in weight.shape]
        weight.copy_(weight.double() + 0.01 * torch.outer(*factors))
        base.model.get_parameter(NORM).mul_(1.5)
    return undo


def state(base: LanguageModel) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in base.model.state_dict().items()}


def is_as(base: LanguageModel, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, before[name]) for name, tensor in base.model.state_dict().items())


@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_put_on_another_copy_and_taken_off(dtype: torch.dtype, tmp_path: Path) -> None:
    base, other = model_in(dtype), model_in(dtype)
    before = state(base)
    Delta.of(base, edit(base), {"backend": "by hand"}).save(tmp_path / "new" / "delta")
    edited = state(base)
    delta = Delta.load(tmp_path / "new" / "delta")
    assert delta.about == {"backend": "by hand"}
    assert delta.changes.keys() == {DOWN, NORM}
    assert delta.changes[DOWN].rank == 1
    with delta.apply(other):
        assert is_as(other, edited)
    assert is_as(other, before)
    delta.apply(other)
    delta.revert(other)
    assert is_as(other, before)
    delta.revert(base)
    assert is_as(base, before)


def test_it_can_be_read_what_it_is_for(tmp_path: Path) -> None:
    base = model_in(torch.float32)
    delta = Delta.of(base, edit(base))
    delta.save(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert (manifest["before"], manifest["after"]) == (delta.before, delta.after)
    assert manifest["weights"][DOWN] == {"rank": 1, "bytes": delta.changes[DOWN].size}
    assert {path.name for path in tmp_path.iterdir()} == {MANIFEST, WEIGHTS}


def test_a_change_of_rank_one_takes_a_small_part_of_the_weight(tmp_path: Path) -> None:
    base = tiny_model(hidden_size=128, intermediate_size=256)
    with undoable(base, [DOWN]) as undo, torch.no_grad():
        weight = base.model.get_parameter(DOWN)
        update = torch.outer(torch.linspace(-1, 1, 128).double(), torch.linspace(1, 2, 256).double().sin())
        weight.copy_(weight.double() + 0.01 * update)
    delta = Delta.of(base, undo)
    delta.save(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < weight.nbytes / 4


def test_another_model_is_refused_and_left_alone() -> None:
    base, other = tiny_model(), tiny_model(seed=1)
    before = state(other)
    delta = Delta.of(base, edit(base))
    told = f"the delta is for weights {delta.before}, those of tiny-llama-1 are [0-9a-f]{{16}}; take the model"
    with pytest.raises(ModelError, match=told):
        delta.apply(other)
    with pytest.raises(ModelError, match=f"is for weights {delta.after}, those of tiny-llama-1 are"):
        delta.revert(other)
    assert is_as(other, before)
    with pytest.raises(ModelError, match=f"tiny-gpt2-0 has no weight '{DOWN}'; take the model"):
        delta.apply(tiny_model("gpt2"))
    with pytest.raises(ModelError, match=f"is for weights {delta.before}, those of tiny-llama-0 are {delta.after}"):
        delta.apply(base)


def test_changes_of_other_weights_do_not_matter() -> None:
    base, other = tiny_model(), tiny_model()
    delta = Delta.of(base, edit(base))
    with torch.no_grad():
        other.model.get_parameter("model.layers.1.mlp.down_proj.weight").zero_()
    delta.apply(other)
    assert torch.equal(other.model.get_parameter(DOWN), base.model.get_parameter(DOWN))


def test_weights_that_are_tied() -> None:
    base, other = (tiny_model(tie_word_embeddings=True) for _ in range(2))
    with undoable(base, ["lm_head.weight"]) as undo, torch.no_grad():
        base.model.get_parameter("lm_head.weight").add_(0.5)
    Delta.of(base, undo).apply(other)
    assert is_as(other, state(base))


def test_an_edit_that_is_undone_has_no_delta() -> None:
    base = tiny_model()
    undo = edit(base)
    undo.undo()
    with pytest.raises(ModelError, match="the edit is undone"):
        Delta.of(base, undo)


def test_a_damaged_folder_is_refused(tmp_path: Path) -> None:
    base = tiny_model()
    delta = Delta.of(base, edit(base))
    with pytest.raises(ModelError, match=r"no delta in .*delta\.json"):
        Delta.load(tmp_path)
    delta.save(tmp_path)
    content = bytearray((tmp_path / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match=r"the SHA-256 of delta\.safetensors is not the one in delta\.json"):
        Delta.load(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text()) | {"format": 2}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="its format is 2, not 1"):
        Delta.load(tmp_path)


def test_what_comes_out_is_checked() -> None:
    base, other = tiny_model(), tiny_model()
    before = state(other)
    delta = Delta.of(base, edit(base))
    wrong = Delta(delta.before, "0" * 16, delta.changes, {})
    with pytest.raises(ModelError, match=f"made weights {delta.after} instead of {'0' * 16}"):
        wrong.apply(other)
    assert is_as(other, before)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    base = tiny_model()
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="no delta can be written into"):
        Delta.of(base, edit(base)).save(tmp_path / "file" / "delta")
