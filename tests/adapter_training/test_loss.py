"""The loss is the cross-entropy of answers plus the divergence from the base model, and nothing else."""

import pytest
import torch
from torch import Tensor

from memory_editor.adapter_training.loss import loss_of
from memory_editor.adapter_training.sequences import Allowed, TokenRow, batch_of
from memory_editor.language_model import LanguageModel

CPU = torch.device("cpu")


def anything(base: LanguageModel) -> Allowed:
    """Let any id stand anywhere."""
    everything = torch.ones(base.model.config.vocab_size, dtype=torch.bool)
    return Allowed(everything, everything)


def divergence(wanted: Tensor, given: Tensor) -> float:
    """Return KL(wanted || given) of logits."""
    wanted, given = wanted.log_softmax(-1), given.log_softmax(-1)
    return float((wanted.exp() * (wanted - given)).sum())


@torch.no_grad()
def test_without_other_facts_nothing_diverges(tiny_of_each: LanguageModel) -> None:
    row = TokenRow(told=(5, 6, 7), plain=(5, 6, 7), answer=0, rest=1, ends=False)
    assert float(
        loss_of(tiny_of_each.model, tiny_of_each.model, batch_of([row], CPU), anything(tiny_of_each))
    ) == pytest.approx(0, abs=1e-6)


@torch.no_grad()
def test_an_answer_costs_its_negative_log_probability_its_first_token_four_times(
    tiny: LanguageModel,
) -> None:
    rows = [TokenRow((5, 6, 7, 8), (7, 8), 1, 0, ends=True), TokenRow((5, 9, 8, 4), (8, 4), 2, 0, ends=True)]
    expected = 0.0
    for row in rows:
        logits = tiny.model(torch.tensor([row.told])).logits[0].log_softmax(-1)
        costs = [-float(logits[len(row.told) - n - 1, row.told[-n]]) for n in range(1, row.answer + 1)]
        expected += sum(costs) + 3 * costs[-1]
    assert float(loss_of(tiny.model, tiny.model, batch_of(rows, CPU), anything(tiny))) == pytest.approx(
        expected / 9, rel=1e-4
    )


@torch.no_grad()
def test_what_facts_change_costs_the_divergence_from_the_base_model(tiny: LanguageModel) -> None:
    row = TokenRow(told=(5, 6, 7, 8), plain=(7, 8), answer=0, rest=0, ends=False)
    base = tiny.model(torch.tensor([[7, 8]])).logits[0, -1]
    expected = divergence(base, tiny.model(torch.tensor([[5, 6, 7, 8]])).logits[0, -1])
    assert expected > 0
    assert float(loss_of(tiny.model, tiny.model, batch_of([row], CPU), anything(tiny))) == pytest.approx(
        expected, rel=1e-3
    )


@torch.no_grad()
def test_right_behind_an_answer_only_new_words_count(tiny: LanguageModel) -> None:
    row = TokenRow(told=(5, 6, 7, 8), plain=(7, 8), answer=1, rest=0, ends=False)
    starts = torch.arange(tiny.model.config.vocab_size) % 3 == 0
    allowed = Allowed(starts, torch.ones_like(starts))
    base = tiny.model(torch.tensor([[7, 8]])).logits[0, -1]
    base = base.masked_fill(~starts, -torch.inf).log_softmax(-1)[starts]
    logits = tiny.model(torch.tensor([[5, 6, 7, 8]])).logits[0].log_softmax(-1)
    expected = float((base.exp() * (base - logits[-1][starts])).sum()) - float(logits[-2][8])
    assert float(loss_of(tiny.model, tiny.model, batch_of([row], CPU), allowed)) == pytest.approx(expected, rel=1e-3)


@torch.no_grad()
def test_what_no_answer_opens_with_does_not_count_right_behind_a_prompt(tiny: LanguageModel) -> None:
    row = TokenRow(told=(5, 6, 7, 8), plain=(7, 8), answer=0, rest=0, ends=False)
    opens = torch.ones(tiny.model.config.vocab_size, dtype=torch.bool)
    opens[3] = False
    base, told = (tiny.model(torch.tensor([ids])).logits[0, -1][opens] for ids in ([7, 8], [5, 6, 7, 8]))
    allowed = Allowed(torch.ones_like(opens), opens)
    expected = divergence(base, told)
    assert float(loss_of(tiny.model, tiny.model, batch_of([row], CPU), allowed)) == pytest.approx(expected, rel=1e-3)


@torch.no_grad()
def test_the_place_behind_a_prompt_counts_for_four(tiny: LanguageModel) -> None:
    row = TokenRow(told=(5, 6, 7, 8), plain=(7, 8), answer=0, rest=1, ends=False)
    base, told = (tiny.model(torch.tensor([ids])).logits[0, -2:] for ids in ([7, 8], [5, 6, 7, 8]))
    first, second = (divergence(base[place], told[place]) for place in (0, 1))
    loss = float(loss_of(tiny.model, tiny.model, batch_of([row], CPU), anything(tiny)))
    assert loss == pytest.approx((4 * first + second) / 5, rel=1e-3)
