"""A language model, edited or not, as a folder that transformers loads by itself; knows no edits."""

from pathlib import Path

from safetensors import SafetensorError

from memory_editor.errors import DataError, ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.models.files import quiet


def make_empty_folder(folder: Path) -> None:
    """Make a folder, if it is not there; raises `DataError` where it cannot be made or has something in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise DataError(f"{folder} cannot be a folder to write to: {error.strerror}; name another") from error
    if not is_empty:
        raise DataError(f"{folder} is not empty, and nothing is written over; name another folder")


def save_model(base: LanguageModel, folder: Path) -> None:
    """Write weights, as safetensors, and tokenizer; raises `ModelError` where they cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with quiet():
            base.model.save_pretrained(folder)
            base.tokenizer.save_pretrained(str(folder))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{base.name} cannot be written into {str(folder)!r}: {error}; name another folder") from error
