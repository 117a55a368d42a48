"""memedit moments."""

from pathlib import Path

import pytest

from memory_editor.backends.moments import MomentsFolder, default_folder
from memory_editor.language_model import LanguageModel
from tests.cli.conftest import Memedit

PATHS = ["model.layers.0.mlp.down_proj", "model.layers.1.mlp.down_proj"]
TEXT = "The capital of France is Paris. The capital of Italy is Rome.\n" * 20


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("MEMEDIT_CACHE", str(tmp_path / "cache"))
    files = [tmp_path / "one.txt", tmp_path / "two.txt"]
    for file in files:
        file.write_text(TEXT)
    return [*map(str, files)]


def test_they_are_taken_of_every_layer_that_is_named(memedit: Memedit, tiny: LanguageModel, texts: list[str]) -> None:
    target = memedit.path.parent / "moments"
    told = memedit.json("moments", *texts, "--layer", "0", "--layer", "1", "--tokens", "500", "--output", str(target))
    assert told == {"path": str(target), "tokens": dict.fromkeys(PATHS, 500)}
    assert MomentsFolder(target).find(tiny, PATHS[1]).count == 500


def test_they_go_to_the_cache_and_text_may_come_from_stdin(
    memedit: Memedit, tiny: LanguageModel, texts: list[str]
) -> None:
    result = memedit.run("moments", texts[0], "-", "--layer", "1", given=TEXT)
    count = len(tiny.encode(TEXT + TEXT))
    assert result.stdout.splitlines()[1].split("\t") == [PATHS[1], f"{count:,}"]
    assert result.stderr == f"memedit: wrote {default_folder()}\n"
    assert MomentsFolder(default_folder()).find(tiny, PATHS[1]).count == count


def test_a_layer_or_a_file_that_is_not_there_is_an_error(memedit: Memedit, texts: list[str]) -> None:
    assert memedit.error("moments", *texts, "--layer", "2").startswith("layer 2 is not in tiny-llama-0")
    assert memedit.error("moments", "nowhere.txt", "--layer", "1").startswith("nowhere.txt cannot be read: No such")
