"""What a module is to return where a fact is recalled, so that the model says the edit's target; knows no weights.

Only what the value can change is computed: from its block up, from its token on, and logits where the loss reads them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div
from transformers import PreTrainedModel

from memory_editor.backends.finite import checked_finite
from memory_editor.backends.locating.facts import Fact
from memory_editor.backends.locating.recall import Site
from memory_editor.errors import ConfigError
from memory_editor.token_rows import TokenRows
from memory_editor.upper_blocks import Places, Suffix, UpperBlocks

_ROWS: Final = 64
"""Texts that are run together; an edit's are never parted."""


@dataclass(frozen=True, kw_only=True)
class ValueSearch:
    """How a value is searched for: Meng et al. 2022, equation 4, and 2023, equation 16."""

    steps: int = 25
    """Steps of Adam at most; published: 20, for Llama 25."""
    learning_rate: float = 0.5
    """Step size of Adam; published: 0.5, for MEMIT on Llama-3 0.1."""
    weight_decay: float = 1e-3
    """Factor of the norm of the change over the squared norm of the old value; published: 0.5, for Llama 0.001."""
    kl_factor: float = 0.0625
    """Factor of the divergence, in nats, of what the model says after "{subject} is a"; published: 0.0625."""
    clamp: float = 4.0
    """The norm of the change at most, in norms of the old value; published: 4, for MEMIT 0.75."""
    enough: float = 0.05
    """The loss, in nats, below which the search ends; published: 0.05."""

    def __post_init__(self) -> None:
        for name in ("steps", "learning_rate", "clamp"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("weight_decay", "kl_factor", "enough"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must be 0 or more, got {getattr(self, name)}")


class Values(NamedTuple):
    """What was found for edits, in their order; each tensor has a row for each edit."""

    old: Tensor
    """What the module returned at the subject's last token of the prompt alone, shape (edits, width), float32."""
    change: Tensor
    """What is to be added to that, shape (edits, width), float32."""
    losses: Tensor
    """The loss with the change, in nats."""
    steps: Tensor
    """How many times the loss was computed."""

    @classmethod
    def unchanged(cls, old: Tensor) -> Self:
        """Return values that are what they were."""
        none = torch.zeros(len(old), device=old.device)
        return cls(old, torch.zeros_like(old), none, none.clone())

    @property
    def new(self) -> Tensor:
        """What the module is to return, shape (edits, width)."""
        return self.old + self.change

    def put(self, rows: Tensor, change: Tensor, losses: Tensor, step: int) -> None:
        """Write what a step gave for some of the edits."""
        self.change[rows], self.losses[rows], self.steps[rows] = change, losses, float(step)


class _Said(NamedTuple):
    """What a model says of a batch: logits of the targets, log-probabilities after the essences, and, at the prompts
    alone, what the module returned before a change was added."""

    targets: Tensor
    essence: Tensor
    old: Tensor


@dataclass(frozen=True)
class _Batch:
    """Edits that are run together, with all that does not change while their values are searched for.

    `places` are where logits are read: for each of `targets`, then for each edit after its essence. `owners` says whose
    a target is, and `weights` how much of its edit's loss it is.
    """

    facts: list[Fact]
    suffix: Suffix
    places: Places
    targets: Tensor
    owners: Tensor
    weights: Tensor

    @classmethod
    def of(cls, facts: list[Fact], suffix: Suffix) -> Self:
        """Return edits, whose texts are the rows of a suffix, as a batch."""
        read, essences = [], []
        rows = ((owner, row) for owner, fact in enumerate(facts) for row in fact.rows)
        for number, (owner, row) in enumerate(rows):
            share = 1 / (len(facts[owner].contexts) * max(1, len(row.targets)))
            read += [(number, row.first_target + i, target, owner, share) for i, target in enumerate(row.targets)]
            if not row.targets:
                essences.append((number, row.first_target - 1))
        device = suffix.states.device
        numbers, columns, targets, owners, weights = (torch.tensor(of, device=device) for of in zip(*read, strict=True))
        last_numbers, last_columns = (torch.tensor(of, device=device) for of in zip(*essences, strict=True))
        places = torch.cat([numbers, last_numbers]), torch.cat([columns, last_columns])
        return cls(facts, suffix, places, targets, owners, weights)

    def kept(self, which: Tensor) -> "_Batch":
        """Return the batch with some of the edits."""
        size = len(self.facts[0].rows)
        rows = (which.unsqueeze(1) * size + torch.arange(size, device=which.device)).flatten()
        return _Batch.of([self.facts[place] for place in which.tolist()], self.suffix.of(rows))


class ValueOptimiser:
    """Searches for what a module of one block is to return; nobody else may run the model."""

    def __init__(self, model: PreTrainedModel, site: Site, block: int, search: ValueSearch) -> None:
        self._device = model.device
        self._site = site
        self._upper = UpperBlocks(model, block)
        self._search = search

    def values(self, facts: Sequence[Fact], show: Callable[[int], None] = lambda _: None) -> Values:
        """Return the values of edits; the one of an edit does not depend on the others.

        `show` is told how many are found.
        """
        found: dict[int, tuple[Tensor, ...]] = {}
        for places in _batches(facts):
            values = self._found([facts[place] for place in places])
            found |= zip(places, zip(*values, strict=True), strict=True)
            show(len(found))
        return Values(*map(torch.stack, zip(*(found[place] for place in range(len(facts))), strict=True)))

    def _found(self, facts: list[Fact]) -> Values:
        """Return the values of edits that fit in one batch."""
        batch = _Batch.of(facts, self._upper.prepare(*self._texts(facts)))
        change = nn.Parameter(torch.zeros(len(facts), batch.suffix.states.shape[-1], device=self._device))
        optimizer = torch.optim.Adam([change], lr=self._search.learning_rate)
        rows = torch.arange(len(facts), device=self._device)  # of the values that are not found yet
        before = self._said(batch, change)
        said, essence, found = before, before.essence.detach(), Values.unchanged(before.old)
        for step in range(1, self._search.steps + 1):
            losses = self._losses(batch, said, change[rows], essence[rows])
            found.put(rows, change.detach()[rows], losses.detach(), step)
            keep = (losses.detach() >= self._search.enough).nonzero().flatten()
            if step == self._search.steps or not len(keep):
                break
            (change.grad,) = torch.autograd.grad(losses[keep].sum(), change)
            if len(keep) < len(rows):
                rows, batch = rows[keep], batch.kept(keep)
            optimizer.step()
            self._shorten(change, found.old)
            said = self._said(batch, change[rows])
        return found

    def _said(self, batch: _Batch, change: Tensor) -> _Said:
        size = len(batch.facts[0].rows)
        with self._site.adding(change.repeat_interleave(size, 0)) as returned:
            logits = self._upper.logits(batch.suffix, batch.places).float()
        targets = len(batch.targets)
        return _Said(logits[:targets], logits[targets:].log_softmax(-1), returned[0][::size].float())

    def _losses(self, batch: _Batch, said: _Said, change: Tensor, essence: Tensor) -> Tensor:
        """Return the loss of each edit: its target's, that of its subject's essence, and that of the change.

        Raises `ModelError` for one that is no number.
        """
        improbable = batch.weights * cross_entropy(said.targets, batch.targets, reduction="none")
        divergence = kl_div(essence, said.essence, log_target=True, reduction="none").sum(1)
        decay: Tensor = self._search.weight_decay * change.norm(dim=1) / said.old.norm(dim=1) ** 2
        losses = decay.index_add(0, batch.owners, improbable) + self._search.kl_factor * divergence
        return checked_finite(losses, "the loss of a value")

    @torch.no_grad()
    def _shorten(self, change: Tensor, old: Tensor) -> None:
        """Scale changes that are too long."""
        longest = self._search.clamp * old.norm(dim=1)
        change.mul_((longest / change.norm(dim=1)).clamp(max=1).unsqueeze(1))

    def _texts(self, facts: Sequence[Fact]) -> tuple[TokenRows, int]:
        """Return the texts of edits and the column of the subjects' last tokens."""
        rows = [row for fact in facts for row in fact.rows]
        heads = [row.head for row in rows]
        return TokenRows.of(heads, [row.tail for row in rows], device=self._device), max(map(len, heads)) - 1


def _batches(facts: Sequence[Fact]) -> Iterator[list[int]]:
    """Yield the places of edits of about the same length together."""
    size = max(1, _ROWS // max((len(fact.rows) for fact in facts), default=1))
    order = sorted(range(len(facts)), key=lambda place: max(len(row.tail) for row in facts[place].rows))
    for start in range(0, len(order), size):
        yield order[start : start + size]
