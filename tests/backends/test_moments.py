"""Second moments are the mean of k kᵀ over a text, however it is cut, batched, interrupted or stored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends import moments
from memory_editor.backends.moments import Moments, MomentsFolder, second_moments
from memory_editor.errors import ModelError
from memory_editor.hooks import Tap, hidden_at, hidden_at_each
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path
from tests.tiny import tiny_model

LINES = [f"Number {number} is the answer to the question of the day.\n" for number in range(20)]


def projections(base: LanguageModel) -> list[str]:
    return [projection_path(base.model, block) for block in block_paths(base.model)]


def direct(base: LanguageModel, path: str, windows: Sequence[Sequence[int]]) -> tuple[Tensor, int]:
    """Return the moments by running the whole text window after window and multiplying once."""
    model = sharing_weights(base.model)
    tap = Tap(model.get_submodule(path))
    keys = torch.cat([hidden_at(model, tap, torch.tensor([window])).flatten(0, -2) for window in windows]).double()
    return keys.T @ keys / len(keys), len(keys)


def cut(ids: Sequence[int], size: int, start: Sequence[int] = ()) -> list[list[int]]:
    return [[*start, *ids[first : first + size]] for first in range(0, len(ids), size)]


def test_they_are_the_direct_product(tiny_of_each: LanguageModel) -> None:
    windows = cut(tiny_of_each.encode("".join(LINES)), 256)
    assert len(windows[-1]) < 256
    found = second_moments(tiny_of_each, projections(tiny_of_each), LINES)
    for path in projections(tiny_of_each):
        matrix, count = direct(tiny_of_each, path, windows)
        assert (found[path].projection, found[path].count) == (path, count)
        assert found[path].matrix.dtype is torch.float32
        torch.testing.assert_close(found[path].matrix.double(), matrix, rtol=1e-4, atol=1e-6 * matrix.max().item())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_half_precision_model_is_summed_in_single(dtype: torch.dtype) -> None:
    base = tiny_model()
    {torch.float16: base.model.half, torch.bfloat16: base.model.bfloat16}[dtype]()
    path = projections(base)[1]
    matrix, _ = direct(base, path, cut(base.encode("".join(LINES)), 256))
    found = second_moments(base, [path], LINES)[path].matrix
    assert found.dtype is torch.float32
    torch.testing.assert_close(found.double(), matrix, rtol=0.02, atol=1e-3 * matrix.max().item())


def test_the_model_itself_gets_no_hooks(tiny: LanguageModel) -> None:
    before = [len(module._forward_pre_hooks) for module in tiny.model.modules()]
    second_moments(tiny, projections(tiny), LINES)
    assert [len(module._forward_pre_hooks) for module in tiny.model.modules()] == before


class Killed(Exception):
    """Stands for the end of the process."""


def interrupt_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter(range(batches))

    def once(*args: object, **kwargs: object) -> list[Tensor]:
        if next(left, None) is None:
            raise Killed
        return hidden_at_each(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(moments, "hidden_at_each", once)


def test_a_run_that_was_killed_goes_on(tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = LINES * 3
    monkeypatch.setattr(moments, "_ROWS", 1)
    monkeypatch.setattr(moments, "_SAVED_AFTER", 2)
    expected = second_moments(tiny, projections(tiny), text)
    windows = len(cut(tiny.encode("".join(text)), 256))
    interrupt_after(3, monkeypatch)
    with pytest.raises(Killed):
        second_moments(tiny, projections(tiny), text, cache=tmp_path)
    interrupt_after(windows - 2, monkeypatch)  # those of the third batch were not saved
    found = second_moments(tiny, projections(tiny), text, cache=tmp_path)
    for path in projections(tiny):
        assert torch.equal(found[path].matrix, expected[path].matrix)
    assert not [*tmp_path.glob("*.partial")]


def test_nothing_is_computed_twice(tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = projections(tiny)
    once = second_moments(tiny, [first], LINES, cache=tmp_path)
    both = second_moments(tiny, [first, second], LINES, cache=tmp_path)
    interrupt_after(0, monkeypatch)
    again = second_moments(tiny, [second, first], LINES, cache=tmp_path)
    assert torch.equal(again[first].matrix, once[first].matrix)
    assert torch.equal(again[second].matrix, both[second].matrix)
    for other in ([*LINES, "More."], LINES[1:]):
        with pytest.raises(Killed):
            second_moments(tiny, [first], other, cache=tmp_path)
    with pytest.raises(Killed):
        second_moments(tiny_model(seed=1), [first], LINES, cache=tmp_path)


def test_those_of_a_model_and_projection_are_found_again(tiny: LanguageModel, tmp_path: Path) -> None:
    first, second = projections(tiny)
    second_moments(tiny, [first], LINES, tokens=300, cache=tmp_path)
    most = second_moments(tiny, [first], LINES, cache=tmp_path)[first]
    second_moments(tiny, [first], LINES, tokens=400, cache=tmp_path)
    stored = MomentsFolder(tmp_path)
    found = stored.find(tiny, first)
    assert torch.equal(found.matrix, most.matrix)
    assert torch.equal(stored(tiny, first), most.matrix)
    assert (found.count, found.projection, found.model) == (most.count, first, tiny.fingerprint())
    with pytest.raises(ModelError, match=rf"no second moments of {second} of tiny-llama-0 in .*; take them with"):
        stored(tiny, second)
    with pytest.raises(ModelError, match=f"no second moments of {first} of tiny-llama-1"):
        stored(tiny_model(seed=1), first)


def test_those_of_too_few_tokens_are_refused(tiny: LanguageModel, tmp_path: Path) -> None:
    path = projections(tiny)[0]
    stored = Moments(path, tiny.fingerprint(), torch.eye(64), 63)
    stored.save(tmp_path / f"{path}.few.safetensors")
    with pytest.raises(ModelError, match=rf"{path} are of 63 tokens, and at least 64 are needed; take more text with"):
        MomentsFolder(tmp_path).find(tiny, path)
    replace(stored, count=64).save(tmp_path / f"{path}.more.safetensors")
    assert MomentsFolder(tmp_path).find(tiny, path).count == 64


@torch.no_grad()
def test_what_is_no_number_has_none(tmp_path: Path) -> None:
    base, path = tiny_model(), "model.layers.1.mlp.down_proj"
    base.model.get_parameter("model.layers.1.mlp.up_proj.weight").fill_(float("inf"))
    with pytest.raises(ModelError, match=f"what {path} is given came out infinite or as no number; load the model in"):
        second_moments(base, [path], LINES, cache=tmp_path)
    assert not [*tmp_path.glob("*.safetensors")]


def test_they_are_saved_and_loaded(tmp_path: Path) -> None:
    saved = Moments("mlp", "0123", torch.eye(3), 7)
    saved.save(tmp_path / "m.safetensors")
    loaded = Moments.load(tmp_path / "m.safetensors")
    assert torch.equal(loaded.matrix, torch.eye(3))
    assert (loaded.projection, loaded.model, loaded.count) == ("mlp", "0123", 7)
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no second moments can be written to .*nowhere/m\.safetensors"):
        Moments("mlp", "0123", torch.eye(3), 7).save(tmp_path / "nowhere" / "m.safetensors")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes(b"something else")
    with pytest.raises(ModelError, match=r"m\.safetensors' holds no second moments: .*; remove it"):
        Moments.load(tmp_path / "m.safetensors")


def test_what_is_no_projection_has_none(tiny: LanguageModel) -> None:
    with pytest.raises(ModelError, match=r"no projection 'model\.norm'"):
        second_moments(tiny, ["model.norm"], LINES)
