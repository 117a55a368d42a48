"""A model in which each row of a batch has a LoRA of its own, or none; knows no edits and no files."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import PreTrainedModel

from memory_editor.adapters.lora.low_rank import Lora
from memory_editor.adapters.shared_weights import sharing_weights


class RowLoras:
    """A second model over the weights of one, which any number of threads may run at once, each with its own LoRAs."""

    def __init__(self, model: PreTrainedModel, paths: Sequence[str]) -> None:
        """Make modules at `paths` changeable, which must hold those of every LoRA to be put on."""
        self._model = sharing_weights(model)
        self._own = threading.local()
        for path in paths:
            self._model.get_submodule(path).register_forward_hook(partial(self._add, path))

    @contextmanager
    def on(self, rows: Sequence[Lora | None]) -> Iterator[PreTrainedModel]:
        """Give the model with a LoRA on for each row; beams and samples of a row stand next to each other."""
        before = getattr(self._own, "rows", None)
        self._own.rows = _Rows(rows)
        try:
            yield self._model
        finally:
            self._own.rows = before

    def _add(self, path: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        del module
        rows: _Rows | None = getattr(self._own, "rows", None)
        added = rows.added(path, inputs[0]) if rows else None
        return None if added is None else output + added.reshape(output.shape)


class _Rows:
    """The LoRAs of the rows of one call, stacked for each module when it is first run."""

    def __init__(self, loras: Sequence[Lora | None]) -> None:
        self._loras = loras
        self._stacked: dict[str, tuple[Tensor, Tensor] | None] = {}

    def added(self, path: str, given: Tensor) -> Tensor | None:
        """Return what is added to what a module returns for `given`, by row, or None where no LoRA changes it."""
        if path not in self._stacked:
            self._stacked[path] = self._stack(path, given)
        stacked = self._stacked[path]
        if stacked is None:
            return None
        # Whatever a row has several of, beams or tokens, and whether or not a model flattens them: rows come first.
        rows = given.reshape(len(self._loras), -1, given.shape[-1])
        return rows @ stacked[0].mT @ stacked[1].mT

    def _stack(self, path: str, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the pairs of all rows, shapes (rows, rank, inputs) and (rows, outputs, rank); none are zeros."""
        pairs = [lora.pairs.get(path) if lora else None for lora in self._loras]
        present = [pair for pair in pairs if pair]
        if not present:
            return None
        rank = max(len(down) for down, _ in present)
        nothing = tuple(torch.zeros_like(one) for one in present[0])
        downs, ups = zip(*(pair or nothing for pair in pairs), strict=True)
        return (
            torch.stack([pad(down.to(like), (0, 0, 0, rank - len(down))) for down in downs]),
            torch.stack([pad(up.to(like), (0, rank - up.shape[1])) for up in ups]),
        )
