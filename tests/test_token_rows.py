"""Texts of several lengths in one batch read as each does alone."""

import torch

from memory_editor.language_model import LanguageModel
from memory_editor.token_rows import TokenRows

CPU = torch.device("cpu")


def test_prompts_are_padded_on_the_left_and_targets_on_the_right() -> None:
    rows = TokenRows.of([[5, 6, 7], [8]], [[9], [1, 2]], device=CPU)
    assert rows.ids.tolist() == [[5, 6, 7, 9, 0], [0, 0, 8, 1, 2]]
    assert rows.mask.tolist() == [[1, 1, 1, 1, 0], [0, 0, 1, 1, 1]]
    assert TokenRows.of([[5, 6], [8]], device=CPU).ids.tolist() == [[5, 6], [0, 8]]
    assert rows.rows(torch.tensor([1])).ids.tolist() == [[0, 0, 8, 1, 2]]
    assert rows.before(3).mask.tolist() == [[1, 1, 1], [0, 0, 1]]


@torch.no_grad()
def test_a_padded_row_reads_as_it_does_alone(tiny_of_each: LanguageModel) -> None:
    model = tiny_of_each.model
    prompts = [[5, 6, 7, 8, 9], [10, 11]]
    rows = TokenRows.of(prompts, device=CPU)
    together = model(**rows.inputs(model)).logits
    first = model(**rows.before(4).inputs(model), use_cache=True)
    last = model(**rows.inputs(model, 4), past_key_values=first.past_key_values).logits
    for row, prompt in enumerate(prompts):
        alone = model(torch.tensor([prompt])).logits[0, -1]
        torch.testing.assert_close(together[row, -1], alone)
        torch.testing.assert_close(last[row, -1], alone)
