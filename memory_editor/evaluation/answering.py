"""What an edited model writes when it is asked, decoded freely, and whether that gives the answer; knows no files."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from memory_editor.answers import begins_with, contains
from memory_editor.edited_model import EditedModel
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress
from memory_editor.scope.route import Route

_TOGETHER: Final = 32
"""How many prompts are answered in a batch."""


@dataclass(frozen=True)
class Question:
    """A prompt, the answers that are right, and those that the edit is to have replaced."""

    prompt: str
    wanted: tuple[str, ...]
    unwanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """What the model wrote for a question, and by which route."""

    question: Question
    text: str
    route: Route

    @property
    def is_right(self) -> bool:
        """Whether the text begins with a right answer."""
        return begins_with(self.text, self.question.wanted)

    @property
    def holds_it(self) -> bool:
        """Whether a right answer occurs in the text."""
        return contains(self.text, self.question.wanted)

    @property
    def is_old(self) -> bool:
        """Whether the text begins with a replaced answer, and not with a right one."""
        return begins_with(self.text, self.question.unwanted) and not self.is_right


def ask(
    model: EditedModel,
    base: LanguageModel,
    questions: Sequence[Question],
    *,
    max_new_tokens: int,
    progress: Progress = no_progress,
) -> list[Written]:
    """Return what `model` writes greedily for each question, in their order, up to its natural stop.

    Prompts of like length are batched together.
    """
    order = sorted(range(len(questions)), key=lambda place: len(questions[place].prompt))
    found: dict[int, Written] = {}
    with progress("answering", len(questions)) as report:
        for start in range(0, len(order), _TOGETHER):
            places = order[start : start + _TOGETHER]
            inputs = batch(base, [questions[place].prompt for place in places])
            ids, routes = model.generate_routed(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
            texts = new_texts(base, ids, inputs["input_ids"].shape[1])
            found |= {
                place: Written(questions[place], text, route)
                for place, text, route in zip(places, texts, routes, strict=True)
            }
            report(len(found))
    return [found[place] for place in range(len(questions))]


def batch(base: LanguageModel, prompts: Sequence[str]) -> dict[str, Tensor]:
    """Return prompts as one batch of ids, padded on the left, with its attention mask."""
    options: dict[str, Any] = {"padding": True, "padding_side": "left", "return_tensors": "pt"}
    inputs = base.tokenizer(list(prompts), **options)
    return {name: inputs[name].to(base.device) for name in ("input_ids", "attention_mask")}


def new_texts(base: LanguageModel, output: Any, width: int) -> list[str]:
    """Return the text that each row of generated ids has after the first `width`."""
    sequences: Tensor = output if isinstance(output, torch.Tensor) else output.sequences
    return [base.decode(row[width:]) for row in sequences]


def shares(written: Iterable[Written]) -> dict[str, float]:
    """Return the share of questions answered right, at the beginning or anywhere, answered as before, and in scope."""
    written = list(written)
    count = len(written)
    return {
        "questions": count,
        "right": sum(one.is_right for one in written) / count,
        "contained": sum(one.holds_it for one in written) / count,
        "old": sum(one.is_old for one in written) / count,
        "in_scope": sum(one.route.in_scope for one in written) / count,
    }


def ngram_entropy(text: str) -> float:
    """Return the weighted entropy in bits of a text's bigrams and trigrams (Meng et al. 2022, "GE", times 1)."""
    words = text.split()
    return sum(weight * _entropy(words, size) for size, weight in ((2, 2 / 3), (3, 4 / 3))) / 2


def is_loop(ids: Sequence[int], *, longest: int = 16, times: int = 4) -> bool:
    """Say whether a sequence ends in one stretch of at most `longest` ids, `times` in a row."""
    return any(
        list(ids[-size * times :]) == list(ids[-size:]) * times
        for size in range(1, longest + 1)
        if len(ids) >= size * times
    )


def _entropy(words: Sequence[str], size: int) -> float:
    counts = Counter(tuple(words[start : start + size]) for start in range(len(words) - size + 1))
    total = sum(counts.values())
    return -sum(count / total * math.log2(count / total) for count in counts.values())
