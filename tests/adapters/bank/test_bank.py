"""A bank is read again as it was sealed, for the edits as they were; whatever was changed since is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from memory_editor.adapters.bank import Bank, current_bank
from memory_editor.adapters.bank.bank import said, write_weights
from memory_editor.edits import Edit
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.models.cache import MANIFEST
from tests.adapters.bank.banks import CAPITAL, CEO, NEWER, TONGUE, make_bank, random_weights
from tests.tiny import tiny_model


def test_it_says_which_cluster_has_an_edit(tmp_path: Path, tiny: LanguageModel) -> None:
    for bank in (make_bank(tmp_path, tiny), current_bank(tmp_path)):
        assert bank is not None
        assert [bank.place(edit) for edit in (CEO, CAPITAL, TONGUE, NEWER)] == [0, 0, 1, None]
        assert len(bank) == 3


def test_weights_are_read_as_they_were_written(tmp_path: Path, tiny: LanguageModel) -> None:
    bank = make_bank(tmp_path, tiny)
    weights = random_weights(tiny, 1)
    for path, (down, up) in bank.lora(1).pairs.items():
        assert torch.equal(down.float(), weights[f"{path}.lora_A.weight"])
        assert torch.equal(up.float(), 2 * weights[f"{path}.lora_B.weight"])
    assert bank.lora(1) is bank.lora(1)


def test_what_an_edit_says_is_what_weights_learn_of_it() -> None:
    for same in (replace(CEO, source="a paper"), replace(CEO, exclusions=("Who founded Twitter?",))):
        assert said(same) == said(CEO)
    for other in (Edit(CEO.prompt, "Elon"), replace(CEO, paraphrases=()), replace(CEO, prompt="Twitter is run by")):
        assert said(other) != said(CEO)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_model_is_known_in_any_precision_and_no_other(
    tmp_path: Path, tiny: LanguageModel, dtype: torch.dtype
) -> None:
    bank, model = make_bank(tmp_path, tiny), tiny_model("llama").model
    model.to(dtype=dtype)  # type: ignore[call-arg]
    assert bank.is_for(model)
    assert not bank.is_for(tiny_model("llama", seed=1).model)
    assert not bank.is_for(tiny_model("gpt2").model)


@pytest.mark.parametrize("name", [MANIFEST, "0.safetensors", "1.safetensors"])
def test_what_is_not_as_it_was_sealed_is_refused(tmp_path: Path, tiny: LanguageModel, name: str) -> None:
    path = make_bank(tmp_path, tiny).folder / name
    content = path.read_bytes()
    for broken in (b"", b"[]", b"{}", content[:-1], content[:200] + b"x" + content[201:]):
        path.write_bytes(broken)
        with pytest.raises(ModelError, match=r"no adapter bank in .*--undo"):
            Bank.load(path.parent)
    path.unlink()
    with pytest.raises(ModelError, match="no adapter bank in"):
        Bank.load(path.parent)


def test_a_bank_of_another_format_is_refused(tmp_path: Path, tiny: LanguageModel) -> None:
    folder = make_bank(tmp_path, tiny).folder
    manifest = folder / MANIFEST
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(ModelError, match="its format is 2, not 1"):
        Bank.load(folder)


def test_a_bank_that_was_replaced_under_its_reader_says_so(tmp_path: Path, tiny: LanguageModel) -> None:
    bank = make_bank(tmp_path, tiny)
    make_bank(tmp_path, tiny)
    make_bank(tmp_path, tiny)
    with pytest.raises(ModelError, match="open the memory anew, the bank was replaced"):
        bank.lora(0)


def test_weights_that_cannot_be_written_are_an_error(tmp_path: Path, tiny: LanguageModel) -> None:
    with pytest.raises(ModelError, match="make room or set rights"):
        write_weights(random_weights(tiny, 0), tmp_path / "none" / "weights.safetensors")
