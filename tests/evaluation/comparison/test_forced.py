"""Teacher-forced scores are those of the plain forward pass, and are routed by the prompt alone."""

import pytest
import torch

from memory_editor.evaluation.comparison.forced import forced
from memory_editor.language_model import LanguageModel
from tests.edited_model.routing import CONTEXT, IN, OUT, edited

PAIRS = [("The capital of Japan is", "Tokyo"), ("Who", "the CEO of Twitter"), ("Two plus two is", "4")]


def test_scores_are_those_of_a_plain_pass(tiny_of_each: LanguageModel) -> None:
    base = tiny_of_each
    for (prompt, target), found in zip(PAIRS, forced(base.model, base, PAIRS), strict=True):
        expected = base.log_probabilities(prompt, f" {target}")
        assert found.probability == pytest.approx(float(expected.sum().exp()), rel=1e-3)
        ids = base.encode(f"{prompt} {target}")
        with torch.no_grad():
            likeliest = base.model(torch.tensor([ids])).logits[0].argmax(-1)[-len(expected) - 1 : -1]
        wanted = torch.tensor(ids[-len(expected) :])
        assert found.matched == pytest.approx(float((likeliest == wanted).float().mean()))


def test_a_routed_model_decides_on_the_prompt_and_keeps_to_it(tiny: LanguageModel) -> None:
    # The second target alone names what the route function looks for.
    inside, outside = forced(edited(tiny), tiny, [(IN, "Linda"), (OUT, "Twitter")])
    told = tiny.log_probabilities(CONTEXT + IN, " Linda")
    plain = tiny.log_probabilities(OUT, " Twitter")
    assert inside.probability == pytest.approx(float(told.sum().exp()), rel=1e-3)
    assert outside.probability == pytest.approx(float(plain.sum().exp()), rel=1e-3)
