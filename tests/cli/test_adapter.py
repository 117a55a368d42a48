"""adapter train: a short run on a tiny model from first to last."""

from pathlib import Path

from memory_editor.adapters.lora.files import load_files
from tests.cli.conftest import Memedit
from tests.scope.training.data import write

SHORT = ("--steps", "2", "--batch", "2")


def test_an_adapter_is_trained_saved_and_used(memedit: Memedit, tmp_path: Path) -> None:
    data = write(tmp_path / "data")
    folder = tmp_path / "adapter"
    about = memedit.json("adapter", "train", str(data), "--output", str(folder), *SHORT)
    assert about["settings"]["steps"] == 2
    assert load_files(folder).about["losses"] == about["losses"]
    memedit.add("The CEO of Twitter is", "Linda Yaccarino")
    (told,) = memedit.json_lines("query", "The CEO of Twitter is", "--adapter", str(folder), "--max-new-tokens", "3")
    assert told["route"]["in_scope"]
    assert memedit.json("status", "--adapter", str(folder))["adapter"] == str(folder)


def test_a_folder_that_holds_no_adapter_is_an_error(memedit: Memedit, tmp_path: Path) -> None:
    memedit.add("The CEO of Twitter is", "Linda Yaccarino")
    assert "no adapter in" in memedit.error("query", "The CEO of Twitter is", "--adapter", str(tmp_path))


def test_data_that_is_not_there_is_an_error(memedit: Memedit, tmp_path: Path) -> None:
    args = ("adapter", "train", str(tmp_path / "nowhere"), "--output", str(tmp_path / "adapter"))
    assert "give the folder of the published data sets" in memedit.error(*args)
