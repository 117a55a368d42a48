"""A model with one projection at which keys are read and values put in; knows no edits."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.adapters.shared_weights import sharing_weights
from memory_editor.hooks import Inputs, Tap, hidden_at
from memory_editor.token_rows import TokenRows


class WrappedModel:
    """A second model over the weights of one, which may be run by several threads at once."""

    def __init__(self, model: PreTrainedModel, projection: str) -> None:
        self.model = sharing_weights(model)
        self._start = Tap(self.model)
        self._projection = Tap(self.model.get_submodule(projection))

    def keys(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Return what the projection is given at the last token of each prompt; shape (prompts, width), float32."""
        texts = TokenRows.of(prompts, device=self.model.device)
        given = hidden_at(self.model, self._projection, **texts.inputs(self.model), use_cache=False)
        # Some models flatten rows and columns into one dimension before their MLP.
        return given.reshape(len(prompts), -1, given.shape[-1])[:, -1].float().cpu()

    @contextmanager
    def answering(self, values: Sequence[Tensor | None]) -> Iterator[PreTrainedModel]:
        """Give the model that puts a value in the place of what the projection returns at the end of each prompt.

        There is one value for each row, or none for a row to be left as it is. The prompt is what the model reads
        first, with no cache before it; what it generates then attends to what became of the value there.
        """
        placing = _Placing(values)
        with self._start.seeing(placing.begin), self._projection.changing(placing.put):
            yield self.model


class _Placing:
    """Puts values in their place throughout one call of `generate` or of the model."""

    def __init__(self, values: Sequence[Tensor | None]) -> None:
        self._rows = [row for row, value in enumerate(values) if value is not None]
        self._values = torch.stack([value for value in values if value is not None])
        self._count = len(values)
        self._end: int | None = None  # the column of the prompts' last token
        self._shape = (0, 0)
        self._is_due = False

    def begin(self, inputs: Inputs) -> None:
        """Note whether the pass that begins reads the end of the prompts."""
        ids = inputs.kwargs.get("input_ids")
        rows, columns = (inputs.hidden if ids is None else ids).shape[:2]
        self._shape = (rows, columns)
        cache: Any = inputs.kwargs.get("past_key_values")
        self._is_due = cache is None or int(cache.get_seq_length()) == 0
        if self._is_due and self._end is None:
            self._end = columns - 1

    def put(self, output: Tensor) -> Tensor | None:
        """Return the output with the values in it, if they are due."""
        if not self._is_due:
            return None
        each = self._shape[0] // self._count  # beams and samples of a row stand next to each other
        rows = (torch.tensor(self._rows).unsqueeze(1) * each + torch.arange(each)).flatten()
        placed = output.reshape(*self._shape, -1).clone()
        placed[rows.to(output.device), self._end] = self._values.repeat_interleave(each, 0).to(output)
        return placed.reshape(output.shape)
