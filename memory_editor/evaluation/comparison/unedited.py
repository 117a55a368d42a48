"""The untouched model as a method, which shows what any other has to beat; edits nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from memory_editor.backends.weights import WeightUndo, undoable
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from memory_editor.progress import Progress, no_progress


@dataclass(frozen=True)
class Unedited:
    """Answers before any edit."""

    name: ClassVar[str] = "unedited"

    def edit(self, base: LanguageModel, edits: Sequence[Edit], *, progress: Progress = no_progress) -> WeightUndo:
        """Return the model as it is."""
        del edits, progress
        with undoable(base, []) as undo:
            pass
        return undo
