"""A tiny model learns what edits say, from a seed alone, and answers so with nothing in context."""

from dataclasses import replace

import pytest
import torch

from memory_editor.adapters.bank.row_loras import RowLoras
from memory_editor.adapters.lora.low_rank import Lora
from memory_editor.consolidation.nothing import Nothing
from memory_editor.consolidation.settings import ConsolidationSettings
from memory_editor.consolidation.training import is_learnable, train_cluster
from memory_editor.consolidation.writing import write
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model

EDITS = [Edit("The baker of Japan is", "Rome"), Edit("The plumber of France is", "Tokyo")]
SETTINGS = ConsolidationSettings(batch=8, learning_rate=3e-2)


@pytest.fixture(scope="module")
def base() -> LanguageModel:
    """A tiny model whose frozen weights are large enough to say anything with certainty."""
    return tiny_model("llama", initializer_range=0.2)


def silent(done: int) -> None:
    del done


def test_edits_are_learnt_early_and_alike_from_the_same_seed(base: LanguageModel) -> None:
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    random = torch.random.get_rng_state()
    told: list[int] = []
    weights, steps = train_cluster(base, EDITS, ["Two plus two is"], SETTINGS, told.append)
    again, _ = train_cluster(base, EDITS, ["Two plus two is"], SETTINGS, silent)
    assert told == list(range(1, steps + 1))
    assert steps < SETTINGS.steps
    assert set(weights) == set(again)
    assert all(torch.equal(value, again[name]) for name, value in weights.items())
    assert all(torch.equal(value, before[name]) for name, value in base.model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), random)
    lora = Lora.of_weights(weights, 2.0)
    with RowLoras(base.model, list(lora.pairs)).on([lora]) as model:
        texts = write(LanguageModel(model, base.tokenizer), Nothing(), [EDITS[0].prompt], [[EDITS[0]]], 8)
    assert texts[0].strip().startswith("Rome")


def test_another_seed_gives_other_weights(base: LanguageModel) -> None:
    settings = replace(SETTINGS, steps=1)
    first, _ = train_cluster(base, EDITS, [], settings, silent)
    other, _ = train_cluster(base, EDITS, [], replace(settings, seed=1), silent)
    assert not all(torch.equal(value, other[name]) for name, value in first.items())


def test_statements_and_long_prompts_cannot_be_learnt(tiny: LanguageModel) -> None:
    assert is_learnable(tiny, EDITS[0], 192)
    assert not is_learnable(tiny, Edit("Linda Yaccarino runs Twitter."), 192)
    assert not is_learnable(tiny, Edit("word " * 200, "end"), 192)
    assert not is_learnable(tiny, Edit("Who?", "me", paraphrases=("word " * 200,)), 192)
