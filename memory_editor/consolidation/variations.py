"""Exercises from which the weights of a cluster learn its edits, and nothing but them; knows no tokens."""

from collections.abc import Iterator, Sequence
from functools import cache
from random import Random
from typing import Final

from memory_editor.adapter_training.exercises import Exercise
from memory_editor.edits import Edit
from memory_editor.scope.training.phrasings import Phrasings
from memory_editor.scope.training.wording import lowered
from memory_editor.text import STOP_WORDS, words

_OWN: Final = 0.4
"""How often an edit is asked for by one of its own keys, as it is."""

_CHAT: Final = 0.15
"""How often a question is the message of a user."""

_ALIKE: Final = 0.5
"""The share of content words in common from which a relation is worded like an edit's."""


class Variations:
    """Draws exercises about the edits of a cluster by a generator that is passed in."""

    def __init__(self, edits: Sequence[Edit], others: Sequence[str], phrasings: Phrasings) -> None:
        """Draw from edits with targets; `others` are prompts that none of them answers."""
        self._names = [name for names in phrasings.subjects.values() for name in names]
        self._wrappers = [text for text in phrasings.same if "{q}" in text and "full sentence" not in text]
        self._forms = {edit.id: (*edit.keys, *_forms(edit, phrasings)) for edit in edits}
        self._others = (*others, *(prompt for edit in edits for prompt in edit.exclusions))
        self._movable = [edit for edit in edits if edit.subject and edit.subject in edit.prompt]

    def answered(self, edit: Edit, rng: Random) -> Exercise:
        """Return an exercise that the edit answers: in its own words, in others, or with words around them."""
        is_own = rng.random() < _OWN
        prompt = rng.choice(edit.keys if is_own else self._forms[edit.id])
        wrapped = prompt if is_own or rng.random() < _OWN else self._wrapped(edit, prompt, rng)
        target = edit.target_new or ""
        is_question = prompt.endswith("?")
        if is_question and rng.random() < _CHAT:
            answer = target if target.endswith(".") else f"{target}."
            return Exercise((edit,), wrapped, answer, "chat", is_chat=True, ends=True)
        return Exercise((edit,), wrapped, target, "asked", ends=is_question)

    def kept(self, rng: Random) -> Exercise | None:
        """Return an exercise that no edit of the cluster answers, which is to stay as it is, if there is any."""
        if self._movable and (rng.random() < 0.5 or not self._others):
            edit = rng.choice(self._movable)
            prompt = edit.prompt.replace(edit.subject or "", rng.choice(self._names))
        elif self._others:
            prompt = rng.choice(self._others)
        else:
            return None
        return Exercise((), prompt, "", "kept")

    def _wrapped(self, edit: Edit, prompt: str, rng: Random) -> str:
        """Return the prompt with words around it; behind a prompt to be completed there can be none."""
        ends = prompt.endswith("?")
        wrapper = rng.choice([text for text in self._wrappers if ends or text.endswith("{q}")])
        stays = ". {q}" in wrapper or wrapper.startswith("{q}") or prompt.startswith(edit.subject or "\n")
        return wrapper.replace("{q}", prompt if stays else lowered(prompt)).replace("{s}", edit.subject or "it")


def _forms(edit: Edit, phrasings: Phrasings) -> Iterator[str]:
    """Yield prompts for the relations that are worded most like the edit's, if any is: mostly its own.

    What asks for something else does little harm, because a route, not the weights, says what an edit answers; and what
    is learnt in many words is answered in more.
    """
    own = _content(edit.relation)
    likeness = {
        name: max(len(own & _content(form)) / max(1, len(own | _content(form))) for form in relation.forms)
        for name, relation in phrasings.relations.items()
    }
    best = max(likeness.values())
    if edit.subject and best >= _ALIKE:
        for name in (name for name, value in likeness.items() if value == best):
            yield from (form.replace("{}", edit.subject) for form in phrasings.relations[name].forms)


@cache
def _content(text: str) -> frozenset[str]:
    return frozenset(words(text)) - STOP_WORDS
