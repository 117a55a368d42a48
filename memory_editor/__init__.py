"""Make a language model answer according to a memory of edits, and leave every other answer as it was.

Importing the package imports no torch: a public name loads its module when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from memory_editor.editor import Answer, MemoryEditor
    from memory_editor.edits import Edit, EditId, Status
    from memory_editor.errors import MemoryEditorError
    from memory_editor.language_model import LanguageModel
    from memory_editor.memory import EditMemory
    from memory_editor.scope.route import Route, ScoredEdit
    from memory_editor.store import Note, Store

__version__: Final = "0.1.0"

_HOMES: Final = {
    "Answer": "memory_editor.editor",
    "Edit": "memory_editor.edits",
    "EditId": "memory_editor.edits",
    "EditMemory": "memory_editor.memory",
    "LanguageModel": "memory_editor.language_model",
    "MemoryEditor": "memory_editor.editor",
    "MemoryEditorError": "memory_editor.errors",
    "Note": "memory_editor.store",
    "Route": "memory_editor.scope.route",
    "ScoredEdit": "memory_editor.scope.route",
    "Status": "memory_editor.edits",
    "Store": "memory_editor.store",
}

__all__ = [
    "Answer",
    "Edit",
    "EditId",
    "EditMemory",
    "LanguageModel",
    "MemoryEditor",
    "MemoryEditorError",
    "Note",
    "Route",
    "ScoredEdit",
    "Status",
    "Store",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
