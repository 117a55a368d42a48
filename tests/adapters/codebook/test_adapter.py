"""Answers from a codebook: each row by its own value, whatever stands beside it and however it is decoded."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from memory_editor.adapters.base import Adapter
from memory_editor.adapters.codebook import Codebook, CodebookAdapter
from memory_editor.adapters.in_context import InContext
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit
from tests.edited_model.routing import batch
from tests.tiny import tiny_model

JAPAN = Edit("The capital of Japan is", "Paris")
TWITTER = Edit("Who runs Twitter?", "new")
UNKNOWN = Edit("The river is", "true")
OUT = "Danielle Darrieux speaks"


def adapter_for(base: LanguageModel) -> CodebookAdapter:
    codebook = Codebook(base, steps=12)
    codebook.add([JAPAN, TWITTER])
    return CodebookAdapter(codebook)


@pytest.fixture(scope="module")
def adapter(tiny: LanguageModel) -> CodebookAdapter:
    return adapter_for(tiny)


def route(prompts: Sequence[str]) -> list[Route]:
    edits = {edit.prompt: (ScoredEdit(edit, 1.0, Kind.DIRECT, ()),) for edit in (JAPAN, TWITTER, UNKNOWN)}
    return [Route(prompt, edits.get(prompt, ()), None, 0.5) for prompt in prompts]


def new_ids(model: Any, base: LanguageModel, prompts: Sequence[str], **options: Any) -> Tensor:
    inputs = batch(base, prompts)
    torch.manual_seed(3)
    output: Tensor = model.generate(**inputs, **{"max_new_tokens": 3, **options})
    return output[:, inputs["input_ids"].shape[1] :]


def test_every_architecture_answers_its_own_prompts_and_nothing_else(tiny_of_each: LanguageModel) -> None:
    base = tiny_of_each
    model = EditedModel(base, route, adapter_for(base))
    prompts = [JAPAN.prompt, OUT, TWITTER.prompt]
    found = new_ids(model, base, prompts)
    assert [base.decode(row[:1]) for row in found[[0, 2]]] == [" Paris", " new"]
    assert torch.equal(found[1], new_ids(base.model, base, prompts)[1])
    assert torch.equal(found, new_ids(model, base, prompts, use_cache=False))
    alone = new_ids(model, base, prompts[2:])[0]
    assert torch.equal(found[2, : len(alone)], alone)


@pytest.mark.parametrize(
    ("each", "options"),
    [
        (3, {"num_beams": 3}),
        (3, {"num_beams": 3, "num_return_sequences": 2}),
        (2, {"do_sample": True, "num_return_sequences": 2}),
    ],
    ids=["beams", "several beams", "samples"],
)
def test_beams_and_samples_of_a_row_have_its_value(
    tiny: LanguageModel, adapter: CodebookAdapter, each: int, options: dict[str, Any]
) -> None:
    inputs = batch(tiny, [JAPAN.prompt, OUT, TWITTER.prompt])

    def first_logits(**over: Any) -> Tensor:
        model: Any = EditedModel(tiny, route, adapter)
        output = model.generate(
            **inputs, max_new_tokens=2, output_logits=True, output_scores=True, return_dict_in_generate=True, **over
        )
        logits: Tensor = output.logits[0]
        return logits

    torch.testing.assert_close(first_logits(**options), first_logits().repeat_interleave(each, 0))


@torch.no_grad()
def test_tokens_fed_to_a_cache_go_on_as_generation_does(tiny: LanguageModel, adapter: CodebookAdapter) -> None:
    model = EditedModel(tiny, route, adapter)
    prompts = [JAPAN.prompt, TWITTER.prompt]
    inputs = batch(tiny, prompts)
    expected = new_ids(model, tiny, prompts)
    output = model(**inputs, use_cache=True)
    said = [output.logits[:, -1:].argmax(-1)]
    mask = inputs["attention_mask"]
    for _ in range(2):
        mask = torch.cat([mask, torch.ones(2, 1, dtype=mask.dtype)], 1)
        output = model(said[-1], attention_mask=mask, past_key_values=output.past_key_values)
        said.append(output.logits[:, -1:].argmax(-1))
    assert torch.equal(torch.cat(said, 1), expected)


def test_the_base_model_and_other_threads_see_nothing_of_a_value(tiny: LanguageModel, adapter: CodebookAdapter) -> None:
    ids = torch.tensor([tiny.encode(JAPAN.prompt)])
    before = tiny.model(ids).logits
    found: list[Tensor] = []
    with adapter.applied(tiny.model, [(JAPAN,)]) as model:
        assert not torch.equal(model(ids).logits, before)
        thread = threading.Thread(target=lambda: found.append(model(ids).logits))
        thread.start()
        thread.join()
        assert torch.equal(tiny.model(ids).logits, before)
    assert torch.equal(found[0], before)
    assert torch.equal(model(ids).logits, before)


def test_an_edit_without_a_value_is_told_in_context(tiny: LanguageModel, adapter: CodebookAdapter) -> None:
    general: Adapter = adapter
    assert general.name == "codebook"
    told = InContext().context([UNKNOWN], UNKNOWN.prompt, is_chat=False)
    assert adapter.context([UNKNOWN], UNKNOWN.prompt, is_chat=False) == told
    assert adapter.context([UNKNOWN, JAPAN], UNKNOWN.prompt, is_chat=False) == ""
    prompts = [UNKNOWN.prompt, JAPAN.prompt]
    found = new_ids(EditedModel(tiny, route, adapter), tiny, prompts)
    assert torch.equal(found[0], new_ids(EditedModel(tiny, route, InContext()), tiny, prompts)[0])
    assert torch.equal(found[1], new_ids(EditedModel(tiny, route, adapter), tiny, [JAPAN.prompt])[0])
    with adapter.applied(tiny.model, [(UNKNOWN,)]) as model:
        assert model is tiny.model


def test_values_answer_in_half_precision() -> None:
    base = tiny_model("llama")
    model: Any = base.model
    model.bfloat16()
    found = new_ids(EditedModel(base, route, adapter_for(base)), base, [JAPAN.prompt, OUT])
    assert base.decode(found[0, :1]) == " Paris"
