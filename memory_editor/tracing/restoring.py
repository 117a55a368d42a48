"""Runs of one text with some tokens corrupted, in which single states are as they were; knows no words.

A state that is restored at a token changes that token's column and those after it, from its block up. Nothing else is
computed anew: keys and values of the columns before come from a cache, and a run enters at the first block that it
changes. All restorations at one token go up the blocks as one batch, which each joins where it begins.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.hooks import Inputs, Tap
from memory_editor.token_rows import TokenRows
from memory_editor.tracing.states import Kind, Restoration, modules_of, states_in

_COLUMNS: Final = 4096
"""About how many columns, of all rows together, are run at once."""

_LOGITS: Final = 2**26
"""About how many logits are computed at once."""


class CorruptedRuns:
    """A text as a model reads it, and as it reads it with noise added to its token embeddings, once for each sample.

    `ids` are the text's tokens; `noise` is of shape (samples, tokens, width), and nothing before the token `first`.
    `clean` and `corrupted` are the logits of the next token, of shapes (vocabulary,) and (samples, vocabulary).
    """

    def __init__(
        self, model: PreTrainedModel, ids: Sequence[int], noise: Tensor, first: int, kinds: Iterable[Kind] = Kind
    ) -> None:
        self._model: Any = sharing_weights(model)
        self._ids, self._noise, self._first = ids, noise, first
        modules = modules_of(self._model, {Kind.LAYER, *kinds})
        self._blocks = modules[Kind.LAYER]
        self._embeddings = Tap(self._model.get_input_embeddings())
        self._taps = {kind: [Tap(module) for module in found] for kind, found in modules.items()}
        self._entering: dict[int, Tensor] = {}  # each block, of shape (samples, tokens, width)
        self._clean: dict[tuple[Kind, int], Tensor] = {}  # of shape (tokens, width)
        logits = self._read()
        self.clean, self.corrupted = logits[0], logits[1:]

    @torch.no_grad()
    def restored(
        self, restorations: Sequence[Restoration], target: int, on_progress: Callable[[int], None] | None = None
    ) -> Tensor:
        """Return the probability of the target after each restoration at each token, as a mean over the samples.

        Shape (tokens, restorations), float32, on the CPU; before the token `first` it is that of the corrupted runs.
        `on_progress` is told how many tokens are done.
        """
        order = sorted(range(len(restorations)), key=lambda place: restorations[place].blocks.start)
        ordered = [restorations[place] for place in order]
        found = probability(self.corrupted, target).mean().cpu().repeat(len(self._ids), len(restorations))
        cache = self._extended(None, 0, self._first)
        for column in range(self._first, len(self._ids)):
            found[column, order] = self._restored_at(column, cache, ordered, target)
            cache = self._extended(cache, column, column + 1)
            if on_progress:
                on_progress(column + 1)
        return found

    @torch.no_grad()
    def _read(self) -> Tensor:
        """Read the text, without noise in the first row, remember the states, and return the last logits."""
        noise = torch.cat([torch.zeros_like(self._noise[:1]), self._noise])
        with ExitStack() as hooks:
            hooks.enter_context(self._embeddings.changing(lambda output: output + noise.to(output)))
            for kind, taps in self._taps.items():
                for place, tap in enumerate(taps):
                    hooks.enter_context(tap.changing(partial(self._keep, kind, place)))
            for place, tap in enumerate(self._taps[Kind.LAYER]):
                hooks.enter_context(tap.seeing(partial(self._enter, place)))
            return self._last_logits(self._texts(len(noise)).inputs(self._model), use_cache=False)

    def _keep(self, kind: Kind, place: int, output: Any) -> None:
        states = states_in(output)
        self._clean[kind, place] = states.reshape(-1, len(self._ids), states.shape[-1])[0].clone()

    def _enter(self, place: int, inputs: Inputs) -> None:
        self._entering[place] = inputs.hidden[1:].clone()

    def _extended(self, cache: Any, start: int, end: int) -> Any:
        """Return the cache of the corrupted runs with the columns from `start` to `end` as well."""
        if start == end:
            return cache
        noise = self._noise[:, start:end]
        inputs = self._texts(len(noise)).before(end).inputs(self._model, start)
        with self._embeddings.changing(lambda output: output + noise.to(output)):
            return self._model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values

    def _restored_at(self, column: int, cache: Any, restorations: Sequence[Restoration], target: int) -> Tensor:
        """Return the mean probability of the target after each restoration at one token."""
        at_once = min(_COLUMNS // (len(self._ids) - column), _LOGITS // len(self.clean)) // len(restorations)
        found = [
            probability(self._logits(column, cache, restorations, samples), target).view(len(restorations), -1)
            for samples in torch.split(torch.arange(len(self._noise)), max(1, at_once))
        ]
        return torch.cat(found, 1).mean(1).cpu()

    def _logits(self, column: int, cache: Any, restorations: Sequence[Restoration], samples: Tensor) -> Tensor:
        """Return the last logits after each restoration at one token, with one row for each of some samples."""
        total = len(restorations) * len(samples)
        joined = [sum(each.blocks.start <= place for each in restorations) for place in self._places]
        rows = [max(1, count) * len(samples) for count in joined]  # one goes all the way: no block runs on nothing
        with ExitStack() as hooks:
            for place, block in enumerate(self._blocks):
                joining = self._entering[place][samples, column:]
                join = partial(_joined, joining, rows[place - 1] if place else 0, rows[place], total)
                hooks.callback(block.register_forward_pre_hook(join, with_kwargs=True).remove)
            for (kind, place), clean in self._clean.items():
                is_restored = torch.tensor([each.kind is kind and place in each.blocks for each in restorations])
                if is_restored.any():
                    chosen = is_restored.repeat_interleave(len(samples))[: rows[place]]
                    hooks.enter_context(self._taps[kind][place].changing(partial(_put, clean[column], chosen)))
            inputs = self._texts(total).inputs(self._model, column)
            return self._last_logits(inputs, past_key_values=_spread(cache, samples, rows))

    @property
    def _places(self) -> range:
        return range(len(self._blocks))

    def _texts(self, rows: int) -> TokenRows:
        return TokenRows.of([self._ids] * rows, device=self._model.device)

    def _last_logits(self, inputs: dict[str, Any], **options: Any) -> Tensor:
        logits: Tensor = self._model(**inputs, **options, logits_to_keep=1).logits[:, -1]
        return logits.float()


def probability(logits: Tensor, token: int) -> Tensor:
    """Return the probability of a token for each row of logits."""
    return (logits[:, token] - logits.logsumexp(-1)).exp()


def _joined(
    joining: Tensor, before: int, after: int, total: int, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return what a block is called with: `before` rows come from the block below, others join and make them `after`.

    Whatever else a block is given, like a mask, is there for each of `total` rows and the same for each.
    """
    below = Inputs(args, kwargs).hidden[:before]
    hidden = torch.cat([below, joining.to(below).repeat((after - before) // len(joining), 1, 1)])
    args, kwargs = _first(args, after, total), _first(kwargs, after, total)
    return ((hidden, *args[1:]), kwargs) if args else (args, {**kwargs, next(iter(kwargs)): hidden})


def _first(value: Any, rows: int, total: int) -> Any:
    """Return `value` with the first rows alone of every tensor in it that has something for each of `total` rows."""
    if isinstance(value, dict):
        return {name: _first(item, rows, total) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_first(item, rows, total) for item in value)
    if isinstance(value, Tensor) and value.dim() > 1 and len(value) % total == 0:
        return value[: len(value) // total * rows]
    return value


def _put(clean: Tensor, chosen: Tensor, output: Any) -> None:
    """Put a state in the first column of the chosen rows of what a module returns, which nobody else holds."""
    states = states_in(output)
    states.view(len(chosen), -1, states.shape[-1])[chosen, 0] = clean.to(states)


def _spread(cache: Any, samples: Tensor, rows: Sequence[int]) -> Any:
    """Return a copy of a cache that has at each layer the rows of some samples, over and over."""
    spread = copy.deepcopy(cache)
    for layer, count in zip([] if cache is None else spread.layers, rows, strict=False):
        layer.batch_select_indices(samples.repeat(count // len(samples)))
    return spread
