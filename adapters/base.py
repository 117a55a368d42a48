"""The protocol of a counterfactual responder."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from memory_editor.edits import Edit

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Adapter(Protocol):
    """Makes the base model answer prompts from edits, by what it reads before them or by what computes the answer."""

    @property
    def name(self) -> str:
        """What it is called in reports."""
        ...

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return the text put before the question; `is_chat` says that the question is the message of a user."""
        ...

    def applied(
        self, model: "PreTrainedModel", rows: Sequence[Sequence[Edit]]
    ) -> "AbstractContextManager[PreTrainedModel]":
        """Give the model that reads prompts with their contexts, each row answered by its own edits.

        `model`, the base model, computes the same during the block as ever. Beams and samples of a row stand next to
        each other, so that a batch may hold a multiple of the rows.
        """
        ...
