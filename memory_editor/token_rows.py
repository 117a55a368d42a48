"""Texts of several lengths as one batch of token ids, for a model as it is; knows no text."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor
from transformers import PreTrainedModel


@dataclass(frozen=True)
class TokenRows:
    """Rows of token ids with padding; `ids` and `mask`, which is 0 for padding, are of shape (rows, columns)."""

    ids: Tensor
    mask: Tensor

    @classmethod
    def of(
        cls, prompts: Sequence[Sequence[int]], targets: Sequence[Sequence[int]] | None = None, *, device: torch.device
    ) -> Self:
        """Return prompts padded on the left, each with its target behind it, padded on the right."""
        targets = targets or [()] * len(prompts)
        start, end = max(map(len, prompts)), max(map(len, targets))
        ids = torch.zeros(len(prompts), start + end, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, (prompt, target) in enumerate(zip(prompts, targets, strict=True)):
            columns = slice(start - len(prompt), start + len(target))
            ids[row, columns] = torch.tensor([*prompt, *target])
            mask[row, columns] = 1
        return cls(ids.to(device), mask.to(device))

    def rows(self, rows: Tensor) -> Self:
        """Return some of the rows."""
        return replace(self, ids=self.ids[rows], mask=self.mask[rows])

    def before(self, column: int) -> Self:
        """Return the columns before one."""
        return replace(self, ids=self.ids[:, :column], mask=self.mask[:, :column])

    def inputs(self, model: PreTrainedModel, start: int = 0) -> dict[str, Any]:
        """Return what `model` takes to read the columns from `start` on, those before being in its cache."""
        inputs = {"input_ids": self.ids[:, start:], "attention_mask": self.mask}
        if "position_ids" in inspect.signature(model.forward).parameters:
            inputs["position_ids"] = (self.mask.cumsum(1) - 1).clamp(min=0)[:, start:]
        return inputs
