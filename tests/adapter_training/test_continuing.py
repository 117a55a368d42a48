"""What an exercise leaves open goes on as the base model would, without facts."""

import pytest
import torch

from memory_editor.adapter_training.continuing import continued
from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.sequences import Tokeniser
from memory_editor.adapters.lora import LoraAdapter
from memory_editor.adapters.lora.injection import lora_config
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel

EDITS = (Edit("The CEO of Twitter is", "Linda Yaccarino"),)


@pytest.fixture
def tokeniser(tiny: LanguageModel) -> Tokeniser:
    return Tokeniser(tiny, LoraAdapter(lora_config(tiny.model, 2), {}))


def test_what_the_edits_do_not_answer_is_gone_on_from(tiny: LanguageModel, tokeniser: Tokeniser) -> None:
    exercises = [Exercise(EDITS, prompt, "", "rival") for prompt in ("Who owns Twitter?", "The capital of France is")]
    found = continued(tiny, tokeniser, exercises, "seed")
    assert [one.prompt for one in found] == [one.prompt for one in exercises]
    assert all(one.rest and not one.answer for one in found)


def test_where_the_true_answer_is_known_it_stays_as_often_as_not(tiny: LanguageModel, tokeniser: Tokeniser) -> None:
    exercises = [Exercise(EDITS, "The capital of France is", "", "near miss", "Paris")] * 100
    kept = sum(one.rest == "Paris" for one in continued(tiny, tokeniser, exercises, "seed"))
    assert 35 <= kept <= 65


def test_an_answer_that_ends_stays_the_end(tiny: LanguageModel, tokeniser: Tokeniser) -> None:
    exercises = [Exercise(EDITS, "Who runs Twitter?", "Linda", "asked", ends=True)] * 20
    assert continued(tiny, tokeniser, exercises, "seed") == exercises


def test_the_same_seed_gives_the_same_and_leaves_the_generator_alone(tiny: LanguageModel, tokeniser: Tokeniser) -> None:
    exercises = [Exercise(EDITS, "Who owns Twitter?", "", "rival"), Exercise(EDITS, "Twitter is", "", "rival")]
    state = torch.get_rng_state()
    first, again, other = (continued(tiny, tokeniser, exercises, seed) for seed in ("a", "a", "b"))
    assert first == again
    assert first != other
    assert torch.equal(torch.get_rng_state(), state)
