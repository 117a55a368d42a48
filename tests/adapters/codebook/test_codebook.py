"""The codebook: what it learns, how far it reaches, and that it forgets without a trace."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from memory_editor.adapters.codebook import Codebook
from memory_editor.adapters.codebook.files import FILE_NAME, codebook_folder
from memory_editor.edits import Edit, new_edit_id
from memory_editor.errors import ConfigError, InvalidEdit, ModelError
from memory_editor.language_model import LanguageModel
from tests.tiny import tiny_model

JAPAN = Edit("The capital of Japan is", "Paris")
TWITTER = Edit("Who runs Twitter?", "new")
FRANCE = Edit("The Eiffel Tower stands in the city of", "Paris")
EDITS = (JAPAN, FRANCE, TWITTER)


@pytest.fixture(scope="module")
def codebook(tiny: LanguageModel) -> Codebook:
    """A codebook with three edits; a test that changes one makes its own by `copied`."""
    codebook = Codebook(tiny, radius=1e-3, steps=12)
    codebook.add(EDITS)
    return codebook


def copied(codebook: Codebook, folder: Path, **over: Any) -> Codebook:
    codebook.save(folder)
    return Codebook.load(folder, codebook.base, **over)


def same(one: Codebook, other: Codebook) -> bool:
    found = [(book.ids, book.radii, book.projection, book.steps) for book in (one, other)]
    values = [torch.equal(a, b) for a, b in zip(map(one.value, one.ids), map(other.value, one.ids), strict=True)]  # type: ignore[arg-type]
    return found[0] == found[1] and all(values)


def test_the_projection_is_at_five_sixths_with_a_block_above_it(tiny: LanguageModel) -> None:
    assert Codebook(tiny).projection == "model.layers.0.mlp.down_proj"
    assert Codebook(tiny_model("llama", num_hidden_layers=7)).projection == "model.layers.5.mlp.down_proj"
    assert Codebook(tiny_model("llama", num_hidden_layers=1)).projection == "model.layers.0.mlp.down_proj"
    other = "model.layers.1.self_attn.o_proj"
    assert Codebook(tiny, projection=other).projection == other


def test_an_edit_is_its_own_nearest_entry(codebook: Codebook) -> None:
    assert codebook.ids == tuple(edit.id for edit in EDITS)
    for edit, match in zip(EDITS, codebook.nearest([edit.prompt for edit in EDITS]), strict=True):
        assert match
        assert (match.edit, match.is_within) == (edit.id, True)
        assert match.distance < 1e-5
    assert codebook.nearest([]) == []
    far = codebook.nearest(["Once upon a time", ""])
    assert [match.is_within for match in far if match] == [False, False]


def test_a_value_does_not_depend_on_what_is_learnt_with_it(codebook: Codebook) -> None:
    alone = Codebook(codebook.base, steps=12)
    told: list[int] = []
    alone.add([TWITTER], on_progress=told.append)
    found, expected = alone.value(TWITTER.id), codebook.value(TWITTER.id)
    assert found is not None
    assert expected is not None
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
    assert told == [1]


def test_an_edit_that_has_a_value_keeps_it(codebook: Codebook, tmp_path: Path) -> None:
    again = copied(codebook, tmp_path)
    told: list[int] = []
    again.add([*EDITS, JAPAN], on_progress=told.append)
    assert same(again, codebook)
    assert told == []


def test_removing_an_edit_restores_what_was_before_it(codebook: Codebook, tmp_path: Path) -> None:
    wide = copied(codebook, tmp_path, radius=1e3)  # all keys are in reach of the first
    other = Edit("A river near Tokyo", "Paris")
    before = wide.radii
    assert list(before) == [JAPAN.id, TWITTER.id]
    wide.add([other])
    wide.remove(other.id, new_edit_id())
    assert wide.radii == before
    wide.remove(JAPAN.id)
    assert (wide.ids, wide.value(JAPAN.id)) == ((FRANCE.id, TWITTER.id), None)
    assert set(wide.radii) == {FRANCE.id, TWITTER.id}  # what the removed entry had covered is one itself
    wide.remove(*wide.ids)
    assert wide.nearest([JAPAN.prompt]) == [None]


def test_the_base_model_stays_as_it_is(tiny: LanguageModel) -> None:
    ids = torch.tensor([tiny.encode(JAPAN.prompt)])
    print_before, logits = tiny.fingerprint(), tiny.model(ids).logits
    codebook = Codebook(tiny, steps=2)
    codebook.add([JAPAN])
    assert tiny.fingerprint() == print_before
    assert torch.equal(tiny.model(ids).logits, logits)
    assert {parameter.grad for parameter in tiny.model.parameters()} == {None}


def test_a_statement_cannot_be_learnt(tiny: LanguageModel) -> None:
    codebook = Codebook(tiny)
    statement = Edit("Linda Yaccarino runs Twitter.")
    with pytest.raises(InvalidEdit, match=f"edit {statement.id} is a statement; a codebook takes edits with a target"):
        codebook.add([JAPAN, statement])
    assert codebook.ids == ()


@pytest.mark.parametrize("wrong", [{"radius": 0}, {"steps": 0}, {"radius": float("nan")}])
def test_what_cannot_be_is_refused(tiny: LanguageModel, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="radius and steps of a codebook must be above 0"):
        Codebook(tiny, **wrong)


def test_a_projection_outside_every_block_cannot_be_learnt_for(tiny: LanguageModel) -> None:
    with pytest.raises(ModelError, match="'lm_head' is in no transformer block of tiny-llama-0"):
        Codebook(tiny, projection="lm_head").add([JAPAN])


def test_what_is_saved_is_what_is_loaded(codebook: Codebook, tmp_path: Path) -> None:
    assert same(copied(codebook, tmp_path), codebook)
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
    codebook.save(tmp_path)  # in place of the one that is there
    assert same(Codebook.load(tmp_path, codebook.base), codebook)
    assert list(copied(codebook, tmp_path, radius=0.5).radii) == [JAPAN.id, TWITTER.id]
    assert codebook_folder(Path("a/facts.db"), "work") == Path("a/facts.db.codebook/work")


def test_a_codebook_of_another_model_is_refused(codebook: Codebook, tmp_path: Path) -> None:
    codebook.save(tmp_path)
    with pytest.raises(ModelError, match="is not for tiny-llama-1; `memedit codebook train --anew` makes one"):
        Codebook.load(tmp_path, tiny_model("llama", seed=1))


@pytest.mark.parametrize("damage", ["missing", "cut", "other", "short", "format"])
def test_a_file_that_is_no_codebook_is_refused(codebook: Codebook, tmp_path: Path, damage: str) -> None:
    codebook.save(tmp_path)
    file = tmp_path / FILE_NAME
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "other":
        save_file(load_file(file), file)
    elif damage == "short":
        file.write_bytes(content.replace(TWITTER.id.encode(), b'", "'.center(26)))
    else:
        file.write_bytes(content.replace(b'\\"format\\": 1', b'\\"format\\": 2'))
    with pytest.raises(ModelError, match=r"no codebook in .*; `memedit codebook train --anew` makes one"):
        Codebook.load(tmp_path, codebook.base)


def test_a_folder_that_cannot_be_written_is_an_error(codebook: Codebook, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="no codebook can be written into"):
        codebook.save(tmp_path / "file")
