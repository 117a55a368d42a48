"""Where in a prompt the question stands: the last user message of a chat, else all of it; knows no edits."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Self

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

_MARKS = ("user-turn-one", "assistant-turn", "user-turn-two")


@dataclass(frozen=True)
class ChatFormat:
    """What a chat template writes before and after the message of a user."""

    user_start: str
    user_end: str

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> Self | None:
        """Find the format by rendering a small chat; none where there is no template or it sets nothing off."""
        if not tokenizer.chat_template:
            return None
        roles = ("user", "assistant", "user")
        chat = [{"role": role, "content": mark} for role, mark in zip(roles, _MARKS, strict=True)]
        try:
            text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        except (TemplateError, ValueError):
            return None
        before, _, rest = str(text).partition(_MARKS[0])
        after, _, rest = rest.partition(_MARKS[1])
        between, _, end = rest.partition(_MARKS[2])
        # What every user turn has around it; special tokens delimit it, where there are any.
        start = _common_start(before[::-1], between[::-1])[::-1]
        stop = _common_start(after, end)
        special = [token for token in tokenizer.all_special_tokens if token]
        start = start[max((start.rfind(token) for token in special if token in start), default=0) :]
        stop = next((token for token in special if stop.startswith(token)), stop)
        return cls(start, stop) if start.strip() and stop.strip() else None

    def last_user_message(self, text: str) -> tuple[int, int] | None:
        """Return where the last user message of a rendered chat begins and ends; none in a text that is no chat."""
        start = text.rfind(self.user_start)
        begin = start + len(self.user_start)
        end = text.find(self.user_end, begin)
        return None if start < 0 or end < 0 else (begin, end)


@dataclass(frozen=True)
class Prompt:
    """One row of token ids without padding, and what is asked in it."""

    ids: tuple[int, ...]
    question: str
    insert_at: int
    """The place among the ids, just before the question, where context belongs."""
    is_chat: bool


def read_prompt(ids: Sequence[int], tokenizer: PreTrainedTokenizerBase, chat: ChatFormat | None) -> Prompt:
    """Find the question in a row of token ids."""
    text = _decode(tokenizer, ids)
    message = chat.last_user_message(text) if chat else None
    if message:
        begin, end = message
        # The decoded length grows with the ids, so the last place not after `begin` is found by bisection.
        place = bisect_right(range(len(ids) + 1), begin, key=lambda count: len(_decode(tokenizer, ids[:count]))) - 1
        return Prompt(tuple(ids), text[begin:end].strip(), place, is_chat=True)
    special = set(tokenizer.all_special_ids)
    opening = next((place for place, id_ in enumerate(ids) if id_ not in special), len(ids))
    question = tokenizer.decode(list(ids[opening:]), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return Prompt(tuple(ids), str(question).strip(), opening, is_chat=False)


def _common_start(one: str, other: str) -> str:
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(character for character, _ in alike)


def _decode(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))
