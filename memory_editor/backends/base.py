"""What every editing method is: edits in, an undo out; knows no method."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress


class Undo(Protocol):
    """What an editing method leaves: the model that answers with the edits, and the way back."""

    model: Any
    """What is called and generates as a Hugging Face model does: the same model, changed, or one around it."""

    def undo(self) -> None:
        """Bring the model back to what it was before the edit, bit for bit; once done, does nothing.

        Edits made one after the other are undone last first. Raises `ModelError` where a later one still stands.
        """
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Undo."""
        self.undo()


class Backend(Protocol):
    """An editing method with its hyper-parameters, which are the fields of a frozen dataclass."""

    @property
    def name(self) -> str:
        """What it is called in commands and reports, e.g. "rome"."""
        ...

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> Undo:
        """Make a model answer according to edits, all of them at once.

        Whatever raises leaves the model as it was. Raises `InvalidEdit` for an edit that the method cannot make, and
        `ModelError` for a model that it cannot edit.
        """
        ...


@runtime_checkable
class Loading(Protocol):
    """A backend with models of its own, such as an encoder, which otherwise its first edit loads."""

    def load(self) -> None:
        """Load them, unless that is done."""
        ...
