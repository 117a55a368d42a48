"""A model is written as transformers reads it."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from memory_editor.backends.saving import make_empty_folder, save_model
from memory_editor.errors import DataError, ModelError
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model


def test_what_is_written_loads_bit_for_bit(tiny_of_each: LanguageModel, tmp_path: Path) -> None:
    save_model(tiny_of_each, tmp_path / "new" / "model")
    state = AutoModelForCausalLM.from_pretrained(tmp_path / "new" / "model").state_dict()
    assert state.keys() == tiny_of_each.model.state_dict().keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in tiny_of_each.model.state_dict().items())
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "new" / "model")
    assert tokenizer("The capital of France")["input_ids"] == tiny_of_each.encode("The capital of France")


def test_precision_is_kept(tmp_path: Path) -> None:
    base = tiny_model()
    base.model.bfloat16()
    save_model(base, tmp_path)
    assert LanguageModel.from_pretrained(str(tmp_path)).dtype is torch.bfloat16
    assert LanguageModel.from_pretrained(str(tmp_path)).fingerprint() == base.fingerprint()


def test_settings_of_generation_that_contradict_one_another_are_kept(tmp_path: Path) -> None:
    base = tiny_model()
    settings = base.model.generation_config
    settings.do_sample, settings.temperature, settings.eos_token_id = False, 0.6, [1, 2]
    save_model(base, tmp_path)
    found = AutoModelForCausalLM.from_pretrained(tmp_path).generation_config
    assert (found.do_sample, found.temperature, found.eos_token_id) == (False, 0.6, [1, 2])
    assert base.model.generation_config is settings


def test_a_folder_to_write_to_is_new_or_empty(tmp_path: Path) -> None:
    make_empty_folder(tmp_path / "new" / "folder")
    make_empty_folder(tmp_path / "new" / "folder")
    with pytest.raises(DataError, match="new is not empty, and nothing is written over"):
        make_empty_folder(tmp_path / "new")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file cannot be a folder to write to"):
        make_empty_folder(tmp_path / "file")


def test_a_place_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"tiny-llama-0 cannot be written into .*file/model"):
        save_model(tiny_model(), tmp_path / "file" / "model")
