"""Exercises as token ids, with and without the facts, and batches of them; knows no training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapters.base import Adapter
from memory_editor.edited_model.prompts import ChatFormat, read_prompt
from memory_editor.edited_model.rows import context_ids
from memory_editor.language_model import LanguageModel


@dataclass(frozen=True)
class TokenRow:
    """An exercise as ids: `told` with the facts in context, `plain` without; both end in the answer and the rest."""

    told: tuple[int, ...]
    plain: tuple[int, ...]
    answer: int
    """How many ids of the tail are the answer, the end of the text included where it is to be written."""
    rest: int
    """How many come after it."""
    ends: bool

    @property
    def tail(self) -> int:
        """How many ids come after the prompt."""
        return self.answer + self.rest

    def cut(self, longest: int) -> Self | None:
        """Return the row with at most `longest` ids, the end of the rest cut off; None where that is not enough."""
        over = len(self.told) - longest
        if over <= 0:
            return self
        if over > self.rest:
            return None
        return replace(self, told=self.told[:-over], plain=self.plain[:-over], rest=self.rest - over)


@dataclass(frozen=True)
class Batch:
    """Rows padded on the left, all ending in the same place.

    `told`, `told_mask`, `plain`, `plain_mask`: shape (rows, length). `learnt`: the next ids where the answer is
    written, -100 elsewhere; `kept`: where the base model's prediction is to be kept; `ended`: those of `kept` where an
    answer has just ended; `opening`: those right behind a prompt without one; shape (rows, `window`), the last places.
    """

    told: Tensor
    told_mask: Tensor
    plain: Tensor
    plain_mask: Tensor
    learnt: Tensor
    kept: Tensor
    ended: Tensor
    opening: Tensor

    @property
    def window(self) -> int:
        """How many places at the end have a prediction that counts."""
        return self.learnt.shape[1]


@dataclass(frozen=True)
class Allowed:
    """Which ids may stand in a place of its own kind; both of shape (vocabulary,)."""

    behind_answer: Tensor
    """What may follow a whole word without making it another one: "BBC" is not to become "BBC1"."""
    opening: Tensor
    """What an answer may open with: all but the end of the text, which the edited model never opens with."""


def allowed_ids(base: LanguageModel) -> Allowed:
    """Return what may stand where in a model's texts."""
    letter = base.tokenizer("a", add_special_tokens=False)["input_ids"][-1]
    texts = base.tokenizer.batch_decode(
        [[letter, id_] for id_ in range(base.model.config.get_text_config().vocab_size)]
    )
    starts = torch.tensor([not text[1:2].isalnum() for text in texts], device=base.device)
    opening = torch.ones_like(starts)
    if (end := base.tokenizer.eos_token_id) is not None:
        opening[end] = False
    return Allowed(starts, opening)


class Tokeniser:
    """Turns exercises into ids exactly as prompts are when the model answers."""

    def __init__(self, base: LanguageModel, adapter: Adapter) -> None:
        self._base = base
        self._adapter = adapter
        self._chat = ChatFormat.of(base.tokenizer)

    def row(self, exercise: Exercise) -> TokenRow:
        """Return an exercise as ids; a model without a chat template reads messages as text."""
        text = self.text(exercise)
        ids, behind = self._base.encode(text), text + exercise.target
        answered = self._tail(behind, ids)
        rest = self._tail(behind + exercise.going_on, [*ids, *answered])
        if exercise.ends and (end := self._base.tokenizer.eos_token_id) is not None:
            answered = [*answered, end]
        prompt = read_prompt(ids, self._base.tokenizer, self._chat)
        context = context_ids(exercise.edits, prompt, self._adapter, self._base.tokenizer)
        told = (*ids[: prompt.insert_at], *context, *ids[prompt.insert_at :])
        tail = (*answered, *rest)
        return TokenRow((*told, *tail), (*ids, *tail), len(answered), len(rest), exercise.ends)

    def text(self, exercise: Exercise) -> str:
        """Return the prompt as the model reads it, without facts."""
        if exercise.is_chat and self._chat:
            return self._base.chat_text([{"role": "user", "content": exercise.prompt}])
        return exercise.prompt

    def _tail(self, text: str, before: Sequence[int]) -> list[int]:
        """Return the ids of `text` from where those of its beginning end."""
        return self._base.encode(text)[len(before) :]


def batch_of(rows: Sequence[TokenRow], device: torch.device) -> Batch:
    """Pad rows to one batch."""
    window = max(row.tail for row in rows) + 1
    learnt = torch.full((len(rows), window), -100)
    kept = torch.zeros(len(rows), window, dtype=torch.bool)
    ended, opening = torch.zeros_like(kept), torch.zeros_like(kept)
    for place, row in enumerate(rows):
        start = window - 1 - row.tail  # the place that predicts the first id behind the prompt
        answer = torch.tensor(row.told[len(row.told) - row.tail :][: row.answer])
        learnt[place, start : start + row.answer] = answer
        if not row.ends:
            kept[place, start + row.answer : start + row.tail + 1] = True
            (ended if row.answer else opening)[place, start + row.answer] = True
    told, told_mask = _padded([row.told for row in rows])
    plain, plain_mask = _padded([row.plain for row in rows])
    tensors = (told, told_mask, plain, plain_mask, learnt, kept, ended, opening)
    return Batch(*(tensor.to(device) for tensor in tensors))


def _padded(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, width - len(row) :] = torch.tensor(row)
        mask[place, width - len(row) :] = 1
    return ids, mask
