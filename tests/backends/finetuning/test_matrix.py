"""Bounds and penalties hold back the matrix that is trained."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from memory_editor.backends.base import Backend
from memory_editor.backends.finetuning.matrix import FtKl, FtL, FtM, _within
from memory_editor.edits import Edit
from tests.tiny import tiny_model

JAPAN = Edit("The capital of Japan is", "Rome", subject="Japan", exclusions=("The river of Japan is",))
NAME = "model.layers.1.mlp.down_proj.weight"
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def edited(backend: Backend, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return the matrix before and after an edit."""
    base = tiny_model()
    model: Any = base.model
    model.to(dtype)
    before = base.model.get_parameter(NAME).detach().clone()
    backend.edit(base, [JAPAN])
    return before, base.model.get_parameter(NAME).detach()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bound", [1e-2, 5e-4, 1e-4])
def test_no_entry_goes_beyond_the_bound(bound: float, dtype: torch.dtype) -> None:
    before, after = edited(FtL(bound=bound, learning_rate=1e-2, epochs=3), dtype)
    distances = (after.double() - before.double()).abs()
    assert float(distances.max()) <= bound
    assert float(distances.max()) > 0.99 * bound or dtype == torch.bfloat16
    assert not torch.equal(after, before)


@given(st.floats(-4, 4, width=16), st.floats(1e-6, 1), st.sampled_from(DTYPES), st.sampled_from([-1, 1]))
def test_a_bound_is_the_last_number_on_the_way_to_it(start: float, bound: float, dtype: torch.dtype, sign: int) -> None:
    before = torch.tensor([start]).to(dtype)
    found = _within(before, sign * bound)
    assert found.dtype == dtype
    assert 0 <= sign * float(found.double() - before.double()) <= bound
    beyond = torch.nextafter(found, torch.tensor([sign * torch.inf]).to(dtype))
    assert sign * float(beyond.double() - before.double()) >= bound  # in float64, which may round to it


def test_ft_l_learns_every_token_as_what_follows_the_prompt() -> None:
    base = tiny_model()
    ids = base.encode(JAPAN.prompt)
    target = base.encode(f" {JAPAN.target_new}")
    before = base.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)[target]
    FtL(bound=0.1, learning_rate=1e-2, epochs=5).edit(base, [JAPAN])
    assert bool((base.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)[target] > before).all())


def test_l2_keeps_the_matrix_near() -> None:
    distances = []
    for l2 in (0.0, 1e3):
        before, after = edited(FtKl(l2=l2, kl=0.0, epochs=5))
        distances.append(float((after - before).norm()))
    assert distances[1] < 0.5 * distances[0]


@torch.no_grad()
def test_the_divergence_keeps_what_is_said_after_other_prompts() -> None:
    moved = []
    for kl in (0.0, 1e5):
        base = tiny_model()
        ids = torch.tensor([base.encode("The river of Japan is")])
        before = base.model(ids).logits[0, -1].softmax(-1)
        FtKl(l2=0.0, kl=kl, epochs=20, learning_rate=1e-3).edit(base, [JAPAN])
        moved.append(float((base.model(ids).logits[0, -1].softmax(-1) - before).abs().sum()))
    assert moved[1] < 0.5 * moved[0]


def test_without_penalties_ft_kl_is_ft_m() -> None:
    assert torch.equal(edited(FtKl(l2=0.0, kl=0.0, epochs=3))[1], edited(FtM(epochs=3))[1])
