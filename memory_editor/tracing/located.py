"""Where a subject stands among the tokens of a prompt; knows no models' insides."""

from collections.abc import Sequence
from typing import NamedTuple

from memory_editor.errors import InvalidEdit, ModelError, PromptTooLong
from memory_editor.language_model import LanguageModel
from memory_editor.text import encodable, last_mention


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
    mention = last_mention(prompt, subject)
    if mention is None:
        raise InvalidEdit(f"the prompt {prompt!r} does not name the subject {subject!r}; give a part of the prompt")
    start, end = mention
    columns = [column for column, (first, last) in enumerate(offsets) if first < min(end, last) and last > start]
    return LocatedPrompt(ids, range(columns[0], columns[-1] + 1))
