"""A change takes a tensor there and back, bit for bit, whatever it was made of."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from memory_editor.backends.change import Change
from memory_editor.errors import ModelError

DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def added(before: Tensor, difference: Tensor) -> Tensor:
    """Return what a method makes of a weight that rounds the sum alone."""
    return (before.double() + difference).to(before.dtype)


def is_same(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(
        *(tensor.contiguous().flatten().view(torch.uint8) for tensor in (one, other))
    )


def goes_there_and_back(change: Change, before: Tensor, after: Tensor) -> bool:
    return is_same(change.apply(before), after) and is_same(change.revert(after), before)


@given(
    st.integers(1, 24),
    st.integers(1, 24),
    st.integers(0, 5),
    st.sampled_from(DTYPES),
    st.sampled_from([1e-6, 0.01, 1.0, 1e4]),
    st.integers(0, 9),
)
@settings(max_examples=20, deadline=None)
def test_there_and_back(rows: int, columns: int, rank: int, dtype: torch.dtype, scale: float, seed: int) -> None:
    before = random(rows, columns, seed=seed).to(dtype)
    after = added(before, scale * random(rows, rank, seed=seed + 1) @ random(rank, columns, seed=seed + 2))
    assert goes_there_and_back(Change.between(before, after), before, after)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_no_number_is_kept_too(dtype: torch.dtype) -> None:
    before = random(4, 6).to(dtype)
    after = before.clone()
    after[0] = torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0, 0.0, 1e-7])
    assert goes_there_and_back(Change.between(before, after), before, after)


@pytest.mark.parametrize("shape", [(7,), (2, 3, 4), (0, 5), ()])
def test_shapes_that_are_no_matrix(shape: tuple[int, ...]) -> None:
    before, after = random(*shape).float(), random(*shape, seed=1).float()
    change = Change.between(before, after)
    assert change.rank == 0
    assert goes_there_and_back(change, before, after)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rank", [1, 3])
def test_the_rank_is_found_and_makes_it_small(rank: int, dtype: torch.dtype) -> None:
    before = random(64, 128).to(dtype)
    after = added(before, 0.1 * random(64, rank, seed=1) @ random(rank, 128, seed=2))
    change = Change.between(before, after)
    assert change.rank == rank
    assert change.left.shape == (64, rank)
    assert change.right.shape == (rank, 128)
    assert change.size < 0.6 * before.nbytes
    assert goes_there_and_back(change, before, after)


def test_a_change_without_low_rank_takes_less_than_the_weights() -> None:
    before = random(64, 64).float()
    after = before + 1e-3 * random(64, 64, seed=1).float()
    change = Change.between(before, after)
    assert change.rank == 0
    assert change.size < before.nbytes
    assert goes_there_and_back(change, before, after)


def test_a_change_of_nothing_or_of_few_numbers_takes_next_to_nothing() -> None:
    before = random(64, 64).float()
    after = before.clone()
    assert Change.between(before, after).size < 200
    after[3, ::16] *= 2
    change = Change.between(before, after)
    assert change.size < 300
    assert goes_there_and_back(change, before, after)


def test_weights_that_are_kept_transposed() -> None:
    before = random(6, 9).float().T
    after = added(before, torch.outer(random(9, seed=1), random(6, seed=2)))
    assert goes_there_and_back(Change.between(before, after), before, after)


def test_the_generator_of_the_caller_is_left_alone() -> None:
    state = torch.get_rng_state()
    Change.between(random(8, 8).float(), random(8, 8, seed=1).float())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_tensor_of_another_size_or_damaged_bytes_are_refused() -> None:
    before = random(4, 6).float()
    change = Change.between(before, before + 1)
    with pytest.raises(ModelError, match=r"for a weight of shape \(4, 6\), not \(4, 8\); take the model"):
        change.apply(random(4, 8).float())
    with pytest.raises(ModelError, match="not for 48 bytes; take the model"):
        change.revert(before.half())
    damaged = Change(change.left, change.right, change.forward[1:], change.backward)
    with pytest.raises(ModelError, match="is damaged"):
        damaged.apply(before)
