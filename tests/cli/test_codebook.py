"""memedit codebook."""

import re

from memory_editor.adapters.codebook import Codebook, codebook_folder
from memory_editor.edits import Edit
from memory_editor.language_model import LanguageModel
from tests.cli.conftest import Memedit

JAPAN = Edit("The capital of Japan is", "Paris")
TWITTER = Edit("Who runs Twitter?", "new")
STATEMENT = Edit("Linda Yaccarino runs Twitter.")


def test_the_codebook_follows_the_memory(memedit: Memedit, tiny: LanguageModel) -> None:
    folder = codebook_folder(memedit.path, "default")
    memedit.put([JAPAN, STATEMENT])
    assert memedit.json("codebook", "train", "--radius", "2") == {"added": 1, "removed": 0, "kept": 0, "statements": 1}
    learnt = Codebook.load(folder, tiny)
    assert learnt.radii == {JAPAN.id: 2.0}
    memedit.put([TWITTER])
    result = memedit.run("codebook", "train")
    assert result.stdout == "1 learnt, 1 kept, 0 removed\n"
    assert result.stderr.splitlines() == [
        "memedit: 1 statements have no target to learn; they are answered in context",
        f"memedit: wrote {folder}",
    ]
    memedit("remove", JAPAN.id)
    assert memedit.json("codebook", "train") == {"added": 0, "removed": 1, "kept": 1, "statements": 1}
    assert Codebook.load(folder, tiny).ids == (TWITTER.id,)


def test_another_layer_takes_a_new_codebook(memedit: Memedit, tiny: LanguageModel) -> None:
    memedit.put([TWITTER])
    memedit("codebook", "train")
    layer = "model.layers.1.mlp.down_proj"
    told = re.sub(r"\W+", " ", memedit.usage_error("codebook", "train", "--layer", layer))
    assert "layer is for a new codebook" in told
    memedit("codebook", "train", "--layer", layer, "--anew")
    assert Codebook.load(codebook_folder(memedit.path, "default"), tiny).projection == layer


def test_a_codebook_needs_a_memory(memedit: Memedit) -> None:
    assert memedit.error("codebook", "train").startswith(f"there is no memory at '{memedit.path}'")
    assert not memedit.path.exists()
