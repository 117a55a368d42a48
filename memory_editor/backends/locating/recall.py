"""What a module of a model is given and returns where a fact is recalled, and a change of it; knows no method."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.hooks import Tap, hidden_at
from memory_editor.token_rows import TokenRows

Texts: TypeAlias = Sequence[Sequence[int]]

_ROWS: Final = 64


class Site:
    """A module, of a model that nobody else runs, at one token of each text that the model reads."""

    def __init__(self, model: PreTrainedModel, path: str) -> None:
        self._model = model
        self._tap = Tap(model.get_submodule(path))

    def given(self, texts: Texts) -> Tensor:
        """Return what the module is given at the last token of each text, shape (texts, in)."""

        def read(inputs: dict[str, Any]) -> Tensor:
            return hidden_at(self._model, self._tap, **inputs, use_cache=False)

        return self._last(texts, read)

    def returned(self, texts: Texts) -> Tensor:
        """Return what the module returns at the last token of each text, shape (texts, out)."""
        found: list[Tensor] = []

        def stop(output: Any) -> None:
            found.append(_hidden(output))
            raise _Reached

        @torch.no_grad()
        def read(inputs: dict[str, Any]) -> Tensor:
            with suppress(_Reached), self._tap.changing(stop):
                self._model(**inputs, use_cache=False)
            return found.pop()

        return self._last(texts, read)

    @contextmanager
    def adding(self, values: Tensor) -> Iterator[list[Tensor]]:
        """Add to what the module returns at the first column of each row; gives the list of what it returned there.

        `values` are of shape (rows, out).
        """
        found: list[Tensor] = []

        def add(output: Any) -> Any:
            hidden = _hidden(output)
            columns = hidden.reshape(len(values), -1, hidden.shape[-1])
            found.append(columns[:, 0].detach())
            first = columns[:, :1] + values.unsqueeze(1).to(hidden)
            changed = torch.cat([first, columns[:, 1:]], 1).reshape(hidden.shape)
            return (changed, *output[1:]) if isinstance(output, tuple) else changed

        with self._tap.changing(add):
            yield found

    def _last(self, texts: Texts, read: Callable[[dict[str, Any]], Tensor]) -> Tensor:
        """Return the last column of what is read of batches of texts of about the same length."""
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found: dict[int, Tensor] = {}
        for start in range(0, len(order), _ROWS):
            places = order[start : start + _ROWS]
            rows = TokenRows.of([texts[place] for place in places], device=self._model.device)
            hidden = read(rows.inputs(self._model))
            found |= zip(places, hidden.reshape(*rows.ids.shape, -1)[:, -1], strict=True)
        return torch.stack([found[place] for place in range(len(texts))])


def _hidden(output: Any) -> Tensor:
    hidden: Tensor = output[0] if isinstance(output, tuple) else output
    return hidden


class _Reached(Exception):
    pass
