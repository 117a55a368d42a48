"""Edits as token ids, split where a fact is recalled: at the subject's last token; knows no method."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from memory_editor.backends.target_tokens import request_of, target_of
from memory_editor.edits import Edit
from memory_editor.errors import InvalidEdit
from memory_editor.language_model import LanguageModel
from memory_editor.text import last_mention


@dataclass(frozen=True)
class Row:
    """A text that a model reads: `head` ends with the subject's last token, `tail` is what comes after.

    `targets` are what is to be said after each of the last tokens that are read; empty where nothing is to be said.
    """

    head: tuple[int, ...]
    tail: tuple[int, ...]
    targets: tuple[int, ...] = ()

    @property
    def first_target(self) -> int:
        """The column, counted from the subject's last token, after which the first target is to be said."""
        return len(self.tail) + 1 - len(self.targets)


@dataclass(frozen=True)
class Fact:
    """An edit's prompt, alone and in contexts, and a text that tells what its subject is."""

    contexts: tuple[Row, ...]
    """The prompt alone, then after each prefix."""
    essence: Row
    """"{subject} is a": what follows it is to stay."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """All the texts, the essence last."""
        return (*self.contexts, self.essence)


def facts_of(base: LanguageModel, edits: Sequence[Edit], prefixes: Sequence[str]) -> list[Fact]:
    """Return edits with their prompts alone and after each of the prefixes.

    Raises `InvalidEdit` for one without a target, without a subject, or whose prompt does not name its subject.
    """
    return [_fact(base, edit, prefixes) for edit in edits]


def _fact(base: LanguageModel, edit: Edit, prefixes: Sequence[str]) -> Fact:
    target, subject, end = target_of(edit), edit.subject or "", _subject_end(edit)
    openings = ["", *(f"{prefix}. " for prefix in prefixes)]
    contexts = tuple(_row(base, opening + edit.prompt, len(opening) + end, target) for opening in openings)
    ids = tuple(base.encode(f"{subject} is a"))
    head = _up_to(base, subject, ids)
    return Fact(contexts, Row(ids[:head], ids[head:]))


def _subject_end(edit: Edit) -> int:
    """Return where the subject ends in the prompt, at its last mention."""
    if not edit.subject:
        raise InvalidEdit(f"no subject stands out in {edit.prompt!r}; give `subject`, the part that the fact is about")
    if mention := last_mention(edit.prompt, edit.subject):
        return mention[1]
    raise InvalidEdit(f"the prompt {edit.prompt!r} does not name the subject {edit.subject!r}; make it a part of it")


def _row(base: LanguageModel, prompt: str, end: int, target: str) -> Row:
    request = request_of(base, prompt, target)
    head = _up_to(base, prompt[:end], request.prompt)
    return Row(request.prompt[:head], request.prompt[head:] + request.target[:-1], request.target)


def _up_to(base: LanguageModel, beginning: str, ids: Sequence[int]) -> int:
    """Return how many of the tokens of a text hold its beginning."""
    alone = base.encode(beginning)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(alone, ids, strict=False)))
    # Where the last token of the beginning goes on into what follows, the two readings depart at that token.
    return min(shared + (shared < len(alone)), len(ids))
