"""A bank takes the place of another at once or not at all, and is undone once."""

from pathlib import Path
from typing import Any

import pytest

from memory_editor.adapters.bank import Bank, alone, bank_folder, current_bank, undo, versions
from memory_editor.errors import ModelError
from memory_editor.language_model import LanguageModel
from memory_editor.models import cache
from tests.adapters.bank import banks
from tests.adapters.bank.banks import CAPITAL, CEO, TONGUE, make_bank

KILLED = {
    "while it is written": (banks, "write_weights"),
    "before it is sealed": (cache, "_seal"),
    "before the pointer is set": (versions, "_point"),
}


def folder_of(bank: Bank | None) -> Path | None:
    return bank.folder if bank else None


def test_a_bank_lies_beside_its_memory(tmp_path: Path) -> None:
    assert bank_folder(tmp_path / "facts.db", "default") == tmp_path / "facts.db.bank" / "default"


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert current_bank(tmp_path / "none") is None
    with pytest.raises(ModelError, match="no adapter bank is in force"):
        undo(tmp_path / "none")


def test_the_last_bank_is_in_force_and_the_one_before_comes_back(tmp_path: Path, tiny: LanguageModel) -> None:
    made = [make_bank(tmp_path, tiny, [[edit]]) for edit in (CEO, CAPITAL, TONGUE)]
    assert folder_of(current_bank(tmp_path)) == made[2].folder
    assert [bank.folder.exists() for bank in made] == [False, True, True]
    assert folder_of(undo(tmp_path)) == made[1].folder
    assert folder_of(current_bank(tmp_path)) == made[1].folder
    assert undo(tmp_path) is None
    assert current_bank(tmp_path) is None
    assert not any(bank.folder.exists() for bank in made)


@pytest.mark.parametrize("moment", KILLED)
def test_one_that_is_killed_leaves_the_old_bank_in_force(
    tmp_path: Path, tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    old = make_bank(tmp_path, tiny)

    def kill(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(*KILLED[moment], kill)
        with pytest.raises(KeyboardInterrupt):
            make_bank(tmp_path, tiny)
    assert folder_of(current_bank(tmp_path)) == old.folder
    new = make_bank(tmp_path, tiny, [[TONGUE]])
    assert folder_of(current_bank(tmp_path)) == new.folder
    assert {path.name for path in new.folder.parent.iterdir()} == {new.folder.name, old.folder.name}
    assert folder_of(undo(tmp_path)) == old.folder


@pytest.mark.parametrize("content", ["", "[]", '{"other": 1}'])
def test_a_broken_pointer_is_an_error(tmp_path: Path, tiny: LanguageModel, content: str) -> None:
    make_bank(tmp_path, tiny)
    (tmp_path / "current.json").write_text(content)
    with pytest.raises(ModelError, match="delete it"):
        current_bank(tmp_path)


def test_the_old_bank_stays_where_the_pointer_cannot_be_written(
    tmp_path: Path, tiny: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make_bank(tmp_path, tiny)

    def fail(*_: Any) -> Any:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        with pytest.raises(ModelError, match="the bank before stays in force"):
            make_bank(tmp_path, tiny)
    assert folder_of(current_bank(tmp_path)) == old.folder


def test_nothing_is_undone_while_another_bank_is_made(tmp_path: Path, tiny: LanguageModel) -> None:
    made = [make_bank(tmp_path, tiny, [[edit]]) for edit in (CEO, CAPITAL)]
    with alone(tmp_path), pytest.raises(ModelError, match="another process consolidates"):
        undo(tmp_path)
    assert folder_of(current_bank(tmp_path)) == made[1].folder
    assert folder_of(undo(tmp_path)) == made[0].folder
