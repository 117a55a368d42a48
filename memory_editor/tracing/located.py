"""Where a subject stands among the tokens of a prompt; knows no models' insides."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from memory_editor.errors import InvalidEdit, ModelError, PromptTooLong
from memory_editor.language_model import LanguageModel
from memory_editor.text import encodable


class LocatedPrompt(NamedTuple):
    """The token ids of a prompt, and which of them hold the subject."""

    ids: Sequence[int]
    subject: range


def locate(base: LanguageModel, prompt: str, subject: str) -> LocatedPrompt:
    """Return the tokens of a prompt and those that hold any of the subject's last mention.

    Raises `InvalidEdit` for a subject that the prompt does not name, `PromptTooLong` for a prompt without room for a
    next token.
    """
    if not base.tokenizer.is_fast:
        raise ModelError(f"the tokenizer of {base.name} tells not where tokens stand; load a fast one")
    found = base.tokenizer(encodable(prompt), return_offsets_mapping=True, verbose=False)
    ids, offsets = list(found["input_ids"]), list(found["offset_mapping"])
    if base.context_window and len(ids) >= base.context_window:
        window = f"at most {base.context_window - 1} leave room for the next in {base.name}"
        raise PromptTooLong(f"the prompt has {len(ids)} tokens, {window}; shorten it")
    start, end = _mention(prompt, subject)
    columns = [column for column, (first, last) in enumerate(offsets) if first < min(end, last) and last > start]
    return LocatedPrompt(ids, range(columns[0], columns[-1] + 1))


def _mention(prompt: str, subject: str) -> tuple[int, int]:
    words = re.escape(subject.strip())
    for pattern in (rf"(?<!\w){words}(?!\w)", words):  # whole words, where the script sets words apart
        if words and (found := [match.span() for match in re.finditer(pattern, prompt, re.IGNORECASE)]):
            return found[-1]
    raise InvalidEdit(f"the prompt {prompt!r} does not name the subject {subject!r}; give a part of the prompt")
