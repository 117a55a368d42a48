"""The edit in context: the model is told the facts just before it is asked."""

from collections.abc import Sequence
from typing import Final

from memory_editor.edits import Edit

_END: Final = (".", "!", "?", "。", "।", "؟")


class InContext:
    """Tells the facts as plain sentences; needs no training and no change to the model."""

    name = "in-context"

    def context(self, edits: Sequence[Edit], *, is_chat: bool) -> str:
        """Return one line for each fact, in the order given."""
        lines = "".join(f"New fact: {_sentence(edit.fact)}\n" for edit in edits)
        return f"{lines}\n" if is_chat else lines


def _sentence(fact: str) -> str:
    return fact if fact.endswith(_END) else f"{fact}."
