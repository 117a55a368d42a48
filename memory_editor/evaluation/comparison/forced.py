"""How well a model says a target when every earlier token of it is given; knows no edits."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from memory_editor.language_model import LanguageModel
from memory_editor.token_rows import TokenRows

_TOGETHER: Final = 16


class Forced(NamedTuple):
    """The share of the target's tokens that are the likeliest in their place, and the probability of the target."""

    matched: float
    probability: float


@torch.no_grad()
def forced(model: Any, base: LanguageModel, pairs: Sequence[tuple[str, str]]) -> list[Forced]:
    """Return how well `model` says each target after its prompt, a space between them.

    The prompt is read first and by itself, so that a model that routes decides on it alone. The target's tokens are
    those of the joined text from where it departs from the prompt's.
    """
    found: list[Forced] = []
    for start in range(0, len(pairs), _TOGETHER):
        found += _forced(model, base, [_split(base, *pair) for pair in pairs[start : start + _TOGETHER]])
    return found


def _forced(model: Any, base: LanguageModel, rows: Sequence[tuple[list[int], list[int]]]) -> list[Forced]:
    prompts, targets = zip(*rows, strict=True)
    texts = TokenRows.of(prompts, targets, device=base.device)
    start = max(map(len, prompts))
    # What a routed model is given of positions, it gives on to the base model and to no other.
    read = model(**texts.before(start).inputs(base.model), use_cache=True)
    logits = [read.logits[:, -1:]]
    if texts.ids.shape[1] > start + 1:
        inputs = texts.inputs(base.model, start)
        logits.append(model(**inputs, past_key_values=read.past_key_values, use_cache=True).logits[:, :-1])
    return [_score(row[: len(target)], target) for row, target in zip(torch.cat(logits, 1), targets, strict=True)]


def _score(logits: Tensor, target: Sequence[int]) -> Forced:
    wanted = torch.tensor(target, device=logits.device)
    matched = (logits.argmax(-1) == wanted).float().mean()
    chosen = logits.float().log_softmax(-1).gather(-1, wanted.unsqueeze(-1))
    return Forced(float(matched), float(chosen.sum().exp()))


def _split(base: LanguageModel, prompt: str, target: str) -> tuple[list[int], list[int]]:
    """Return the ids of the prompt and of the target behind it."""
    joined, alone = base.encode(f"{prompt} {target}"), base.encode(prompt)
    same = [one == other for one, other in zip(joined[:-1], alone, strict=False)]
    start = max(1, same.index(False) if False in same else len(same))
    return joined[:start], joined[start:]
