"""The search for a value as published, to compare with: a full forward pass of every text at every step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.locating.facts import Fact
from memory_editor.backends.locating.values import ValueSearch
from memory_editor.language_model import LanguageModel
from memory_editor.token_rows import TokenRows


def plain_value(base: LanguageModel, path: str, fact: Fact, search: ValueSearch) -> tuple[Tensor, list[float]]:
    """Return the change of what the module at a path returns at the subject's last token, and the loss at each step."""
    model: Any = sharing_weights(base.model)
    rows = TokenRows.of([row.head + row.tail for row in fact.rows], device=base.device)
    width = rows.ids.shape[1]
    lookups = [width - len(row.tail) - 1 for row in fact.rows]
    change = nn.Parameter(torch.zeros(base.model.config.get_text_config().hidden_size, device=base.device))
    optimizer = torch.optim.Adam([change], lr=search.learning_rate)
    losses: list[float] = []
    essence: Tensor | None = None
    with _adding(model.get_submodule(path), change, lookups) as old:
        for step in range(search.steps):
            said = model(**rows.inputs(model)).logits.float().log_softmax(-1)
            now = said[-1, -1]
            essence = now.detach() if essence is None else essence
            each = [_improbable(said[number], row.targets) for number, row in enumerate(fact.contexts)]
            loss = torch.stack(each).mean()
            loss = loss + search.kl_factor * kl_div(essence, now, log_target=True, reduction="sum")
            loss = loss + search.weight_decay * change.norm() / old[0].norm() ** 2
            losses.append(loss.item())
            if losses[-1] < search.enough or step + 1 == search.steps:
                break
            (change.grad,) = torch.autograd.grad(loss, change)
            optimizer.step()
            with torch.no_grad():
                change.mul_((search.clamp * old[0].norm() / change.norm()).clamp(max=1))
    return change.detach(), losses


def _improbable(said: Tensor, targets: tuple[int, ...]) -> Tensor:
    chosen = torch.tensor(targets, device=said.device).unsqueeze(1)
    return -said[-len(targets) :].gather(1, chosen).mean()


@contextmanager
def _adding(module: nn.Module, change: Tensor, lookups: list[int]) -> Iterator[list[Tensor]]:
    """Add a change to what a module returns at a column of each row; gives what it returns there for the first row."""
    old: list[Tensor] = []

    def add(_: nn.Module, __: Any, output: Any) -> Any:
        hidden: Tensor = output[0] if isinstance(output, tuple) else output
        columns = hidden.reshape(len(lookups), -1, hidden.shape[-1]).clone()
        old[:] = [columns[0, lookups[0]].detach().clone()]
        columns[range(len(lookups)), lookups] += change.to(columns)
        changed = columns.reshape(hidden.shape)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    handle = module.register_forward_hook(add)
    try:
        yield old
    finally:
        handle.remove()
