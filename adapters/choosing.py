"""Which responder answers in scope, by name."""

from pathlib import Path
from typing import Final

from transformers import PreTrainedModel

from memory_editor.adapters.base import Adapter
from memory_editor.adapters.in_context import InContext
from memory_editor.adapters.lora.files import SHIPPED, load_adapter, load_files, shipped_adapter

AUTO: Final = "auto"
"""The edit-following adapter that comes with the package for a model, else the edit in context."""


def choose_adapter(name: str, model: PreTrainedModel) -> Adapter:
    """Return the adapter `name` for `model`: "auto", "in-context", or a folder that `memedit adapter train` wrote.

    Raises `ModelError` for a folder that holds none for this model.
    """
    if name == AUTO:
        return shipped_adapter(model) or InContext()
    if name == InContext.name:
        return InContext()
    return load_adapter(Path(name).expanduser(), model)


def told(name: str, model: str) -> str:
    """Say in words what answers for the model called `model`, without loading that."""
    if name != AUTO:
        return name
    shipped = [load_files(folder) for folder in sorted(SHIPPED.glob("*/"))]
    if any(model in files.about["names"] for files in shipped):
        return "lora, which comes with the package"
    return f"{InContext.name}: no adapter comes with the package for this model, `memedit adapter train` makes one"
