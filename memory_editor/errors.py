"""Every error this package raises on purpose; a boundary that knows nothing else of the package.

    MemoryEditorError
    ├── ConfigError            a setting that is unknown, malformed or out of range
    ├── InvalidEdit            a requested edit that breaks a rule of `Edit`
    ├── HarmfulEdit            a change of weights that harms the model more than a bound allows
    ├── DataError              a file of edits that cannot be read as one
    ├── MissingDependency      an optional package that the request needs
    ├── ModelError             a language model or encoder that cannot be loaded or does not fit
    │   └── PromptTooLong      a prompt that leaves no room in the model's context window
    ├── UnsupportedOption      a generation option that cannot be honoured for a routed prompt
    ├── IndexFileError         an index file that is missing, corrupt or of another kind
    └── StoreError             the edit memory's database refuses
        ├── UnknownEdit        no edit has that id
        ├── EditConflict       an edit contradicts live ones and nobody said which holds
        └── EncoderMismatch    the vectors were made by another encoder

Each message gives the value, the rule and the next step on one line; the command line prints it as it is.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memory_editor.edits import Conflict


class MemoryEditorError(Exception):
    """Base of the tree: catch this to catch everything the package raises on purpose."""


class ConfigError(MemoryEditorError):
    """A setting is unknown, malformed or out of range."""


class InvalidEdit(MemoryEditorError):
    """A requested edit breaks a rule of `Edit`."""


class HarmfulEdit(MemoryEditorError):
    """A change of weights harms the model more than a bound allows; it was taken back."""


class DataError(MemoryEditorError):
    """A file of edits cannot be read; `line` is the first bad line or record, counted from 1."""

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class MissingDependency(MemoryEditorError):
    """An optional package is needed and not installed."""


class ModelError(MemoryEditorError):
    """A language model or an encoder cannot be found, loaded or used."""


class PromptTooLong(ModelError):
    """A prompt leaves no room for an answer in the model's context window."""


class UnsupportedOption(MemoryEditorError):
    """A generation option cannot be honoured for a prompt that an edit answers."""


class IndexFileError(MemoryEditorError):
    """An index file is missing, corrupt, stale or of another kind; the store can rebuild it."""


class StoreError(MemoryEditorError):
    """The database refuses: not ours, newer, read-only, locked, full or damaged."""


class UnknownEdit(StoreError):
    """No edit, or more than one, answers to that id."""


class EditConflict(StoreError):
    """Edits contradict live ones in a way that only their author can settle.

    `conflicts` pairs each requested edit with the live edit it may contradict.
    """

    def __init__(self, message: str, conflicts: Sequence["Conflict"]) -> None:
        super().__init__(message)
        self.conflicts = tuple(conflicts)


class EncoderMismatch(StoreError):
    """The stored vectors were made by another encoder than the one in use."""
