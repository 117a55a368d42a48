"""The bank answers what it has learnt as its LoRA alone does; all else is the fallback's, in the same batch."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from memory_editor.adapters.bank import Bank, BankAdapter, bank_adapter
from memory_editor.adapters.base import Adapter
from memory_editor.adapters.in_context import InContext
from memory_editor.adapters.lora.injection import lora_config, with_lora
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit
from tests.adapters.bank.banks import CAPITAL, CEO, NEWER, TONGUE, lora_adapter, make_bank, random_weights
from tests.edited_model.routing import batch
from tests.tiny import tiny_model

IDS = torch.tensor([[5, 6, 7, 8], [9, 8, 7, 6]])
OUT = "What is the answer?"


@pytest.fixture(scope="module")
def bank(tiny: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return make_bank(tmp_path_factory.mktemp("bank"), tiny)


@pytest.fixture
def adapter(bank: Bank) -> Adapter:
    return BankAdapter(bank, InContext())


def test_nothing_is_put_before_prompts_of_the_bank(adapter: Adapter) -> None:
    for edits in ([CEO], [TONGUE], [CEO, CAPITAL]):
        assert adapter.context(edits, "Who?", is_chat=False) == adapter.context(edits, "Who?", is_chat=True) == ""


@pytest.mark.parametrize("is_chat", [True, False])
def test_what_the_bank_did_not_learn_is_told_as_the_fallback_tells_it(adapter: Adapter, is_chat: bool) -> None:
    changed = Edit(CEO.prompt, "Elon Musk", id=CEO.id)
    reworded = Edit(CEO.prompt, CEO.target_new, id=CEO.id, paraphrases=("Who owns Twitter?",))
    for edits in ([NEWER], [changed], [reworded], [CEO, TONGUE], [CEO, NEWER], [NEWER, CEO]):
        assert adapter.context(edits, "Who?", is_chat=is_chat) == InContext().context(edits, "Who?", is_chat=is_chat)


@torch.no_grad()
def test_a_batch_mixes_clusters_and_a_fallback_with_a_lora_of_another_rank(bank: Bank, tiny: LanguageModel) -> None:
    fallback = lora_adapter(tiny, seed=9, rank=3)
    with BankAdapter(bank, fallback).applied(tiny.model, [[CEO], [NEWER], [TONGUE]]) as model:
        found = model(IDS[:1].repeat(3, 1)).logits
    loras = [(0, 2), (9, 3), (1, 2)]
    for row, (seed, rank) in enumerate(loras):
        alone = with_lora(tiny.model, lora_config(tiny.model, rank), random_weights(tiny, seed, rank))
        assert torch.allclose(found[row], alone(IDS[:1]).logits[0], atol=1e-4)


@torch.no_grad()
def test_rows_that_are_all_the_fallbacks_get_its_own_model(bank: Bank, tiny: LanguageModel) -> None:
    with BankAdapter(bank, InContext()).applied(tiny.model, [[NEWER]]) as model:
        assert model is tiny.model
    fallback = lora_adapter(tiny, seed=9)
    with BankAdapter(bank, fallback).applied(tiny.model, [[NEWER]]) as model, fallback.applied(tiny.model, []) as own:
        assert model is own


def test_a_changed_base_model_is_followed(tmp_path: Path) -> None:
    base = tiny_model("llama")
    adapter = BankAdapter(make_bank(tmp_path, base), InContext())
    with adapter.applied(base.model, [[CEO]]) as first, adapter.applied(base.model, [[CEO]]) as second:
        assert first is second
    base.model.bfloat16()
    with torch.no_grad(), adapter.applied(base.model, [[CEO]]) as third:
        assert third is not first
        assert third(IDS[:1]).logits.dtype == torch.bfloat16


def test_a_fallback_whose_model_is_no_lora_is_refused(bank: Bank, tiny: LanguageModel) -> None:
    class Other(InContext):
        def applied(self, model: Any, rows: Any) -> Any:
            return super().applied(tiny_model("llama").model, rows)

    with pytest.raises(ModelError, match="use lora or in-context"):
        BankAdapter(bank, Other()).applied(tiny.model, [[CEO], [NEWER]]).__enter__()


@pytest.mark.parametrize("options", [{}, {"num_beams": 2}], ids=["greedy", "beams"])
def test_an_edited_model_answers_each_row_from_where_it_belongs(
    bank: Bank, tiny: LanguageModel, options: dict[str, Any]
) -> None:
    edits = {CEO.prompt: CEO, TONGUE.prompt: TONGUE, NEWER.prompt: NEWER}
    prompts = [CEO.prompt, OUT, NEWER.prompt, TONGUE.prompt]

    def route(texts: Any) -> list[Route]:
        return [
            Route(text, (ScoredEdit(edits[text], 1.0, Kind.DIRECT, ()),) if text in edits else (), None, 0.5)
            for text in texts
        ]

    def written(adapter: Adapter, asked: list[str]) -> list[str]:
        inputs = batch(tiny, asked)
        ids: Tensor = EditedModel(tiny, route, adapter).generate(  # type: ignore[assignment]
            **inputs, max_new_tokens=5, do_sample=False, **options
        )
        return [tiny.decode(row[inputs["input_ids"].shape[1] :]) for row in ids]

    adapter = BankAdapter(bank, InContext())
    assert written(adapter, prompts) == [written(adapter, [prompt])[0] for prompt in prompts]
    assert written(adapter, [NEWER.prompt, OUT]) == written(InContext(), [NEWER.prompt, OUT])
    assert written(adapter, [CEO.prompt]) != written(InContext(), [CEO.prompt])


def test_where_there_is_no_bank_the_fallback_answers(tmp_path: Path, tiny: LanguageModel) -> None:
    fallback = InContext()
    assert bank_adapter(tmp_path / "none", tiny.model, fallback) is fallback


def test_the_bank_in_force_answers_for_its_own_model_alone(tmp_path: Path, tiny: LanguageModel) -> None:
    make_bank(tmp_path, tiny)
    assert isinstance(bank_adapter(tmp_path, tiny.model, InContext()), BankAdapter)
    with pytest.raises(ModelError, match="is for another model; `memedit consolidate` makes one for this"):
        bank_adapter(tmp_path, tiny_model("llama", seed=1).model, InContext())
