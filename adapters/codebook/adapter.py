"""Answers from a codebook: the value of an edit, put in where its prompt ends; knows no distances."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor
from transformers import PreTrainedModel

from memory_editor.adapters.codebook.codebook import Codebook
from memory_editor.adapters.in_context import InContext
from memory_editor.edits import Edit


class CodebookAdapter:
    """Answers a row by the value of the first of its edits that has one, whatever routed it there.

    Of the two choices of tokens that were published this is the paper's own (section 3.1, "GRACE layers with sequential
    inputs"): the value replaces what the projection returns at the last token of the prompt alone. Generated tokens
    attend to what became of it there, from the cache or computed anew. A row without any value, such as one whose edit
    is too new, is answered by its edits in context.
    """

    name = "codebook"

    def __init__(self, codebook: Codebook) -> None:
        self.codebook = codebook
        self._fallback = InContext()

    def context(self, edits: Sequence[Edit], question: str, *, is_chat: bool) -> str:
        """Return nothing for edits of which one has a value, else the facts."""
        if self._value(edits) is not None:
            return ""
        return self._fallback.context(edits, question, is_chat=is_chat)

    @contextmanager
    def applied(self, model: PreTrainedModel, rows: Sequence[Sequence[Edit]]) -> Iterator[PreTrainedModel]:
        """Give a model over the same weights that puts in the value of each row; the base model if there is none."""
        values = [self._value(edits) for edits in rows]
        if all(value is None for value in values):
            yield model
            return
        with self.codebook.wrapped.answering(values) as answering:
            yield answering

    def _value(self, edits: Sequence[Edit]) -> Tensor | None:
        values = (self.codebook.value(edit.id) for edit in edits)
        return next((value for value in values if value is not None), None)
