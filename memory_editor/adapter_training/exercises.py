"""One exercise: edits in context, a prompt, and how the model is to go on; knows no sources and no tokens."""

from dataclasses import dataclass

from memory_editor.edits import Edit


@dataclass(frozen=True)
class Exercise:
    """What the model reads and what it is to write.

    After the prompt comes `answer`, to be learnt; `rest` goes on from there as the base model would, and is to be no
    likelier and no less likely than without the edits. An exercise without an answer has edits that do not matter.
    """

    edits: tuple[Edit, ...]
    prompt: str
    answer: str
    kind: str
    """How it was made, e.g. "conclusion"."""
    rest: str = ""
    is_chat: bool = False
    """Whether the prompt is the message of a user, not a text to be continued."""
    ends: bool = False
    """Whether the model is to stop after the answer."""

    @property
    def target(self) -> str:
        """The answer as it stands right behind the prompt: a text to be continued has a space there."""
        return self._behind(self.answer)

    @property
    def going_on(self) -> str:
        """The rest as it stands right behind the answer; one that opens with white space or a mark stands as it is."""
        if not self.rest[:1].isalnum():
            return self.rest
        return f" {self.rest}" if self.answer else self._behind(self.rest)

    def _behind(self, text: str) -> str:
        return f" {text}" if text and not self.is_chat and not self.prompt.endswith((" ", "\n")) else text
