"""Prompts and what is to be said after them, as token ids; knows no method."""

from itertools import takewhile
from typing import NamedTuple

from memory_editor.edits import Edit
from memory_editor.errors import InvalidEdit, ModelError, PromptTooLong
from memory_editor.language_model import LanguageModel


class Request(NamedTuple):
    """The token ids of a prompt, and of the target behind it."""

    prompt: tuple[int, ...]
    target: tuple[int, ...]


def request_of(base: LanguageModel, prompt: str, target: str) -> Request:
    """Return a prompt and a target, joined by a space; the target's tokens are those that depart from the prompt's.

    Raises `ModelError` where either has no token of its own or both do not fit the model's context window.
    """
    ids = tuple(base.encode(f"{prompt} {target}"))
    start = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(base.encode(prompt), ids, strict=False)))
    if not 0 < start < len(ids):
        raise ModelError(f"the prompt {prompt!r} and the target {target!r} must each have a token of their own")
    if base.context_window and len(ids) > base.context_window:
        window = f"at most {base.context_window} fit {base.name}"
        raise PromptTooLong(f"the prompt and target have {len(ids)} tokens, {window}; shorten the prompt")
    return Request(ids[:start], ids[start:])


def target_of(edit: Edit) -> str:
    """Return the target of an edit; raises `InvalidEdit` for a statement."""
    if edit.target_new is None:
        raise InvalidEdit(f"the statement {edit.prompt!r} has no target to train on; give a prompt and a target_new")
    return edit.target_new
