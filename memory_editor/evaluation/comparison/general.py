"""What edits leave of a model besides their own answers: fluency, perplexity, known facts, speed; knows no methods."""

import statistics
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from memory_editor.backends.governor import exponential
from memory_editor.edited_model import EditedModel
from memory_editor.evaluation.answering import Question, ask, batch, is_loop, new_texts, ngram_entropy
from memory_editor.language_model import LanguageModel

TEXTS: Final = 20
"""How many long texts fluency is taken from."""

LONG: Final = 100
"""How many tokens each of them has."""

_WINDOW: Final = 128
_WINDOWS: Final = 24
_AT_ONCE: Final = 8
_FACTS: Final = 100
_FACT_TOKENS: Final = 8
_QUERIES: Final = 24
_CHARACTERS_A_TOKEN: Final = 16


def fluency(model: EditedModel, base: LanguageModel, prompts: Sequence[str]) -> dict[str, float]:
    """Return the mean n-gram entropy of long texts after prompts, and the share of them that end in a loop."""
    inputs = batch(base, prompts[:TEXTS])
    ids: Any = model.generate(**inputs, max_new_tokens=LONG, min_new_tokens=LONG, do_sample=False)
    width = inputs["input_ids"].shape[1]
    texts = new_texts(base, ids, width)
    loops = [is_loop(row[width:].tolist()) for row in ids]
    return {
        "texts": len(texts),
        "entropy": statistics.mean(map(ngram_entropy, texts)),
        "loops": sum(loops) / len(loops),
    }


@torch.no_grad()
def perplexity(model: EditedModel, base: LanguageModel, text: str) -> dict[str, float]:
    """Return the perplexity of the first windows of a text, each read by itself; nothing of a text shorter than one."""
    ids = base.encode(text[: _WINDOWS * _WINDOW * _CHARACTERS_A_TOKEN])[: _WINDOWS * _WINDOW]
    windows = torch.tensor(ids[: len(ids) // _WINDOW * _WINDOW], device=base.device).reshape(-1, _WINDOW)
    losses = []
    for start in range(0, len(windows), _AT_ONCE):
        rows = windows[start : start + _AT_ONCE]
        logits = model(input_ids=rows, attention_mask=torch.ones_like(rows)).logits.float()
        losses.append(cross_entropy(logits[:, :-1].flatten(0, 1), rows[:, 1:].flatten(), reduction="none"))
    if not losses:
        return {}
    tokens = torch.cat(losses)
    return {"tokens": len(tokens), "perplexity": exponential(float(tokens.mean()))}


def recall(model: EditedModel, base: LanguageModel, facts: Sequence[Question]) -> dict[str, float]:
    """Return the share of known facts, evenly spaced, that the model's text begins with."""
    sample = facts[:: max(1, -(-len(facts) // _FACTS))]
    written = ask(model, base, sample, max_new_tokens=_FACT_TOKENS)
    return {"facts": len(written), "recalled": sum(one.is_right for one in written) / len(written)}


def speed(model: EditedModel, base: LanguageModel, prompts: Sequence[str], new_tokens: int) -> dict[str, float]:
    """Return milliseconds of a query with so many new tokens, of the model and of the base model, asked in turn.

    `added` is the median of the differences within a pair; p50 and p95 are of one model's queries.
    """
    asked = [prompts[number % len(prompts)] for number in range(_QUERIES)]
    taken: dict[str, list[float]] = {"base": [], "edited": []}
    for number, prompt in enumerate([asked[0], *asked]):
        inputs = batch(base, [prompt])
        for name in ("base", "edited") if number % 2 else ("edited", "base"):
            one: Any = base.model if name == "base" else model
            began = time.perf_counter()
            one.generate(**inputs, max_new_tokens=new_tokens, min_new_tokens=new_tokens, do_sample=False)
            taken[name].append(1000 * (time.perf_counter() - began))
    found: dict[str, float] = {"queries": len(asked), "new_tokens": new_tokens}
    base_times, edited_times = taken["base"][1:], taken["edited"][1:]  # the first pair warms up
    for name, times in (("base", base_times), ("edited", edited_times)):
        found |= {f"{name}_p50": float(np.percentile(times, 50)), f"{name}_p95": float(np.percentile(times, 95))}
    pairs = zip(edited_times, base_times, strict=True)
    return found | {"added": statistics.median(one - other for one, other in pairs)}
