"""Which responder answers in scope, by name."""

from pathlib import Path

from memory_editor.adapters.bank import bank_adapter, bank_folder
from memory_editor.adapters.base import Adapter
from memory_editor.adapters.codebook import Codebook, CodebookAdapter, codebook_folder
from memory_editor.adapters.in_context import InContext
from memory_editor.adapters.lora.files import load_adapter, shipped_adapter
from memory_editor.adapters.names import AdapterName
from memory_editor.language_model import LanguageModel


def choose_adapter(name: str, base: LanguageModel, memory: Path, namespace: str) -> Adapter:
    """Return the adapter `name` for a model: an `AdapterName`, or a folder that `memedit adapter train` wrote.

    A codebook and a bank are kept beside the memory at the path `memory`; what they do not hold is answered by another.
    Raises `ModelError` for files that are missing, broken or for another model.
    """
    match name:
        case AdapterName.AUTO:
            return shipped_adapter(base.model) or InContext()
        case AdapterName.IN_CONTEXT:
            return InContext()
        case AdapterName.CODEBOOK:
            return CodebookAdapter(Codebook.load(codebook_folder(memory, namespace), base))
        case AdapterName.BANK:
            fallback = shipped_adapter(base.model) or InContext()
            return bank_adapter(bank_folder(memory, namespace), base.model, fallback)
        case _:
            return load_adapter(Path(name).expanduser(), base.model)
