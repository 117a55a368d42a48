"""A route function for tests: prompts that name Twitter are in scope of one edit, all others of none."""

from collections.abc import Sequence

import torch

from memory_editor.adapters.in_context import InContext
from memory_editor.edited_model import EditedModel
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.scope.route import Kind, Route, ScoredEdit

EDIT = Edit("The CEO of Twitter is", "Linda Yaccarino")
FACT = "The CEO of Twitter is Linda Yaccarino."
CONTEXT = f"{FACT}\n{FACT}\n{FACT}\nIn other words:\n"
CHAT_CONTEXT = f"New fact: {FACT}\n\n"

IN = "Who runs Twitter?"
OUT = "The capital of Japan is the city of"
SHORT_OUT = "Two plus"


def route(prompts: Sequence[str]) -> list[Route]:
    scored = (ScoredEdit(EDIT, 1.0, Kind.DIRECT, ("named",)),)
    return [Route(prompt, scored if "Twitter" in prompt else (), None, 0.5) for prompt in prompts]


def edited(base: LanguageModel) -> EditedModel:
    return EditedModel(base, route, InContext())


def batch(base: LanguageModel, prompts: Sequence[str], side: str = "left") -> dict[str, torch.Tensor]:
    rows = [base.encode(prompt) for prompt in prompts]
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), base.tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        start = width - len(row) if side == "left" else 0
        ids[place, start : start + len(row)] = torch.tensor(row)
        mask[place, start : start + len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}
