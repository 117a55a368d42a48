"""A prompt, a fact, and whether the fact answers it: what the pair model learns from; knows no sources."""

from dataclasses import dataclass
from enum import IntEnum

from ulid import ULID

from memory_editor.edits import Edit, EditId
from memory_editor.scope.mention import find_mention
from memory_editor.scope.pair_model import Pair


class Label(IntEnum):
    """Whether a fact answers a prompt, in the order of the pair model's logits."""

    OUT = 0
    DIRECT = 1
    CONSEQUENCE = 2


@dataclass(frozen=True)
class Fact:
    """What an edit would say."""

    subject: str
    prompt: str
    target: str | None = None
    """None for a statement."""
    relation: str | None = None
    """The relation of the phrasings that it is of, where that is known."""

    @property
    def text(self) -> str:
        """The fact as text, as an edit gives it."""
        return self.prompt if self.target is None else f"{self.prompt} {self.target}"

    def as_edit(self, number: int) -> Edit:
        """Return the edit that says the fact; the number decides its id, and nothing else does."""
        return Edit(self.prompt, self.target, subject=self.subject, id=EditId(str(ULID.from_int(number))))


@dataclass(frozen=True)
class Example:
    """A prompt beside a fact."""

    prompt: str
    fact: Fact
    label: Label
    source: str
    """Where it was taken from and how it was made, e.g. "catalogue: alias"."""
    asked: str | None = None
    """The relation that the prompt asks for, where that is known."""

    @property
    def pair(self) -> Pair:
        """The texts as the pair model reads them: the subject masked in both where the prompt mentions it."""
        mention, fact = find_mention(self.prompt, self.fact.subject), self.fact.text
        return mention.masked, find_mention(fact, self.fact.subject).masked if mention.is_masked else fact
