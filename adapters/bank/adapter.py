"""Answers from a bank what it has learnt, and everything else as before; knows no training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from memory_editor.adapters.bank.bank import Bank
from memory_editor.adapters.bank.row_loras import RowLoras
from memory_editor.adapters.bank.versions import current_bank
from memory_editor.adapters.base import Adapter
from memory_editor.adapters.lora.low_rank import Lora
from memory_editor.edits import Edit
from memory_editor.errors import ModelError


class BankAdapter:
    """Has the LoRA of its edit's cluster on for each row by itself (MELO's idea, Yu et al. 2023, arXiv 2312.11795).

    The memory stays the truth. A row is answered by the bank if all of its edits are in one cluster and say what they
    said when that was learnt; nothing is put before its prompt. Every other row is answered by the fallback: one whose
    edit is newer than the bank or was changed, and one with edits of several clusters, which no one LoRA knows.
    """

    name = "bank"

    def __init__(self, bank: Bank, fallback: Adapter) -> None:
        """Answer from `bank`, else by `fallback`, which must answer by context alone or by one LoRA on all rows."""
        self.bank = bank
        self.fallback = fallback
        self._made: _Made | None = None

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return nothing for edits that the bank answers for, else what the fallback tells of them."""
        if self._place(edits) is not None:
            return ""
        return self.fallback.context(edits, question, is_chat=is_chat)

    @contextmanager
    def applied(self, model: PreTrainedModel, rows: Sequence[Sequence[Edit]]) -> Iterator[PreTrainedModel]:
        """Give the fallback's model if no row is the bank's, else one in which each row has the LoRA that is its."""
        places = [self._place(edits) for edits in rows]
        with self.fallback.applied(model, rows) as others:
            if all(place is None for place in places):
                yield others
                return
            made = self._on(model, others)
            loras = [made.other if place is None else self.bank.lora(place) for place in places]
            with made.switching.on(loras) as answering:
                yield answering

    def _place(self, edits: Sequence[Edit]) -> int | None:
        places = {self.bank.place(edit) for edit in edits}
        return places.pop() if len(places) == 1 else None

    def _on(self, model: PreTrainedModel, others: PreTrainedModel) -> "_Made":
        """Return what switches LoRAs, made anew only where the models are others than before."""
        made = self._made
        state = (model.device, model.dtype)
        if made is None or made.model is not model or made.others is not others or made.state != state:
            other = None if others is model else _lora_on(others)
            paths = {path for lora in (other, self.bank.lora(0)) if lora for path in lora.pairs}
            made = self._made = _Made(model, others, state, RowLoras(model, sorted(paths)), other)
        return made


class _Made(NamedTuple):
    """What switches LoRAs over a model beside a fallback's model, and the fallback's own LoRA, if it has one."""

    model: PreTrainedModel
    others: PreTrainedModel
    state: tuple[torch.device, torch.dtype]
    switching: RowLoras
    other: Lora | None


def _lora_on(model: PreTrainedModel) -> Lora:
    lora = Lora.on(model)
    if not lora.pairs:
        raise ModelError("a bank cannot share a batch with this fallback, which is no LoRA; use lora or in-context")
    return lora


def bank_adapter(folder: Path, model: PreTrainedModel, fallback: Adapter) -> Adapter:
    """Return what answers from the bank in force in `folder`; where there is none yet, the fallback itself.

    Raises `ModelError` for a bank that is broken, or that was trained for another model.
    """
    bank = current_bank(folder)
    if bank is None:
        return fallback
    if not bank.is_for(model):
        raise ModelError(
            f"the adapter bank in {str(folder)!r} is for another model; `memedit consolidate` makes one for this"
        )
    return BankAdapter(bank, fallback)
