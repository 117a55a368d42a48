"""The end of a forward pass: the last tokens of a text, from one block up, as often as wanted; knows no edits.

What lies before and below is computed once: keys and values of the tokens before, and the states that enter the block.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.hooks import Tap, hidden_at
from memory_editor.layers import block_paths
from memory_editor.token_rows import TokenRows

Places: TypeAlias = tuple[Tensor, Tensor]
"""Rows and columns of a suffix, as many of the one as of the other."""


@dataclass(frozen=True)
class Suffix:
    """The columns of texts from `start` on, with what is computed once.

    `states`, which enter the first block that runs, are of shape (rows, columns, width). `cache` holds the columns
    before, and is none where there are none.
    """

    texts: TokenRows
    start: int
    states: Tensor
    cache: Any

    def of(self, rows: Tensor) -> Self:
        """Return the suffix of some of the rows."""
        cache = copy.deepcopy(self.cache)
        if cache is not None:
            cache.batch_select_indices(rows)
        return replace(self, texts=self.texts.rows(rows), states=self.states[rows], cache=cache)


class UpperBlocks:
    """The blocks of a model from one up, to be run alone; nobody else may run the model."""

    def __init__(self, model: PreTrainedModel, first: int) -> None:
        self._model: Any = model
        self._states: Tensor | None = None
        self._read: Places | None = None
        blocks = [model.get_submodule(path) for path in block_paths(model)]
        self._tap = Tap(blocks[first])
        for block in blocks[:first]:
            block.forward = self._passing(block.forward)
        head: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        head.forward = self._reading(head.forward)

    @torch.no_grad()
    def prepare(self, texts: TokenRows, start: int) -> Suffix:
        """Compute once what is needed to run the columns of texts from `start` on."""
        cache = None
        if start:
            before = self._model(**texts.before(start).inputs(self._model), use_cache=True, logits_to_keep=1)
            cache = before.past_key_values
        inputs = texts.inputs(self._model, start)
        states = hidden_at(self._model, self._tap, **inputs, past_key_values=copy.deepcopy(cache))
        return Suffix(texts, start, states, cache)

    def logits(self, suffix: Suffix, places: Places | None = None) -> Tensor:
        """Return the logits at each column of a suffix, shape (rows, columns, vocabulary), or at some places alone, for
        which no others are computed, shape (places, vocabulary)."""
        self._states, self._read = suffix.states, places
        try:
            cache = copy.deepcopy(suffix.cache)
            inputs = suffix.texts.inputs(self._model, suffix.start)
            logits: Tensor = self._model(**inputs, past_key_values=cache).logits
            return logits if places is None else logits[0]
        finally:
            self._states = self._read = None

    def _passing(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Return a block's `forward` that passes the states on while only the blocks above are to run."""
        gives_tuple = False

        def run(*args: Any, **kwargs: Any) -> Any:
            nonlocal gives_tuple
            if self._states is None:
                output = forward(*args, **kwargs)
                gives_tuple = isinstance(output, tuple)
                return output
            return (self._states,) if gives_tuple else self._states

        return run

    def _reading(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        """Return the output embedding's `forward` that is given only the places at which logits are to be read."""

        def run(hidden: Tensor) -> Any:
            return forward(hidden if self._read is None else hidden[self._read].unsqueeze(0))

        return run
