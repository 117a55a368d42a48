"""Each row is computed as by a model that has its LoRA alone, on every architecture, at any time and in any thread."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.adapters.bank.row_loras import RowLoras
from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.adapters.lora.low_rank import Lora
from memory_editor.language_model import LanguageModel
from tests.adapters.bank.banks import random_weights
from tests.tiny import tiny_model

IDS = torch.tensor([[5, 6, 7, 8], [9, 8, 7, 6], [5, 9, 6, 8], [5, 6, 7, 8]])
DECODING: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "without cache": {"use_cache": False},
}


def lora(base: LanguageModel, seed: int, rank: int = 2) -> Lora:
    return Lora.of_weights(random_weights(base, seed, rank), 2.0)


def alone(base: LanguageModel, seed: int, rank: int = 2) -> PreTrainedModel:
    """Return the model that peft makes of one LoRA."""
    return with_lora(base.model, lora_config(base.model, rank), random_weights(base, seed, rank))


def switching(base: LanguageModel) -> RowLoras:
    return RowLoras(base.model, list(lora(base, 0).pairs))


def rows_of(base: LanguageModel) -> tuple[list[Lora | None], list[PreTrainedModel]]:
    """Return LoRAs for the rows of IDS, of two ranks and none, and the models that have each of them alone."""
    return (
        [lora(base, 0), None, lora(base, 1, 3), lora(base, 2)],
        [alone(base, 0), base.model, alone(base, 1, 3), alone(base, 2)],
    )


@torch.no_grad()
def test_each_row_of_a_batch_has_its_own(tiny_of_each: LanguageModel) -> None:
    loras, models = rows_of(tiny_of_each)
    with switching(tiny_of_each).on(loras) as model:
        found = model(IDS).logits
    expected = torch.cat([one(IDS[row : row + 1]).logits for row, one in enumerate(models)])
    assert torch.allclose(found, expected, atol=1e-4)
    assert not torch.allclose(found[0], found[3], atol=1e-2)


@pytest.mark.parametrize("decoding", DECODING)
def test_generated_rows_are_those_of_each_alone(tiny_of_each: LanguageModel, decoding: str) -> None:
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, **DECODING[decoding]}
    loras, models = rows_of(tiny_of_each)
    with switching(tiny_of_each).on(loras) as model:
        found = generated(model, IDS, options)
    each = len(found) // len(IDS)
    for row, one in enumerate(models):
        expected = generated(one, IDS[row : row + 1], options)
        width = expected.shape[1]
        assert torch.equal(found[row * each : (row + 1) * each, :width], expected)
        assert not found[row * each : (row + 1) * each, width:].any()


def generated(model: Any, ids: Tensor, options: dict[str, Any]) -> Tensor:
    output: Tensor = model.generate(ids, attention_mask=torch.ones_like(ids), **options)
    return output


@torch.no_grad()
def test_the_base_model_is_the_same_bit_for_bit_throughout(tiny_of_each: LanguageModel) -> None:
    base = tiny_of_each.model
    before, names = base(IDS).logits, list(base.state_dict())
    with switching(tiny_of_each).on([lora(tiny_of_each, 0)]) as model:
        changed = model(IDS).logits
        assert torch.equal(base(IDS).logits, before)
    assert not torch.allclose(changed, before)
    assert torch.equal(base(IDS).logits, before)
    assert torch.equal(model(IDS).logits, before)
    assert list(base.state_dict()) == names


@torch.no_grad()
def test_blocks_within_blocks_each_have_their_own(tiny: LanguageModel) -> None:
    both = switching(tiny)
    with both.on([lora(tiny, 0)]) as model:
        first = model(IDS).logits
        with both.on([lora(tiny, 1)]):
            assert torch.allclose(model(IDS).logits, alone(tiny, 1)(IDS).logits, atol=1e-4)
        assert torch.equal(model(IDS).logits, first)


@torch.no_grad()
def test_threads_do_not_disturb_each_other(tiny: LanguageModel) -> None:
    both, barrier = switching(tiny), Barrier(3)

    def run(seed: int) -> bool:
        expected = alone(tiny, seed)(IDS).logits
        with torch.no_grad(), both.on([lora(tiny, seed)]) as model:
            barrier.wait()
            return all(torch.allclose(model(IDS).logits, expected, atol=1e-4) for _ in range(20))

    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(run, range(3)))


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_computes_as_precisely_as_the_model(dtype: torch.dtype) -> None:
    base = tiny_model("llama")
    base.model.to(dtype=dtype)  # type: ignore[call-arg]
    with switching(base).on([lora(base, 0)]) as model:
        found = model(IDS).logits
    assert found.dtype == dtype
    assert torch.allclose(found.float(), alone(base, 0)(IDS).logits.float(), atol=0.1)


def test_a_lora_is_read_off_a_model_that_has_it_on(tiny: LanguageModel) -> None:
    found, expected = Lora.on(alone(tiny, 0)), lora(tiny, 0)
    assert set(found.pairs) == set(expected.pairs)
    for path, pair in expected.pairs.items():
        assert all(map(torch.equal, found.pairs[path], pair))
    assert not Lora.on(tiny.model).pairs
