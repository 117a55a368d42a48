"""The protocol of a counterfactual responder."""

from collections.abc import Sequence
from typing import Protocol

from memory_editor.edits import Edit


class Adapter(Protocol):
    """Makes the base model answer a prompt from edits.

    To write one, say what the model is to read just before the question.
    """

    name: str

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return the text put before the question; `is_chat` says that the question is the message of a user."""
        ...
