"""The responder by name: the shipped adapter where there is one, the edit in context where there is none."""

from pathlib import Path

import pytest

from memory_editor.adapters.choosing import AUTO, choose_adapter
from memory_editor.adapters.in_context import InContext
from memory_editor.adapters.lora.files import LoraFiles
from memory_editor.adapters.lora.injection import lora_config
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from tests.adapters.lora.test_adapter import random_weights


@pytest.mark.parametrize("name", [AUTO, "in-context"])
def test_a_model_without_an_adapter_reads_the_edit_in_context(tiny: LanguageModel, name: str) -> None:
    assert isinstance(choose_adapter(name, tiny.model), InContext)


def test_a_folder_names_an_adapter(tiny: LanguageModel, tmp_path: Path) -> None:
    LoraFiles.of(lora_config(tiny.model, 2), random_weights(tiny), tiny.model, {}).save(tmp_path)
    assert choose_adapter(str(tmp_path), tiny.model).name == "lora"


def test_a_folder_without_one_is_an_error(tiny: LanguageModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no adapter in"):
        choose_adapter(str(tmp_path), tiny.model)
