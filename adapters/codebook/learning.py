"""Learns the values that make a model say targets after prompts; knows no edits and no codebook."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.errors import ModelError
from memory_editor.hooks import Tap
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, widths
from memory_editor.token_rows import TokenRows
from memory_editor.upper_blocks import Suffix, UpperBlocks

Request: TypeAlias = tuple[Sequence[int], Sequence[int]]
"""The token ids of a prompt and of what is to be said after it."""

OnProgress: TypeAlias = Callable[[int], None]
"""Called with how many values are learnt."""

_LEARNING_RATE: Final = 1.0  # as published
_ENOUGH: Final = 0.05
"""The loss, in nats, of a target's worst token at which a value is learnt: each then has a probability of 0.95."""

_ROWS: Final = 32
_NO_TOKEN: Final = -100


def learn_values(
    base: LanguageModel, projection: str, requests: Sequence[Request], steps: int, on_progress: OnProgress | None = None
) -> Tensor:
    """Return for each request the vector that `projection` is to return at the prompt's last token.

    Hartvigsen et al. 2023, section 3: from a random start ("cold"), by Adam on the loss of the target's tokens; the one
    for a request does not depend on the others. Shape (requests, width), float32.
    """
    learner = _Learner(base, projection)
    learnt = torch.zeros(len(requests), learner.width)
    done = 0
    for rows in _batches(requests):
        learnt[rows] = learner.learn([requests[row] for row in rows], steps)
        done += len(rows)
        if on_progress:
            on_progress(done)
    return learnt


class _Learner:
    def __init__(self, base: LanguageModel, projection: str) -> None:
        model = sharing_weights(base.model)
        inside = [place for place, path in enumerate(block_paths(model)) if projection.startswith(f"{path}.")]
        if not inside:
            raise ModelError(f"{projection!r} is in no transformer block of {base.name}; name a projection that is")
        self._upper = UpperBlocks(model, inside[0])
        self._projection = Tap(model.get_submodule(projection))
        self._device = base.device
        self.width = widths(model, projection)[1]

    def learn(self, requests: Sequence[Request], steps: int) -> Tensor:
        """Return the values for requests that fit in one batch."""
        suffix, targets = self._prepared(requests)
        start = torch.rand(self.width, generator=torch.Generator().manual_seed(0)).to(self._device)
        values = nn.Parameter(start.repeat(len(requests), 1))
        optimizer = torch.optim.Adam([values], lr=_LEARNING_RATE)
        learnt = values.detach().clone()
        rows = torch.arange(len(requests), device=self._device)  # that are not learnt yet
        for _ in range(steps):
            losses = self._losses(suffix, targets, values[rows])
            is_done = losses.detach().amax(1) < _ENOUGH
            if is_done.any():
                learnt[rows[is_done]] = values.detach()[rows[is_done]]
                keep = (~is_done).nonzero().flatten()
                rows, suffix, targets, losses = rows[keep], suffix.of(keep), targets[keep], losses[keep]
            if not len(rows):
                break
            (values.grad,) = torch.autograd.grad(_mean(losses, targets).sum(), values)
            optimizer.step()
        learnt[rows] = values.detach()[rows]
        return learnt.cpu()

    def _prepared(self, requests: Sequence[Request]) -> tuple[Suffix, Tensor]:
        """Return the suffixes, from the last token of each prompt on, and what is to be said after each token."""
        prompts = [prompt for prompt, _ in requests]
        texts = TokenRows.of(prompts, [target[:-1] for _, target in requests], device=self._device)
        width = max(len(target) for _, target in requests)
        targets = [[*target, *[_NO_TOKEN] * (width - len(target))] for _, target in requests]
        start = max(map(len, prompts)) - 1
        return self._upper.prepare(texts, start), torch.tensor(targets, device=self._device)

    def _losses(self, suffix: Suffix, targets: Tensor, values: Tensor) -> Tensor:
        """Return the loss of each token; shape (rows, columns)."""

        def placed(output: Tensor) -> Tensor:
            columns = output.reshape(len(values), -1, output.shape[-1])
            first = values.unsqueeze(1).to(output)
            return torch.cat([first, columns[:, 1:]], 1).reshape(output.shape)

        with self._projection.changing(placed):
            logits = self._upper.logits(suffix).float()
        return cross_entropy(logits.transpose(1, 2), targets, ignore_index=_NO_TOKEN, reduction="none")


def _mean(losses: Tensor, targets: Tensor) -> Tensor:
    return losses.sum(1) / (targets != _NO_TOKEN).sum(1)


def _batches(requests: Sequence[Request]) -> Iterator[list[int]]:
    """Yield the places of requests of about the same length together."""
    order = sorted(range(len(requests)), key=lambda row: (len(requests[row][1]), len(requests[row][0])))
    for start in range(0, len(order), _ROWS):
        yield order[start : start + _ROWS]
