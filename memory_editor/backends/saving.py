"""A language model, edited or not, as a folder that transformers loads by itself; knows no edits."""

from pathlib import Path

from safetensors import SafetensorError
from transformers import GenerationConfig
from transformers.utils import GENERATION_CONFIG_NAME

from memory_editor.adapters.shared_weights import sharing_weights
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
            _save_weights(base, folder)
            base.tokenizer.save_pretrained(str(folder))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{base.name} cannot be written into {str(folder)!r}: {error}; name another folder") from error


def _save_weights(base: LanguageModel, folder: Path) -> None:
    """Write weights and configuration.

    The settings of generation are written as they are: `save_pretrained` refuses those that contradict one another,
    e.g. a temperature without sampling, which models are loaded with all the same.
    """
    model = sharing_weights(base.model)
    generation = model.generation_config
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    if generation is not None:
        generation.to_json_file(folder / GENERATION_CONFIG_NAME, keys_to_pop=["compile_config"])
