"""What an adapter has a model write, greedily, where routes are known; knows no memory."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from memory_editor.adapters.base import Adapter
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit

_TOGETHER: Final = 16


def write(
    base: LanguageModel, adapter: Adapter, prompts: Sequence[str], edits: Sequence[Sequence[Edit]], tokens: int
) -> list[str]:
    """Return the text of at most `tokens` that follows each prompt, when it is answered by its edits."""
    texts: list[str] = []
    for start in range(0, len(prompts), _TOGETHER):
        chunk = slice(start, start + _TOGETHER)
        routes = list(map(_routed, prompts[chunk], edits[chunk]))
        model = EditedModel(base, partial(_known, routes), adapter)
        encoded = base.tokenizer(list(prompts[chunk]), return_tensors="pt", padding=True).to(base.device)
        inputs = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        ids: Any = model.generate(**inputs, max_new_tokens=tokens, do_sample=False, num_beams=1)
        texts += [base.decode(row[inputs["input_ids"].shape[1] :]) for row in ids]
    return texts


def _known(routes: list[Route], prompts: Sequence[str]) -> list[Route]:
    del prompts
    return routes


def _routed(prompt: str, edits: Sequence[Edit]) -> Route:
    return Route(prompt, tuple(ScoredEdit(edit, 1.0, Kind.DIRECT, ()) for edit in edits), None, 0.5)
