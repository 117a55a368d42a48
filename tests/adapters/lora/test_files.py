"""What is saved is loaded again for the same model in any precision, and for no other; what is broken is refused."""

import json
from pathlib import Path

import pytest
import torch

from memory_editor.adapters.lora.files import LoraFiles, load_adapter, load_files, shipped_adapter
from memory_editor.adapters.lora.injection import lora_config
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from tests.adapters.lora.test_adapter import EDITS, IDS, random_weights
from tests.tiny import tiny_model


@pytest.fixture
def folder(tiny: LanguageModel, tmp_path: Path) -> Path:
    config = lora_config(tiny.model, 2)
    LoraFiles.of(config, random_weights(tiny), tiny.model, {"model": "tiny"}).save(tmp_path)
    return tmp_path


@torch.no_grad()
def test_what_is_saved_is_loaded_in_half_precision(tiny: LanguageModel, folder: Path) -> None:
    files = load_files(folder)
    weights = random_weights(tiny)
    assert set(files.weights) == set(weights)
    for name, value in files.weights.items():
        assert torch.equal(value, weights[name].half())
    with load_adapter(folder, tiny.model).applied(tiny.model, EDITS) as one:
        first = one(IDS).logits
    with load_adapter(folder, tiny.model).applied(tiny.model, EDITS) as other:
        assert torch.equal(other(IDS).logits, first)
    assert first.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_model_is_known_again_in_any_precision(folder: Path, dtype: torch.dtype) -> None:
    model = tiny_model("llama").model
    model.to(dtype=dtype)  # type: ignore[call-arg]
    assert load_files(folder).is_for(model)


@pytest.mark.parametrize("other", [tiny_model("llama", seed=1), tiny_model("gpt2")])
def test_another_model_is_refused(folder: Path, other: LanguageModel) -> None:
    with pytest.raises(ModelError, match=r"is for tiny, not for this model; train one for it"):
        load_adapter(folder, other.model)


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors", "about.json"])
def test_a_missing_or_broken_file_is_an_error_that_says_what_makes_one(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for broken in (b"", content[: len(content) // 2], b"[]", b"{}"):
        (folder / name).write_bytes(broken)
        with pytest.raises(ModelError, match=r"no adapter in .*`memedit adapter train` makes one"):
            load_files(folder)
    (folder / name).unlink()
    with pytest.raises(ModelError, match=r"no adapter in"):
        load_files(folder)


def test_fields_of_a_later_peft_do_not_matter(folder: Path, tiny: LanguageModel) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"of_the_future": 1}))
    assert load_files(folder).is_for(tiny.model)


def test_no_adapter_is_shipped_for_a_model_of_ones_own(tiny: LanguageModel) -> None:
    assert shipped_adapter(tiny.model) is None
