"""The rows of a batch that edits answer, with their context in place, and the way back to the caller's positions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from memory_editor.adapters.base import Adapter
from memory_editor.edited_model.prompts import Prompt
from memory_editor.edits import Edit
from memory_editor.scope.route import Route

MAX_CONTEXT: Final = 256
"""How many tokens the edits before a prompt take at most; the most probable one is told whatever it takes."""


@dataclass(frozen=True)
class InScopeRows:
    """Rows of a batch as the model is to read them, padded on the left.

    `rows`: their places in the caller's batch, shape (rows,). `edits`: what answers each of them. `ids` and `mask`:
    shape (rows, length). `sources`: for every row, the position in `ids` whose logits stand for each of the caller's
    real tokens.
    """

    rows: Tensor
    edits: tuple[tuple[Edit, ...], ...]
    ids: Tensor
    mask: Tensor
    sources: tuple[Tensor, ...]

    @property
    def positions(self) -> Tensor:
        """The position of every token within its row, padding not counted; shape (rows, length)."""
        return positions_of(self.mask)


def positions_of(mask: Tensor) -> Tensor:
    """Return the position of every token within its row, padding not counted; the shape of `mask`."""
    return (mask.cumsum(-1) - 1).clamp(min=0)


def with_context(
    prompts: Sequence[Prompt],
    routes: Sequence[Route],
    adapter: Adapter,
    tokenizer: PreTrainedTokenizerBase,
    device: torch.device,
) -> InScopeRows:
    """Put the context of its edits into each prompt that is in scope of any."""
    rows = [row for row, route in enumerate(routes) if route.in_scope]
    told = [_fitting([scored.edit for scored in routes[row].edits], prompts[row], adapter, tokenizer) for row in rows]
    edits, contexts = tuple(tuple(own) for own, _ in told), [context for _, context in told]
    width = max(len(prompts[row].ids) + len(context) for row, context in zip(rows, contexts, strict=True))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    sources = []
    for place, (row, context) in enumerate(zip(rows, contexts, strict=True)):
        prompt = prompts[row]
        full = (*prompt.ids[: prompt.insert_at], *context, *prompt.ids[prompt.insert_at :])
        ids[place, width - len(full) :] = torch.tensor(full)
        mask[place, width - len(full) :] = 1
        # The token before the context has its successor behind the context: what follows it is read off there.
        own = torch.arange(len(prompt.ids))
        shifted = own + torch.where(own >= prompt.insert_at - 1, len(context), 0)
        sources.append((shifted + width - len(full)).to(device))
    return InScopeRows(torch.tensor(rows, device=device), edits, ids.to(device), mask.to(device), tuple(sources))


def _fitting(
    edits: Sequence[Edit], prompt: Prompt, adapter: Adapter, tokenizer: PreTrainedTokenizerBase
) -> tuple[Sequence[Edit], list[int]]:
    """Return the most probable edits that fit, and the ids of their context."""
    context = context_ids(edits, prompt, adapter, tokenizer)
    if len(edits) > 1 and len(context) > MAX_CONTEXT:
        return _fitting(edits[:-1], prompt, adapter, tokenizer)
    return edits, context


def context_ids(
    edits: Sequence[Edit], prompt: Prompt, adapter: Adapter, tokenizer: PreTrainedTokenizerBase
) -> list[int]:
    """Return the token ids of what a prompt's edits put before its question."""
    context = adapter.context(edits, prompt.question, is_chat=prompt.is_chat)
    # Stored text must never become a special token that changes who speaks.
    ids: list[int] = tokenizer(context, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return ids
