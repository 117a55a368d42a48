"""The edit in context: the model is told the facts just before it is asked."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from memory_editor.adapters.facts import new_facts, sentence
from memory_editor.edits import Edit
from memory_editor.text import normalised

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_REPEATED: Final = 3
"""How often a prompt to be continued is told a fact: small models follow what is repeated (docs/experiments.md)."""


class InContext:
    """Tells the facts as plain sentences; needs no training and no change to the model."""

    name = "in-context"

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return one line for each fact, in the order given; one more leads over to a question in other words."""
        if is_chat:
            return f"{new_facts(edits)}\n"
        told = "".join(f"{sentence(edit)}\n" for edit in edits) * _REPEATED
        is_own = normalised(question) in {normalised(edit.prompt) for edit in edits}
        return told if is_own else f"{told}In other words:\n"

    def applied(
        self, model: "PreTrainedModel", rows: Sequence[Sequence[Edit]]
    ) -> "AbstractContextManager[PreTrainedModel]":
        """Give the base model itself."""
        return nullcontext(model)
