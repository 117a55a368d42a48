"""The responder by name: the shipped adapter where there is one, the edit in context where there is none."""

from pathlib import Path

import pytest

from memory_editor.adapters.choosing import choose_adapter
from memory_editor.adapters.codebook import Codebook, CodebookAdapter, codebook_folder
from memory_editor.adapters.in_context import InContext
from memory_editor.adapters.lora.files import LoraFiles
from memory_editor.adapters.lora.injection import lora_config
from memory_editor.adapters.names import told
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from tests.adapters.lora.test_adapter import random_weights


@pytest.mark.parametrize("name", ["auto", "in-context", "bank"])
def test_a_model_without_an_adapter_reads_the_edit_in_context(tiny: LanguageModel, name: str, tmp_path: Path) -> None:
    assert isinstance(choose_adapter(name, tiny, tmp_path / "facts.db", "default"), InContext)


def test_a_folder_names_an_adapter(tiny: LanguageModel, tmp_path: Path) -> None:
    LoraFiles.of(lora_config(tiny.model, 2), random_weights(tiny), tiny.model, {}).save(tmp_path)
    assert choose_adapter(str(tmp_path), tiny, tmp_path / "facts.db", "default").name == "lora"


def test_a_folder_without_one_is_an_error(tiny: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no adapter in"):
        choose_adapter(str(tmp_path), tiny, tmp_path / "facts.db", "default")


def test_a_codebook_is_the_one_beside_the_memory(tiny: LanguageModel, tmp_path: Path) -> None:
    memory = tmp_path / "facts.db"
    with pytest.raises(ModelError, match=r"`memedit codebook train"):
        choose_adapter("codebook", tiny, memory, "default")
    Codebook(tiny).save(codebook_folder(memory, "default"))
    assert isinstance(choose_adapter("codebook", tiny, memory, "default"), CodebookAdapter)


@pytest.mark.parametrize(
    ("name", "model", "says"),
    [
        ("auto", "smollm2-135m", "lora, which comes with the package"),
        ("auto", "gpt2", "in-context: no adapter comes with the package for this model"),
        ("bank", "gpt2", "bank"),
    ],
)
def test_what_answers_is_told_without_a_model(name: str, model: str, says: str) -> None:
    assert told(name, model).startswith(says)
