"""No context and no change: the model as it is, such as weights learn to answer from; knows nothing."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from transformers import PreTrainedModel

from memory_editor.edits import Edit


class Nothing:
    """Tells nothing of any edit."""

    name = "nothing"

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return nothing."""
        del edits, question, is_chat
        return ""

    def applied(
        self, model: PreTrainedModel, rows: Sequence[Sequence[Edit]]
    ) -> AbstractContextManager[PreTrainedModel]:
        """Give the base model itself."""
        return nullcontext(model)
