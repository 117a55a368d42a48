"""Integrated gradients of the neurons of a model's MLPs; knows no edits.

A neuron is one of the numbers that the last projection of an MLP is given; its value is a row of that projection's
matrix. Only the text's last token is run, from the block of the neurons up: nothing else depends on them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.backends.target_tokens import Request
from memory_editor.hooks import Tap, hidden_at_each
from memory_editor.language_model import LanguageModel
from memory_editor.layers import block_paths, projection_path
from memory_editor.progress import Progress, no_progress
from memory_editor.token_rows import TokenRows
from memory_editor.upper_blocks import Suffix, UpperBlocks

STEPS: Final = 20
"""As published."""

_ROWS: Final = 64


@dataclass(frozen=True, eq=False)
class Attribution:
    """What the neurons do for one prompt and target; both of shape (blocks, neurons), float32, on the CPU."""

    scores: Tensor
    """How much each adds to the probability of the target's tokens, on average over these."""
    activations: Tensor
    """What each is at the prompt's last token."""


def attribute(
    base: LanguageModel, requests: Sequence[Request], *, steps: int = STEPS, progress: Progress = no_progress
) -> list[Attribution]:
    """Return for each request what the neurons do for it.

    Dai et al. 2022, section 3.2: the neurons of one block at a time are scaled from 0 to what they are, at the place
    where a token of the target is to come next. Their sum is the difference that they make, up to the error of an
    integral in `steps` steps. All blocks must have as many neurons.
    """
    texts = [([*prompt, *target[:place]], label) for prompt, target in requests for place, label in enumerate(target)]
    rows = TokenRows.of([ids for ids, _ in texts], device=base.device)
    labels = torch.tensor([label for _, label in texts], device=base.device)
    # What does not depend on any neuron's scale: keys and values of the tokens before the last.
    ends = UpperBlocks(sharing_weights(base.model), 0).prepare(rows, rows.ids.shape[1] - 1)
    paths = block_paths(base.model)
    found = []
    with progress("Attributing", len(paths)) as report:
        for block in range(len(paths)):
            found.append(_ScaledBlock(base.model, block, ends).attributed(labels, steps))
            report(block + 1)
    starts = accumulate((len(request.target) for request in requests), initial=0)
    scores, activations = (torch.stack(one, 1).cpu() for one in zip(*found, strict=True))
    return [Attribution(scores[first:end].mean(0), activations[first]) for first, end in pairwise(starts)]


class _ScaledBlock:
    """A block of a model and those above, at the last token of texts, with the block's neurons scaled."""

    def __init__(self, model: PreTrainedModel, block: int, ends: Suffix) -> None:
        twin = sharing_weights(model)
        path = block_paths(twin)[block]
        projection = twin.get_submodule(projection_path(twin, path))
        self._upper = UpperBlocks(twin, block)
        self._tap = Tap(projection)
        self._values = values_of(projection).detach().float()
        self._bias = projection.bias.detach() if isinstance(projection.bias, Tensor) else torch.zeros(())
        taps = [Tap(twin.get_submodule(path)), self._tap]
        cache = ends.of(torch.arange(len(ends.states), device=model.device)).cache  # a copy: a run adds to it
        inputs = ends.texts.inputs(twin, ends.start)
        states, given = hidden_at_each(twin, taps, **inputs, past_key_values=cache)
        self._ends = replace(ends, states=states)
        self._activations = given.reshape(len(states), -1).float()

    @torch.enable_grad()
    def attributed(self, labels: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Return the integrated gradients of the neurons for each text's label, and the neurons; both of shape (texts,
        neurons)."""
        slopes = self._activations.new_zeros(len(labels), self._values.shape[1])
        for rows, roots in _batches(len(labels), steps, labels.device):
            # Where what an MLP returns is normalised, as in Gemma, almost all of the difference lies near 0, which
            # steps of one size miss: so the integral is over the cube root of the scale.
            found = self._slopes(self._ends.of(rows), labels[rows], roots**3)
            slopes.index_add_(0, rows, found * (3 * roots**2 / steps).unsqueeze(1))
        return self._activations * (slopes @ self._values.T), self._activations

    def _slopes(self, suffix: Suffix, labels: Tensor, shares: Tensor) -> Tensor:
        """Return how the probability of labels changes with what the projection returns, its neurons scaled."""
        returned: list[Tensor] = []

        def scaled(output: Tensor) -> Tensor:
            flat = output.detach().reshape(len(labels), -1)
            share, bias = shares.to(flat).unsqueeze(1), self._bias.to(flat)
            returned.append((share * (flat - bias) + bias).requires_grad_())  # the projection is linear in its input
            return returned[0].view(output.shape)

        rows = torch.arange(len(labels), device=labels.device)
        with self._tap.changing(scaled):
            logits = self._upper.logits(suffix, (rows, torch.zeros_like(rows))).float()
        (slopes,) = torch.autograd.grad(logits.softmax(-1)[rows, labels].sum(), returned)
        return slopes.float()


def values_of(module: nn.Module) -> Tensor:
    """Return the values of the neurons that a projection is given, a view of its matrix; shape (neurons, width)."""
    weight = module.get_parameter("weight")
    return weight if isinstance(module, Conv1D) else weight.T


def _batches(texts: int, steps: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield texts and the midpoints of steps from 0 to 1, each of the one with each of the other, in batches."""
    rows = torch.arange(texts, device=device).repeat_interleave(steps)
    midpoints = ((torch.arange(steps, device=device) + 0.5) / steps).repeat(texts)
    for start in range(0, len(rows), _ROWS):
        yield rows[start : start + _ROWS], midpoints[start : start + _ROWS]
