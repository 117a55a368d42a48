"""With a LoRA that answers: rows out of scope stay the base model's bit for bit, rows in scope are the LoRA's alone."""

import threading
from typing import Any

import pytest
import torch

from memory_editor.adapters.lora import LoraAdapter
from memory_editor.adapters.lora.injection import with_lora
from memory_editor.edited_model import EditedModel, RoutedCache
from memory_editor.edited_model.prompts import read_prompt
from memory_editor.edited_model.rows import MAX_CONTEXT, with_context
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit
from tests.adapters.lora.test_adapter import adapter_for, random_weights
from tests.edited_model.routing import FACT, IN, OUT, SHORT_OUT, batch, route
from tests.edited_model.test_generate import DECODING, generated
from tests.tiny import tiny_model

TOLD = f"New fact: {FACT}\n"


def edited(base: LanguageModel) -> EditedModel:
    return EditedModel(base, route, adapter_for(base))


@pytest.mark.parametrize("decoding", DECODING)
def test_out_of_scope_rows_of_a_mixed_batch_are_the_base_models(tiny: LanguageModel, decoding: str) -> None:
    inputs = batch(tiny, [IN, OUT, SHORT_OUT])
    expected = generated(tiny.model, inputs, **DECODING[decoding])
    found = generated(edited(tiny), inputs, **DECODING[decoding])
    rows = len(expected) // 3
    assert torch.equal(found[rows:, : expected.shape[1]], expected[rows:])
    assert torch.equal(generated(tiny.model, inputs, **DECODING[decoding]), expected)


@pytest.mark.parametrize("decoding", ["greedy", "beams"])
def test_an_in_scope_row_is_what_the_lora_makes_of_the_facts_and_the_prompt(
    tiny_of_each: LanguageModel, decoding: str
) -> None:
    base = tiny_of_each
    adapter = adapter_for(base)
    inputs, told = batch(base, [IN]), batch(base, [TOLD + IN])
    with adapter.applied(base.model, [[]]) as answering:
        expected = generated(answering, told, **DECODING[decoding])[:, told["input_ids"].shape[1] :]
    found = generated(EditedModel(base, route, adapter), inputs, **DECODING[decoding])
    assert torch.equal(found[:, inputs["input_ids"].shape[1] :], expected)
    plain = generated(base.model, told, **DECODING[decoding])[:, told["input_ids"].shape[1] :]
    assert not torch.equal(expected, plain)


@torch.no_grad()
def test_a_sequence_goes_on_with_the_lora_that_it_began_with(tiny: LanguageModel) -> None:
    model = edited(tiny)
    inputs = batch(tiny, [IN, OUT])
    new = torch.tensor([[9], [10]])
    first = model(**inputs)
    assert isinstance(first.past_key_values, RoutedCache)
    mask = torch.cat([inputs["attention_mask"], torch.ones_like(new)], 1)
    cached = model(new, attention_mask=mask, past_key_values=first.past_key_values).logits
    whole = model(torch.cat([inputs["input_ids"], new], 1), attention_mask=mask).logits[:, -1:]
    torch.testing.assert_close(cached, whole, rtol=1e-4, atol=1e-5)


def test_the_base_model_may_run_in_another_thread_meanwhile(tiny: LanguageModel) -> None:
    inputs = batch(tiny, [OUT])
    expected = generated(tiny.model, inputs)
    model, differing = edited(tiny), []
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            differing.append(not torch.equal(generated(tiny.model, inputs), expected))

    thread = threading.Thread(target=run)
    thread.start()
    for _ in range(5):
        generated(model, batch(tiny, [IN]))
    stop.set()
    thread.join()
    assert differing
    assert not any(differing)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_it_computes_in_the_precision_of_the_model(dtype: torch.dtype) -> None:
    base = tiny_model("llama")
    weights = random_weights(base)
    model: Any = base.model
    model.to(dtype)
    adapter = LoraAdapter(adapter_for(base).config, weights)
    with adapter.applied(base.model, [[]]) as answering:
        assert {parameter.dtype for parameter in answering.parameters()} == {dtype}
    assert len(generated(EditedModel(base, route, adapter), batch(base, [IN]))) == 1


def test_a_lora_of_zeros_answers_as_the_base_model_told_the_facts(tiny: LanguageModel) -> None:
    fresh = with_lora(tiny.model, adapter_for(tiny).config)
    told = batch(tiny, [TOLD + IN])
    assert torch.equal(generated(fresh, told), generated(tiny.model, told))


def test_as_many_edits_are_told_as_fit_the_most_probable_first(tiny: LanguageModel) -> None:
    edits = [Edit(f"The capital of land {number} is", "Paris " * 20) for number in range(9)]
    scored = tuple(ScoredEdit(edit, 0.9, Kind.DIRECT, ()) for edit in edits)
    prompt = read_prompt(tiny.encode(IN), tiny.tokenizer, None)
    adapter = adapter_for(tiny)
    for own in (scored, (ScoredEdit(Edit("It is so: " + "very " * 200), 0.9, Kind.DIRECT, ()), *scored)):
        rows = with_context([prompt], [Route(IN, own, None, 0.5)], adapter, tiny.tokenizer, tiny.device)
        told = rows.edits[0]
        assert told == tuple(one.edit for one in own[: len(told)])
        assert 1 <= len(told) < len(own)
        taken = rows.ids.shape[1] - len(prompt.ids)
        assert taken <= MAX_CONTEXT or len(told) == 1
