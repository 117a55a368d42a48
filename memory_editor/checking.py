"""What the model now says for an edit, its paraphrases and near misses, and whether that is as it should be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from memory_editor.answers import begins_with, contains
from memory_editor.editor import DEFAULT_NEW_TOKENS, MemoryEditor
from memory_editor.edits import Edit

_OTHERS: Final = ("Anna Smith", "Riverton")
"""Subjects to ask about instead, which no edit is likely to be about."""

_ELSE: Final = ("The number of letters in the name {} is", "One thing that nobody knows about {} is")
"""What any subject can be asked that no edit is likely to be about."""


class Asked(StrEnum):
    """What a prompt is to an edit."""

    OWN = "own prompt"
    PARAPHRASE = "paraphrase"
    EXCLUSION = "exclusion"
    OTHER_SUBJECT = "other subject"
    OTHER_RELATION = "other relation"

    @property
    def in_scope(self) -> bool:
        """Whether the edit is to answer."""
        return self in (Asked.OWN, Asked.PARAPHRASE)


@dataclass(frozen=True)
class Check:
    """One prompt, and what came of it."""

    edit: Edit
    asked: Asked
    prompt: str
    answer: str
    is_routed: bool
    """Whether the edit answered."""
    is_right: bool
    """In scope: the edit answered, and with its target. Out of scope: the edit did not answer."""

    def to_dict(self) -> dict[str, Any]:
        """Return the check as JSON values."""
        return {
            "id": self.edit.id,
            "asked": str(self.asked),
            "prompt": self.prompt,
            "answer": self.answer,
            "is_routed": self.is_routed,
            "is_right": self.is_right,
        }


def check(editor: MemoryEditor, edits: Sequence[Edit], *, max_new_tokens: int = DEFAULT_NEW_TOKENS) -> Iterator[Check]:
    """Yield the checks of each edit in turn; a statement's answer is right when the edit gave it."""
    for edit in edits:
        for asked, prompt in _prompts(edit):
            answer = editor.answer(prompt, max_new_tokens=max_new_tokens)
            is_routed = any(scored.edit.id == edit.id for scored in answer.route.edits)
            told = edit.target_new is None or _gives(answer.text, edit.target_new)
            is_right = is_routed and told if asked.in_scope else not is_routed
            yield Check(edit, asked, prompt, answer.text, is_routed, is_right)


def _prompts(edit: Edit) -> Iterator[tuple[Asked, str]]:
    own, *paraphrases = edit.keys
    yield Asked.OWN, own
    yield from ((Asked.PARAPHRASE, prompt) for prompt in paraphrases)
    yield from ((Asked.EXCLUSION, prompt) for prompt in edit.exclusions)
    if edit.subject and edit.subject in edit.prompt:
        yield from ((Asked.OTHER_SUBJECT, edit.prompt.replace(edit.subject, other)) for other in _OTHERS)
    if edit.subject:
        yield from ((Asked.OTHER_RELATION, prompt.replace("{}", edit.subject)) for prompt in _ELSE)


def _gives(answer: str, target: str) -> bool:
    return begins_with(answer, [target]) or contains(answer, [target])
