"""What is measured besides answers equals what a plain pass gives."""

import math

import pytest
import torch

from memory_editor.backends.routed_undo import unedited
from memory_editor.evaluation.answering import Question
from memory_editor.evaluation.comparison import general
from memory_editor.evaluation.comparison.general import fluency, perplexity, recall, speed
from memory_editor.language_model import LanguageModel
from tests.edited_model.routing import IN, OUT, edited
from tests.tiny import tiny_model

TEXT = "The capital of France is Paris, and who runs the company of the Eiffel Tower is true. " * 40


def test_perplexity_is_that_of_windows_read_by_themselves(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(general, "_WINDOW", 16)
    monkeypatch.setattr(general, "_WINDOWS", 3)
    monkeypatch.setattr(general, "_AT_ONCE", 2)
    windows = torch.tensor(tiny.encode(TEXT)[:48]).reshape(3, 16)
    with torch.no_grad():
        losses = [-tiny.model(row[None]).logits[0, :-1].log_softmax(-1)[range(15), row[1:]] for row in windows]
    found = perplexity(unedited(tiny), tiny, TEXT)
    assert found["tokens"] == 45
    assert found["perplexity"] == pytest.approx(math.exp(float(torch.cat(losses).mean())), rel=1e-4)


def test_recall_counts_facts_that_are_begun_with(tiny: LanguageModel) -> None:
    facts = [Question("The capital of France is", ("Paris",)), Question(OUT, ("nothing like it",))] * 100
    found = recall(unedited(tiny), tiny, facts)
    assert found == {"facts": 100, "recalled": 0.0}


def test_long_texts_are_as_long_as_they_are_to_be(tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(general, "LONG", 12)
    found = fluency(unedited(tiny), tiny, [OUT] * 30)
    assert found["texts"] == 20
    assert found["entropy"] >= 0
    assert 0 <= found["loops"] <= 1


def test_a_query_with_context_is_compared_with_the_base_models(
    tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(general, "_QUERIES", 4)
    found = speed(edited(tiny), tiny, [IN, OUT], 2)
    assert (found["queries"], found["new_tokens"]) == (4, 2)
    assert 0 < found["base_p50"] <= found["base_p95"]
    assert 0 < found["edited_p50"] <= found["edited_p95"]


def test_a_text_shorter_than_a_window_has_no_perplexity(tiny: LanguageModel) -> None:
    assert perplexity(unedited(tiny), tiny, "A short text.") == {}


@torch.no_grad()
def test_perplexity_beyond_all_numbers_is_infinite() -> None:
    broken = tiny_model()
    broken.model.get_parameter("model.norm.weight").mul_(1e9)
    found = perplexity(unedited(broken), broken, TEXT)
    assert (found["tokens"] > 0, found["perplexity"]) == (True, math.inf)
