"""Training on targets after prompts, from the first block that changes up; knows no bounds.

Blocks below are run once a batch of requests, and logits are computed only where the loss reads them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from memory_editor.backends.finite import checked_finite
from memory_editor.backends.target_tokens import Request, request_of, target_of
from memory_editor.edits import Edit
from memory_editor.errors import ConfigError
from memory_editor.language_model import LanguageModel
from memory_editor.token_rows import TokenRows
from memory_editor.upper_blocks import Places, Suffix, UpperBlocks


@dataclass(frozen=True, eq=False)
class Batch:
    """Requests of about one length, the blocks that do not change already run.

    `members` says which of all requests they are. Logits are computed at `places`; each token of the targets, `labels`,
    belongs to one of `rows` and is read at one of the places, `read`.
    """

    members: tuple[int, ...]
    suffix: Suffix
    places: Places
    read: Tensor
    rows: Tensor
    labels: Tensor


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast weights are trained."""

    layer: int | None = None
    """The block that is trained, counted from 0; by default one that the method names as a share of the depth."""
    learning_rate: float = 5e-3
    """Of Adam; published: 5e-4, for models fifty times as large as the one on whose edits this was chosen."""
    epochs: int = 50
    """How often each edit is seen at most; published: 25."""
    batch: int = 100
    """How many edits a step sees at most; published: 100."""
    enough: float = 0.05
    """The loss, in nats a token, at which an edit is learnt; a batch of learnt edits is left alone. Published: 0.01."""
    stop: str = "."
    """What is learnt behind a target: without it the model may go on within the target's last word. (Yang et al. 2025
    learn the end of the text there, which takes many more steps.)"""
    seed: int = 0
    """Decides everything that is left to chance."""

    def __post_init__(self) -> None:
        for name in ("learning_rate", "epochs", "batch", "enough"):
            checked_above_0(name, getattr(self, name))

    def requests(self, base: LanguageModel, edits: Sequence[Edit]) -> list[Request]:
        """Return what is learnt for each edit; raises `InvalidEdit` for a statement."""
        return [request_of(base, edit.prompt, target_of(edit).removesuffix(self.stop) + self.stop) for edit in edits]

    def block(self, count: int, depth: float) -> int:
        """Return which of `count` blocks is trained, by default the one at `depth`, a share of them."""
        layer = round(depth * (count - 1)) if self.layer is None else self.layer
        if not 0 <= layer < count:
            raise ConfigError(f"layer {layer} is not in the model, which has {count}; give one from 0 to {count - 1}")
        return layer


def checked_above_0(name: str, value: float) -> None:
    """Raise `ConfigError` for a setting that is not a positive number."""
    if not value > 0:
        raise ConfigError(f"{name} must be above 0, got {value}")


class Trainer:
    """Trains weights of a model that nobody else may run; they lie in the block `first` or above."""

    def __init__(self, model: PreTrainedModel, first: int, weights: Sequence[nn.Parameter]) -> None:
        self._upper = UpperBlocks(model, first)
        self._device = model.device
        self.weights = weights

    def batches(self, requests: Sequence[Request], size: int, *, at_prompt: bool = False) -> list[Batch]:
        """Return requests in batches.

        What is said is read after each token of the target, or `at_prompt`, as Meng et al. 2022 read it, all of it
        after the prompt's last token.
        """
        return [
            self._batch(members, [requests[member] for member in members], at_prompt)
            for members in _alike(requests, size)
        ]

    def prepare(self, prompts: Sequence[Sequence[int]]) -> Suffix:
        """Return prompts for `next_token`."""
        return self._upper.prepare(TokenRows.of(prompts, device=self._device), 0)

    def next_token(self, suffix: Suffix) -> Tensor:
        """Return the log-probability of each token to come next; shape (rows, vocabulary)."""
        rows = torch.arange(len(suffix.states), device=self._device)
        last = torch.full_like(rows, suffix.states.shape[1] - 1)
        return self._upper.logits(suffix, (rows, last)).float().log_softmax(-1)

    def losses(self, batch: Batch) -> Tensor:
        """Return the mean loss of the tokens of each target, in nats; shape (rows,)."""
        logits = self._upper.logits(batch.suffix, batch.places).float()
        found = cross_entropy(logits[batch.read], batch.labels, reduction="none")
        return found.new_zeros(len(batch.members)).index_add(0, batch.rows, found) / batch.rows.bincount()

    @torch.enable_grad()
    def train(
        self,
        batches: Sequence[Batch],
        schedule: Schedule,
        report: Callable[[int], None],
        *,
        penalty: Callable[[Batch], Tensor] | None = None,
        bound: Callable[[], None] | None = None,
    ) -> None:
        """Train until every batch is learnt or the epochs are over.

        What `penalty` gives for a batch is added to its mean loss, and `bound` is called after every step. Raises
        `ModelError` where that comes to no number, rather than make weights of it.
        """
        optimizer = torch.optim.Adam(self.weights, lr=schedule.learning_rate)
        rng = Random(schedule.seed)
        for epoch in range(schedule.epochs):
            is_learnt = True
            for batch in rng.sample(batches, len(batches)):
                losses = self.losses(batch)
                if losses.detach().amax() < schedule.enough:
                    continue
                is_learnt = False
                loss = losses.mean() + penalty(batch) if penalty else losses.mean()
                checked_finite(loss, "the loss of edits")
                for weight, gradient in zip(self.weights, torch.autograd.grad(loss, self.weights), strict=True):
                    weight.grad = checked_finite(gradient, "a gradient of the edits' loss")
                optimizer.step()
                if bound:
                    bound()
            report(epoch + 1)
            if is_learnt:
                return

    def _batch(self, members: tuple[int, ...], requests: Sequence[Request], at_prompt: bool) -> Batch:
        prompts, targets = zip(*requests, strict=True)
        said = None if at_prompt else [target[:-1] for target in targets]
        suffix = self._upper.prepare(TokenRows.of(prompts, said, device=self._device), 0)
        tokens = [(row, number, label) for row, target in enumerate(targets) for number, label in enumerate(target)]
        rows, numbers, labels = torch.tensor(tokens, device=self._device).unbind(1)
        last = max(map(len, prompts)) - 1
        if at_prompt:
            each = torch.arange(len(members), device=self._device)
            return Batch(members, suffix, (each, torch.full_like(each, last)), rows, rows, labels)
        return Batch(
            members, suffix, (rows, last + numbers), torch.arange(len(rows), device=self._device), rows, labels
        )


def _alike(requests: Sequence[Request], size: int) -> Iterator[tuple[int, ...]]:
    """Yield the places of requests of about the same length together."""
    order = sorted(range(len(requests)), key=lambda place: tuple(map(len, requests[place])))
    for start in range(0, len(order), size):
        yield tuple(order[start : start + size])
