"""Beginnings of texts that a model writes by itself, put before a prompt so that an edit holds in any context."""

from collections.abc import Sequence
from typing import Any, Final

import torch

from memory_editor.language_model import LanguageModel
from memory_editor.token_rows import TokenRows

_OPENINGS: Final = ("The", "Therefore", "Because", "I", "You")
_TOP: Final = 5
"""How many of the most probable tokens the next one is drawn from."""


@torch.no_grad()
def written_prefixes(base: LanguageModel, lengths: Sequence[int], seed: int = 0) -> tuple[str, ...]:
    """Return a text of so many tokens for each of `lengths`; the same for the same model and seed.

    Meng et al. 2022, appendix E.5, and 2023, appendix B: texts are sampled, so that a key is the mean over contexts.
    """
    generator = torch.Generator().manual_seed(seed)
    openings = [base.encode(_OPENINGS[place % len(_OPENINGS)]) for place in range(len(lengths))]
    rows, cache, known = TokenRows.of(openings, device=base.device), None, 0
    model: Any = base.model
    for _ in range(max(lengths)):
        inputs = rows.inputs(model, known)
        output = model(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache, known = output.past_key_values, rows.ids.shape[1]
        best = output.logits[:, -1].float().cpu().topk(_TOP)
        drawn = best.indices.gather(1, best.values.softmax(-1).multinomial(1, generator=generator)).to(rows.ids)
        rows = TokenRows(torch.cat([rows.ids, drawn], 1), torch.cat([rows.mask, torch.ones_like(drawn)], 1))
    ends = [rows.ids.shape[1] - max(lengths) + length for length in lengths]
    found = zip(rows.ids, rows.mask.bool(), ends, strict=True)
    return tuple(base.decode(ids[:end][mask[:end]]).strip() for ids, mask, end in found)
