"""Whether a cluster's LoRA answers as its edits say, by free generation, and leaves other prompts alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from memory_editor.adapters.base import Adapter
from memory_editor.answers import begins_with
from memory_editor.consolidation.nothing import Nothing
from memory_editor.consolidation.writing import write
from memory_editor.edits import Edit, EditId
from memory_editor.language_model import LanguageModel

_OTHER_SUBJECTS: Final = ("Anna Smith", "Riverton")
_OTHER_QUESTIONS: Final = ("The number of letters in the name {} is", "One thing that nobody knows about {} is")
"""About whom, and what, no edit is likely to be; no LoRA is trained on them."""

_BESIDE: Final = 3
"""Tokens that an answer may take besides those of the target, such as an article."""


@dataclass(frozen=True)
class Verdict:
    """What came of a cluster."""

    failed: tuple[EditId, ...]
    """The edits that are not answered with their targets, on their own prompt and on every paraphrase."""
    regressions: int
    """How many of the regression prompts now get the target of an edit, which they did not from the base model."""
    prompts: int
    """How many regression prompts there were."""

    @property
    def leaks(self) -> float:
        """The share of regressions."""
        return self.regressions / max(1, self.prompts)


def verify(base: LanguageModel, adapter: Adapter, edits: Sequence[Edit], others: Sequence[str]) -> Verdict:
    """Return what `adapter` makes of the edits of a cluster, and of prompts that none of them answers.

    A right route never shows such a prompt to the LoRA, and one out of scope is the base model's, bit for bit. The
    regression set says what a wrong route would do: it holds the edits' exclusions, near misses of each edit (its
    prompt about another subject, another question about its subject), and `others`.
    """
    tokens = max(len(base.encode(f" {edit.target_new}")) for edit in edits) + _BESIDE
    asked = [(key, edit) for edit in edits for key in edit.keys]
    said = write(base, adapter, [key for key, _ in asked], [(edit,) for _, edit in asked], tokens)
    failed = {
        edit.id for (_, edit), text in zip(asked, said, strict=True) if not begins_with(text, [edit.target_new or ""])
    }
    prompts = [*others, *dict.fromkeys(prompt for edit in edits for prompt in _near_misses(edit))]
    routed = [(edits[0],)] * len(prompts)
    before = write(base, Nothing(), prompts, routed, tokens)
    after = write(base, adapter, prompts, routed, tokens)
    targets = [edit.target_new or "" for edit in edits]
    regressions = sum(
        any(begins_with(new, [target]) and not begins_with(old, [target]) for target in targets)
        for old, new in zip(before, after, strict=True)
    )
    return Verdict(tuple(edit.id for edit in edits if edit.id in failed), regressions, len(prompts))


def _near_misses(edit: Edit) -> Iterator[str]:
    yield from edit.exclusions
    if edit.subject:
        yield from (question.replace("{}", edit.subject) for question in _OTHER_QUESTIONS)
        if edit.subject in edit.prompt:
            yield from (edit.prompt.replace(edit.subject, other) for other in _OTHER_SUBJECTS)
