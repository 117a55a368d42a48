"""How facts are told to a model: one sentence each, on lines of their own."""

from collections.abc import Sequence
from typing import Final

from memory_editor.edits import Edit

_END: Final = (".", "!", "?", "。", "।", "؟")


def sentence(edit: Edit) -> str:
    """Return what an edit says as one line that ends as a sentence does."""
    fact = " ".join(edit.fact.split())  # one line, whatever lines its author wrote
    return fact if fact.endswith(_END) else f"{fact}."


def new_facts(edits: Sequence[Edit]) -> str:
    """Return one line for each edit, which says that its fact is new."""
    return "".join(f"New fact: {sentence(edit)}\n" for edit in edits)
