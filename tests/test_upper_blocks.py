"""The end of a forward pass, run by itself, gives what the whole pass gives."""

import pytest
import torch

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.language_model import LanguageModel
from memory_editor.token_rows import TokenRows
from memory_editor.upper_blocks import UpperBlocks

PROMPTS = [[5, 6, 7, 8], [9, 10], [11]]
TARGETS = [[12], [13, 14], []]


@pytest.mark.parametrize("first", [0, 1])
@torch.no_grad()
def test_a_suffix_gives_the_logits_of_the_whole_text(tiny_of_each: LanguageModel, first: int) -> None:
    base = tiny_of_each
    upper = UpperBlocks(sharing_weights(base.model), first)
    suffix = upper.prepare(TokenRows.of(PROMPTS, TARGETS, device=base.device), start=3)
    found = upper.logits(suffix)
    assert torch.equal(upper.logits(suffix), found)  # as often as wanted
    for row, (prompt, target) in enumerate(zip(PROMPTS, TARGETS, strict=True)):
        whole = base.model(torch.tensor([[*prompt, *target]])).logits[0, len(prompt) - 1 :]
        torch.testing.assert_close(found[row, : len(target) + 1], whole)
    torch.testing.assert_close(upper.logits(suffix.of(torch.tensor([2, 0]))), found[[2, 0]])


@torch.no_grad()
def test_a_suffix_may_be_the_whole_text(tiny: LanguageModel) -> None:
    upper = UpperBlocks(sharing_weights(tiny.model), 1)
    texts = TokenRows.of([[5], [6]], [[7], [8]], device=tiny.device)
    suffix = upper.prepare(texts, start=0)
    torch.testing.assert_close(upper.logits(suffix), tiny.model(texts.ids).logits)
    torch.testing.assert_close(upper.logits(suffix.of(torch.tensor([1]))), tiny.model(texts.ids[1:]).logits)


@torch.no_grad()
def test_logits_may_be_had_at_some_places_alone(tiny_of_each: LanguageModel) -> None:
    upper = UpperBlocks(sharing_weights(tiny_of_each.model), 1)
    suffix = upper.prepare(TokenRows.of(PROMPTS, TARGETS, device=tiny_of_each.device), start=3)
    places = torch.tensor([1, 0, 1]), torch.tensor([2, 0, 1])
    torch.testing.assert_close(upper.logits(suffix, places), upper.logits(suffix)[places])
