"""How the base model itself goes on where an exercise leaves that open; knows no loss."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import torch
from torch import Tensor

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.adapter_training.sequences import Tokeniser
from memory_editor.language_model import LanguageModel
from memory_editor.token_rows import TokenRows

_INSTEAD: Final = 0.5
"""How often what the model writes takes the place of a true answer, where the edits do not matter."""

_AFTER_ANSWER: Final = 0.3
"""How often an answer that is not the end is gone on from."""

_TOKENS: Final = 24
_TOKENS_AFTER_ANSWER: Final = 80
_TEMPERATURE: Final = 0.7
_TOGETHER: Final = 64


def continued(base: LanguageModel, tokeniser: Tokeniser, exercises: Iterable[Exercise], seed: str) -> list[Exercise]:
    """Return exercises of which many go on as the base model, reading no facts, would: sampled, but at least one token.

    Without, the adapter would learn of a prompt that its facts do not answer how to begin, and give the facts away in
    the next words.
    """
    rng = Random(seed)
    found = list(exercises)
    ignored = [place for place, one in enumerate(found) if not one.answer and (not one.rest or rng.random() < _INSTEAD)]
    answered = [
        place
        for place, one in enumerate(found)
        if one.answer and not one.ends and not one.rest and rng.random() < _AFTER_ANSWER
    ]
    with torch.random.fork_rng():
        torch.manual_seed(rng.getrandbits(32))
        for places, tokens in ((ignored, _TOKENS), (answered, _TOKENS_AFTER_ANSWER)):
            texts = [tokeniser.text(found[place]) + found[place].target for place in places]
            for place, rest in zip(places, _written(base, texts, tokens), strict=True):
                found[place] = replace(found[place], rest=rest)
    return found


def _written(base: LanguageModel, texts: Sequence[str], tokens: int) -> list[str]:
    """Return what the model writes after each text."""
    prompts = [base.encode(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda place: len(prompts[place]))
    options: dict[str, Any] = {"do_sample": True, "temperature": _TEMPERATURE, "top_k": 0, "top_p": 1.0}
    written: dict[int, str] = {}
    for start in range(0, len(order), _TOGETHER):
        places = order[start : start + _TOGETHER]
        rows = TokenRows.of([prompts[place] for place in places], device=base.device)
        ids: Tensor = base.generate(
            rows.ids,
            attention_mask=rows.mask,
            min_new_tokens=1,
            max_new_tokens=tokens,
            pad_token_id=base.tokenizer.pad_token_id,
            **options,
        )
        new = ids[:, rows.ids.shape[1] :]
        written |= {place: base.decode(row) for place, row in zip(places, new, strict=True)}
    return [written[place] for place in range(len(texts))]
